//! Accuracy and cost of the generator: `cargo bench -p loadgen --bench pace [-- SECONDS [ROUNDS]]`.
//!
//! Sends the default mix to a minimal shop on another thread of this process. The rate error compares the requests sent
//! with the configured rate (constant arrivals), or with the plan of the seed (Poisson arrivals, whose number is random).
//! CPU is that of the generator's threads only.

use std::{net::SocketAddr, thread, time::Duration};

use axum::{
    Json, Router,
    http::StatusCode,
    routing::{get, post},
    serve::ListenerExt,
};
use loadgen::{Arrival, Config, Load, Record};
use shop_api::path::v1;
use tokio::net::TcpListener;

fn main() {
    // Cargo passes `--bench`; the other arguments are numbers.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.parse::<u32>().ok());
    let seconds = numbers.next().unwrap_or(10);
    let rounds = numbers.next().unwrap_or(3);
    raise_open_files();
    let shop = start_shop();
    println!("{seconds} s a run, {rounds} interleaved rounds, default mix");
    println!(
        "{:>8} {:>9} {:>8} {:>11} {:>11} {:>8} {:>15} {:>7} {:>12}",
        "rate/s",
        "arrival",
        "sent",
        "rate error",
        "lag p50 ms",
        "p99 ms",
        "latency p50 ms",
        "failed",
        "CPU us/req"
    );
    for _ in 0..rounds {
        for rate in [500.0, 5_000.0] {
            for arrival in [Arrival::Constant, Arrival::Poisson] {
                run(shop, rate, arrival, seconds);
            }
        }
    }
}

fn run(shop: SocketAddr, rate: f64, arrival: Arrival, seconds: u32) {
    let load = Load {
        rate,
        arrival,
        ..Load::default()
    };
    let config = Config::new(shop, 7, load);
    let handle = loadgen::start(config.clone()).expect("the load is valid");
    thread::sleep(Duration::from_secs(u64::from(seconds)) + Duration::from_millis(50));
    let cpu = generator_cpu();
    let record = block_on(handle.stop(Duration::from_secs(2)));
    print_row(&config, &record, seconds, cpu);
}

fn print_row(config: &Config, record: &Record, seconds: u32, cpu: Duration) {
    let Load { rate, arrival, .. } = config.load;
    let window = 0..seconds;
    let sum = record.sum(window.clone(), None);
    let expected = match arrival {
        Arrival::Constant => rate * f64::from(seconds),
        Arrival::Poisson => config
            .load
            .planned(config.seed, Duration::from_secs(u64::from(seconds)))
            as f64,
    };
    // Before the first order there is none to read: such an arrival was on time but had nothing to send.
    let error = (sum.sent + sum.abandoned) as f64 / expected - 1.0;
    let lag = record.lag(window.clone());
    let sent = record.sum(record.whole(), None).sent as f64;
    println!(
        "{rate:>8} {:>9} {:>8} {:>10.3}% {:>11.3} {:>8.3} {:>15.3} {:>7} {:>12.1}",
        format!("{arrival:?}").to_lowercase(),
        sum.sent,
        error * 100.0,
        lag.value_at_quantile(0.5) as f64 / 1e3,
        lag.value_at_quantile(0.99) as f64 / 1e3,
        record.quantile_us(window, None, 0.5) as f64 / 1e3,
        sum.failed(),
        cpu.as_secs_f64() * 1e6 / sent,
    );
}

/// Both ends of every connection are in this process, so the usual limit of 1,024 files would be too low.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a soft limit may be raised to the hard limit");
}

/// CPU time of the generator's threads so far; 0 if the system does not report it by thread.
fn generator_cpu() -> Duration {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    let nanos = threads.flatten().filter_map(|thread| {
        let read = |name: &str| std::fs::read_to_string(thread.path().join(name)).ok();
        read("comm")?.starts_with("load-").then_some(())?;
        read("schedstat")?
            .split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
    });
    Duration::from_nanos(nanos.sum())
}

fn start_shop() -> SocketAddr {
    let (tx, rx) = std::sync::mpsc::channel();
    let body = move || {
        block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0))
                .await
                .expect("a free port");
            tx.send(listener.local_addr().expect("bound"))
                .expect("main waits");
            let listener =
                listener.tap_io(|stream| stream.set_nodelay(true).expect("a TCP stream"));
            axum::serve(listener, router())
                .await
                .expect("the server runs until the process ends");
        });
    };
    thread::Builder::new()
        .name("shop".to_owned())
        .spawn(body)
        .expect("a thread");
    rx.recv().expect("the shop has started")
}

fn router() -> Router {
    let order = || async {
        (
            StatusCode::CREATED,
            Json(std::collections::BTreeMap::from([("order", "o-1")])),
        )
    };
    Router::new()
        .route(v1::PRODUCTS, get(|| async { "a page" }))
        .route(v1::PRODUCT, get(|| async { "a product" }))
        .route(
            v1::CART,
            get(|| async { "a cart" }).put(|_: String| async { "a cart" }),
        )
        .route(v1::ORDERS, post(order))
        .route(v1::ORDER, get(|| async { "an order" }))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}
