//! `trace:` pointers: is the trace in this run, and is it unlike those of the same operation before?

use time::Duration;

use super::{Detail, Finding, Tells};
use crate::evidence::{Error, Jaeger, Trace, TraceQuery};
use crate::moment::{Frame, Windows, clock_text};

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
    let tells = match frame.windows {
        None => Tells::NotAsked,
        Some(windows) => compare(jaeger, &trace, windows).await?,
    };
    Ok(Finding {
        what: describe(&trace),
        at: Some(trace.start()),
        value: Some(trace.duration_ms()),
        value_holds: None,
        tells,
        detail: Detail::Trace(Box::new(trace)),
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

async fn compare(jaeger: &Jaeger, trace: &Trace, windows: Windows) -> Result<Tells, Error> {
    if !windows
        .incident
        .contains(trace.start(), Duration::seconds(1))
    {
        let at = clock_text(trace.start());
        return Ok(Tells::No(format!("it began at {at}, outside the incident")));
    }
    let Some(root) = trace.root() else {
        return Ok(Tells::No("it has no spans".to_owned()));
    };
    let query = TraceQuery {
        operation: Some(root.name.clone()),
        limit: COMPARED,
        ..TraceQuery::new(&root.service, windows.baseline)
    };
    let mut before = jaeger.find(&query).await?;
    before.retain(|other| {
        other
            .root()
            .is_some_and(|other| other.name == root.name && other.service == root.service)
    });
    if before.is_empty() && jaeger.may_have_lost(windows.baseline.from) {
        return Err(jaeger.absent("the baseline's traces"));
    }
    Ok(unlike(trace, &before))
}

/// Whether a trace is slower, more broken or of another shape than those before.
fn unlike(trace: &Trace, before: &[Trace]) -> Tells {
    if before.is_empty() {
        return Tells::Yes("the baseline has no trace of this operation".to_owned());
    }
    let mut durations: Vec<f64> = before.iter().map(Trace::duration_ms).collect();
    durations.sort_by(f64::total_cmp);
    let middle = durations[durations.len() / 2];
    let p95 = durations[(durations.len() - 1) * 95 / 100];
    let most_spans = before
        .iter()
        .map(|other| other.spans.len())
        .max()
        .unwrap_or(0);
    let failed = before.iter().filter(|other| other.has_error()).count();
    let (took, spans) = (trace.duration_ms(), trace.spans.len());
    if took > 2.0 * p95 {
        return Tells::Yes(format!(
            "it took {took:.1} ms; the baseline of this operation is {middle:.1} ms (median) and {p95:.1} ms (95th percentile)"
        ));
    }
    if trace.has_error() && failed * 10 < before.len() {
        return Tells::Yes(format!(
            "it failed; in the baseline {failed} of {} did",
            before.len()
        ));
    }
    if spans > 2 * most_spans {
        return Tells::Yes(format!(
            "it has {spans} spans; in the baseline there were at most {most_spans}"
        ));
    }
    let least_spans = before
        .iter()
        .map(|other| other.spans.len())
        .min()
        .unwrap_or(0);
    if 2 * spans < least_spans {
        return Tells::Yes(format!(
            "it has {spans} spans; in the baseline there were at least {least_spans}"
        ));
    }
    Tells::No(format!(
        "{took:.1} ms is within the baseline (median {middle:.1} ms, 95th percentile {p95:.1} ms)"
    ))
}
