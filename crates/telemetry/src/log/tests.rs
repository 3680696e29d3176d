//! The format of log lines.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{
    writer::{CHUNK_BYTES, QUEUE},
    *,
};
use crate::redact::{Personal, Secret};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that `work` logs.
fn lines_of(work: impl FnOnce()) -> Vec<Value> {
    let sink = Sink::default();
    let writer = Writer::start(sink.clone()).expect("a thread starts");
    let json = Json::new("checkout", "checkout-1", "2026.11.3", writer.clone());
    let subscriber = tracing_subscriber::registry()
        .with(Gate { has_spans: true })
        .with(json);
    tracing::subscriber::with_default(subscriber, work);
    assert!(writer.flush(Duration::from_secs(5)));
    let text = String::from_utf8(sink.0.lock().clone()).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is a JSON object"))
        .collect()
}

#[test]
fn a_line_has_its_origin_message_and_fields() {
    let lines = lines_of(|| {
        tracing::error!(
            order.id = "o-\"1\"",
            attempt = 3_u64,
            level = "mine",
            ratio = f64::NAN,
            email = %Personal::new("a@example.org"),
            token = ?Secret::new("t0ken"),
            "lost\norder"
        );
    });
    let line = &lines[0];
    for (key, value) in [
        ("level", "error"),
        ("service", "checkout"),
        ("instance", "checkout-1"),
        ("version", "2026.11.3"),
        ("message", "lost\norder"),
        ("order.id", "o-\"1\""),
        ("level_", "mine"),
        ("email", "[personal]"),
        ("token", "[secret]"),
    ] {
        assert_eq!(line[key], value, "{key} in {line}");
    }
    assert_eq!(line["attempt"], 3);
    assert_eq!(line["ratio"], Value::Null);
    assert!(
        line["target"]
            .as_str()
            .is_some_and(|t| t.starts_with("telemetry::"))
    );
    assert!(
        line["timestamp"]
            .as_str()
            .is_some_and(|t| t.len() == 27 && t.ends_with('Z'))
    );
    assert!(line.get("trace_id").is_none() && line.get("request_id").is_none());
}

#[test]
fn lines_within_a_request_have_its_id() {
    let lines = lines_of(|| {
        let request = request::Request {
            id: "r-1".into(),
            deadline: Instant::now(),
        };
        let work = request::scope(request, async { tracing::info!("inside") });
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime can be built")
            .block_on(work);
        tracing::info!("outside");
    });
    assert_eq!(lines[0]["request_id"], "r-1");
    assert!(lines[1].get("request_id").is_none());
}

#[test]
fn events_of_libraries_are_not_logged() {
    let lines = lines_of(|| {
        tracing::error!(target: "h2::client", "noise");
        tracing::error!(target: "opentelemetry-otlp", "noise");
        tracing::info!(target: "hyperspace", "signal");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "signal");
}

#[test]
fn a_sink_that_blocks_costs_lines_but_no_time() {
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // Returns when the test drops the other end.
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_end, stuck) = std::sync::mpsc::channel();
    let (registry, recorder) = crate::metric::build().expect("well formed");
    let writer = metrics::with_local_recorder(&recorder, || Writer::start(Stuck(stuck)))
        .expect("a thread starts");
    // Each line fills a chunk, so that the thread can take one and no more out of the queue.
    for _ in 0..QUEUE + 10 {
        writer.write(vec![b' '; CHUNK_BYTES]);
    }
    assert!(!writer.flush(Duration::from_millis(1)));
    let text = crate::metric::Metrics::new(registry).text();
    let dropped: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("log_lines_dropped_total "))
        .and_then(|count| count.parse().ok())
        .expect("the counter is there");
    assert!((9..=10).contains(&dropped), "{dropped}");
}

#[test]
fn an_unknown_level_is_rejected() {
    assert_eq!(
        set_level("loud").map_err(|error| error.to_string()),
        Err("`loud` is not a log level (levels: error, warn, info, debug, trace)".to_owned())
    );
}
