//! `trace:` pointers: is the trace in this run, and what is unusual in it?

use time::Duration;

use super::execute::GRACE;
use super::{Detail, Finding};
use crate::effect::Effect;
use crate::effect::trace::{self, Usual, operation};
use crate::evidence::{Error, Jaeger, Trace, TraceQuery};
use crate::moment::{Frame, Windows, clock_text};
use crate::reference::Probe;

/// Traces of the baseline that one is compared with.
const COMPARED: usize = 60;

pub(super) async fn find(jaeger: &Jaeger, frame: &Frame, id: &str) -> Result<Finding, Error> {
    let trace = jaeger.trace(id).await?;
    let slack = Duration::seconds(5);
    if !frame.whole().contains(trace.start(), slack) {
        return Err(Error::Asked(format!(
            "the trace began at {}, outside this run",
            clock_text(trace.start())
        )));
    }
    let effect = match frame.windows {
        None => Effect::refused("the run has no baseline"),
        Some(windows) => compare(jaeger, &trace, windows).await?,
    };
    Ok(Finding {
        what: describe(&trace),
        at: Some(trace.start()),
        value: Some(trace.duration_ms()),
        value_holds: None,
        probe: operation(&trace).map(Probe::Trace),
        effect,
        detail: Detail::Plain,
    })
}

fn describe(trace: &Trace) -> String {
    let root = trace.root();
    format!(
        "{} {}: {:.1} ms, {} spans in {}{}",
        root.map_or("", |span| span.service.as_str()),
        root.map_or("", |span| span.name.as_str()),
        trace.duration_ms(),
        trace.spans.len(),
        trace.services().join(", "),
        if trace.has_error() { ", failed" } else { "" },
    )
}

async fn compare(jaeger: &Jaeger, trace: &Trace, windows: Windows) -> Result<Effect, Error> {
    if !windows.incident.contains(trace.start(), GRACE) {
        let at = clock_text(trace.start());
        return Ok(Effect::refused(format!(
            "it began at {at}, outside the incident"
        )));
    }
    let Some(root) = trace.root() else {
        return Ok(Effect::refused("it has no spans"));
    };
    let query = TraceQuery {
        operation: Some(root.name.clone()),
        limit: COMPARED,
        ..TraceQuery::new(&root.service, windows.baseline)
    };
    let mut before = jaeger.find(&query).await?;
    before.retain(|other| operation(other) == operation(trace));
    if before.is_empty() && jaeger.may_have_lost(windows.baseline.from) {
        return Err(jaeger.absent("the baseline's traces"));
    }
    Ok(trace::effect(trace, &Usual::of(&before)))
}
