//! The times of a run as its own responder knows them: what stands for the baseline, and what for the incident.

use std::path::Path;

use grader::Frame;
use grader::moment::{Window, Windows};
use record::{Chronicle, Deploys};
use time::{Duration, OffsetDateTime};

/// However slow the pace is, an incident has not begun earlier than this before its page.
const LONGEST_LEAD: Duration = Duration::MINUTE;

/// The times of a run and the alerts that paged, as its own responder sees them. Nothing that is sealed is read.
pub(super) fn known(folder: &Path, now: OffsetDateTime) -> (Frame, Vec<String>) {
    let chronicle = Chronicle::read(folder).ok();
    let started = chronicle.as_ref().map_or(now, |one| one.started);
    let steady = chronicle.as_ref().and_then(|one| one.steady);
    let (page, alerts) = chronicle.map_or_else(Default::default, |one| (one.page, one.alerts));
    // Which action ended the incident is not known here; the last one after the page is taken for it.
    let deploys = Deploys::open(folder).all().unwrap_or_default();
    let actions = deploys.iter().filter_map(|entry| Some(entry.action()?.at));
    let last = actions.max();
    let frame = Frame {
        started,
        page: page.as_ref().map(|page| page.at),
        ended: now,
        windows: page.as_ref().map(|page| Windows {
            acted: last.filter(|at| *at > page.at),
            ..windows(steady.unwrap_or(started), page.at, now)
        }),
    };
    (frame, alerts)
}

/// When the change was is sealed. So the first fifth of the time before the page stands for the baseline: also at the
/// fast pace nothing has changed by then. The last fifth and all that follows the page stands for the incident.
fn windows(steady: OffsetDateTime, page: OffsetDateTime, now: OffsetDateTime) -> Windows {
    let fifth = (page - steady).max(Duration::ZERO) / 5_i32;
    Windows {
        baseline: Window {
            from: steady,
            to: steady + fifth,
        },
        incident: Window {
            from: page - fifth.min(LONGEST_LEAD),
            to: now.max(page),
        },
        acted: None,
    }
}
