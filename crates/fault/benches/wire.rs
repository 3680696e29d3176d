//! How accurately a wire adds latency while the cores are busy:
//! `cargo bench -p fault --bench wire`.
//!
//! Load: 16 connections over plain sockets next to the measured one. The error is the median round trip
//! less the configured latency and less the round trip without latency under the same load.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fault::wire::{Proxy, Wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const ROUNDS: usize = 3;
const SAMPLES: usize = 150;
const LOAD_CONNECTIONS: usize = 16;
/// Requests per second of the load, all connections together.
const LOAD_RATE: u64 = 4_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(run());
}

async fn run() {
    let echo = echo().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    for _ in 0..LOAD_CONNECTIONS {
        tokio::spawn(load(echo, Arc::clone(&is_over), Arc::clone(&count)));
    }
    let proxy = Proxy::start(echo, Wire::default(), 1).await;
    let proxy = proxy.expect("a free port");
    let mut stream = TcpStream::connect(proxy.addr()).await.expect("connected");
    stream.set_nodelay(true).expect("a socket");
    println!(
        "{:>12} {:>14} {:>14} {:>10}",
        "latency ms", "median ms", "error ms", "load req/s"
    );
    for _ in 0..ROUNDS {
        proxy.set(Wire::default());
        let idle = median(&mut stream).await;
        for ms in [5, 20, 100] {
            proxy.set(Wire {
                latency_there: Duration::from_millis(ms),
                ..Wire::default()
            });
            let (began, before) = (Instant::now(), count.load(Ordering::Relaxed));
            let median = median(&mut stream).await;
            let rate =
                (count.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
            let added = median.saturating_sub(idle).as_secs_f64() * 1e3;
            let error = added - ms as f64;
            println!("{ms:>12} {added:>14.3} {error:>14.3} {rate:>10.0}");
        }
    }
    is_over.store(true, Ordering::Relaxed);
}

async fn median(stream: &mut TcpStream) -> Duration {
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let began = Instant::now();
        ask(stream).await;
        times.push(began.elapsed());
    }
    times.sort();
    times[SAMPLES / 2]
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"ping").await.expect("carried");
    stream.read_exact(&mut [0; 4]).await.expect("answered");
}

async fn load(echo: SocketAddr, is_over: Arc<AtomicBool>, count: Arc<AtomicU64>) {
    let mut stream = TcpStream::connect(echo).await.expect("connected");
    let every = Duration::from_secs(LOAD_CONNECTIONS as u64).div_f64(LOAD_RATE as f64);
    let mut ticks = tokio::time::interval(every);
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        ask(&mut stream).await;
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Small messages must be echoed at once.
                let _ = stream.set_nodelay(true);
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    addr
}
