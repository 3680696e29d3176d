//! The truth about the impact, from the load generator's own record.

use std::ops::Range;

use grader::rubric;
use loadgen::{Record, Route};
use record::{Counted, ImpactTruth, Window};
use time::OffsetDateTime;

/// A second is affected from this share of failed or slow requests on: one slow answer among many is not an incident.
const AFFECTED_SHARE: f64 = 0.1;
/// The impact is over when this many seconds without it have passed.
const QUIET_S: u32 = 10;

/// The impact within `incident` on the routes that the rubric names, and beside it on those of them that were affected as a
/// whole, and on all that were.
///
/// Start and end are the first and the last affected second of the schedule; `end` is absent while it goes on.
pub(crate) fn truth(record: &Record, rubric: &rubric::Impact, incident: Window) -> ImpactTruth {
    let routes: Vec<Route> = Route::ALL
        .into_iter()
        .filter(|route| {
            rubric.routes.is_empty() || rubric.routes.iter().any(|name| name == route.name())
        })
        .collect();
    let window = record.between_ms(unix_ms(incident.from), unix_ms(incident.to));
    let slow_above_us = (rubric.slow_over_ms * 1000.0) as u32;
    let count = |window: Range<u32>, routes: &[Route]| count(record, window, routes, slow_above_us);
    let is_affected = |window: Range<u32>, routes: &[Route]| {
        let counted = count(window, routes);
        let hurt = counted.failed + counted.slow;
        hurt > 0 && hurt as f64 >= AFFECTED_SHARE * counted.requests as f64
    };
    let affected = window
        .clone()
        .filter(|second| is_affected(*second..*second + 1, &routes));
    let affected: Vec<u32> = affected.collect();
    let (Some(first), Some(last)) = (affected.first().copied(), affected.last().copied()) else {
        return ImpactTruth::default();
    };
    let is_over = last + QUIET_S < window.end;
    let span = first..last + 1;
    let hit = |route: &Route| is_affected(span.clone(), &[*route]);
    let hardest: Vec<Route> = routes.iter().copied().filter(&hit).collect();
    let all = Route::ALL.into_iter();
    let all: Vec<Route> = all
        .filter(|route| routes.contains(route) || hit(route))
        .collect();
    let others = [hardest, all]
        .into_iter()
        .filter(|others| !others.is_empty() && *others != routes);
    let instant = |second: u32| {
        let millis = i128::from(record.started_at_ms) + i128::from(second) * 1000;
        OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).ok()
    };
    ImpactTruth {
        start: instant(first),
        end: is_over.then(|| instant(last + 1)).flatten(),
        counted: count(span.clone(), &routes),
        otherwise: others.map(|others| count(span.clone(), &others)).collect(),
    }
}

fn count(record: &Record, window: Range<u32>, routes: &[Route], slow_above_us: u32) -> Counted {
    let mut total = Counted {
        p99_ms: p99_ms(record, window.clone(), routes),
        ..Counted::default()
    };
    for route in routes {
        let cell = record.sum(window.clone(), Some(*route));
        total.requests += cell.scheduled.saturating_sub(cell.abandoned);
        total.failed += cell.failed();
        total.slow += cell.latency.above(slow_above_us);
    }
    total
}

fn p99_ms(record: &Record, window: Range<u32>, routes: &[Route]) -> Option<f64> {
    let mut histograms = routes
        .iter()
        .map(|route| record.latency(window.clone(), Some(*route)));
    let mut all = histograms.next()?;
    for histogram in histograms {
        // All come from one place, with one range and one precision.
        all.add(histogram).ok()?;
    }
    Some(all.value_at_quantile(0.99) as f64 / 1000.0)
}

fn unix_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
