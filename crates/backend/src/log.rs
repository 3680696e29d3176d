//! The backend's own log: JSON lines on standard error, in the shop's format.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates whose messages are logged; HTTP libraries stay silent.
const TARGETS: [&str; 4] = ["backend", "ingress", "prom", "traces"];

/// Logs from here on. A second call changes nothing.
pub(crate) fn init() {
    let targets = TARGETS.map(|target| (target, Level::INFO));
    let filter = Targets::new().with_targets(targets);
    let subscriber = tracing_subscriber::registry().with(Lines.with_filter(filter));
    // It fails only where a log is set up already.
    _ = subscriber.try_init();
}

struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        let timestamp = OffsetDateTime::now_utc()
            .format(&Rfc3339)
            .unwrap_or_default();
        let line = serde_json::json!({
            "timestamp": timestamp,
            "level": event.metadata().level().as_str().to_lowercase(),
            "service": "backend",
            "instance": "backend",
            "message": message.0,
        });
        // Standard error may be closed; then there is no log.
        _ = writeln!(std::io::stderr(), "{line}");
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to memory does not fail.
            _ = write!(self.0, "{value:?}");
        }
    }
}
