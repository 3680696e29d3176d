//! From the start of the process to the first answer through three services, and to its trace.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::api::{Api, Traces};
use crate::drill::{Drill, Home, READY_WITHIN, free_port};
use crate::table::{Row, spread};
use crate::wire::Connection;
use crate::{Options, order};

const ROUNDS: usize = 11;
/// Between two tries; what it adds to the result is half of it.
const TRY_EVERY: Duration = Duration::from_millis(1);

/// The caller's trace context: with it, the trace can be asked for by its id.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: u64 = 0xb7ad_6b71_6920_3331;

pub(crate) fn measure(home: &Home, options: Options) -> anyhow::Result<Vec<Row>> {
    let (mut answers, mut traces) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds.unwrap_or(ROUNDS) {
        let (answer, trace) = round(home)?;
        answers.push(ms(answer));
        traces.push(ms(trace));
    }
    Ok(vec![
        Row::new(
            "process start to the first 2xx through three hops",
            "300 ms",
            spread(&answers, " ms", 0),
        ),
        Row::new(
            "process start to its complete trace from Jaeger's API",
            "500 ms",
            spread(&traces, " ms", 0),
        ),
    ])
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Time to the first answer and to its trace.
fn round(home: &Home) -> anyhow::Result<(Duration, Duration)> {
    let (gateway, jaeger) = (free_port()?, free_port()?);
    let ports = [gateway.to_string(), jaeger.to_string()];
    let arguments = [
        "up",
        "--gateway-port",
        &ports[0],
        "--jaeger-port",
        &ports[1],
    ];
    let mut drill = Drill::start(home, &arguments)?;
    let began = Instant::now();
    let traceparent = format!("traceparent: 00-{TRACE}-{CALLER:016x}-01\r\n");
    let mut shop = until(began, "a cart", || {
        let mut connection = Connection::open(loopback(gateway)).ok()?;
        let is_filled = order::fill(&mut connection, "figures-start", 1);
        is_filled.unwrap_or(false).then_some(connection)
    })?;
    until(began, "an order", || {
        let is_placed = order::place(&mut shop, "figures-start", 1, &traceparent);
        is_placed.unwrap_or(false).then_some(())
    })?;
    let answered = drill.age();
    let mut backend = Connection::open(loopback(jaeger)).context("Jaeger's API")?;
    until(began, "a trace", || {
        let path = Api::trace_path(TRACE);
        let (_, body) = backend.call("GET", &path, "", "").ok()?;
        let found = Traces::read(&serde_json::from_slice(&body).ok()?);
        let shape = found.complete(CALLER).pop()?;
        (shape.services.len() == 3).then_some(())
    })?;
    let traced = drill.age();
    drill.end()?;
    Ok((answered, traced))
}

fn until<T>(
    began: Instant,
    what: &str,
    mut condition: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if began.elapsed() > READY_WITHIN {
            bail!("no {what} within {READY_WITHIN:?}");
        }
        std::thread::sleep(TRY_EVERY);
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
