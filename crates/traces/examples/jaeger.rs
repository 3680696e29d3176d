//! The embedded Jaeger with made-up traces of three services, to look at: `cargo run -p traces --example jaeger`.
//!
//! Prints its addresses and runs until it is stopped.

use std::time::{Duration, SystemTime};

use traces::store::Limits;
use traces::{Traces, ui};

#[path = "../benches/traces/shop.rs"]
mod shop;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graph = ui::MenuLink {
        text: "Graph".to_owned(),
        url: "http://127.0.0.1:9090/graph".to_owned(),
    };
    let config = ui::Config {
        links: vec![graph],
        link_patterns: Vec::new(),
    };
    let traces = Traces::new(Limits::default(), config, None);
    let minutes_ago = SystemTime::now() - Duration::from_secs(300);
    let start = minutes_ago
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_nanos() as u64;
    // One trace every 10 ms for five minutes.
    for first in (0..30_000).step_by(60) {
        traces
            .store()
            .ingest(&shop::request(first, 60, start).resource_spans);
    }
    let jaeger = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let otlp = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("jaeger    http://{}", jaeger.local_addr()?);
    println!("otlp/http http://{}", otlp.local_addr()?);
    println!("{:?}", traces.stats());
    println!("a trace   {}", hex::encode(shop::trace_id(7)));
    let receiver = axum::serve(otlp, traces.otlp_http_router());
    let query = axum::serve(jaeger, traces.jaeger_router());
    tokio::try_join!(receiver.into_future(), query.into_future())?;
    Ok(())
}
