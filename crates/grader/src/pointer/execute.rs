//! Looking a pointer up. Whatever goes wrong is an outcome, never an error of the grade.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use text::format::{self, counted};

use super::{Detail, Executed, Expected, Finding, Outcome, Pointer, Target, Tells, promql, trace};
use crate::evidence::{Deploy, Error, Sources, shorten};
use crate::heap;
use crate::log_query::{Query, Scope};
use crate::moment::{Frame, clock_text};
use crate::writeup::WriteUp;

/// More pointers than anyone needs; the rest is not looked at.
pub const MAX_POINTERS: usize = 80;
/// Time for all pointers of a write-up together.
const BUDGET: Duration = Duration::from_secs(90);
/// A claimed value may be off by this share of the found one.
const VALUE_TOLERANCE: f64 = 0.1;
/// Lines kept of a log query, for the rubric's clues.
const LOG_LINES: usize = 200;

/// Executes every pointer of a write-up, equal texts once.
pub async fn examine(sources: &Sources, frame: &Frame, writeup: &WriteUp) -> Vec<Executed> {
    let begun = Instant::now();
    let mut known: HashMap<&str, Executed> = HashMap::new();
    let mut all = Vec::new();
    for (index, (address, text)) in writeup.pointers().into_iter().enumerate() {
        let executed = match known.get(text) {
            Some(executed) => executed.clone(),
            None if index >= MAX_POINTERS => failed(
                text,
                format!("only the first {MAX_POINTERS} pointers are checked"),
            ),
            None if begun.elapsed() >= BUDGET => failed(
                text,
                format!(
                    "the time limit of {} s for all pointers is reached",
                    BUDGET.as_secs()
                ),
            ),
            None => execute(sources, frame, text).await,
        };
        known.insert(text, executed.clone());
        all.push(Executed {
            field: Some(address),
            ..executed
        });
    }
    all
}

fn failed(text: &str, why: String) -> Executed {
    Executed {
        field: None,
        text: shorten(text, 300),
        kind: None,
        outcome: Outcome::Failed(why),
    }
}

/// Executes one pointer, wherever it stands.
pub async fn execute(sources: &Sources, frame: &Frame, text: &str) -> Executed {
    let (kind, outcome) = match text.parse::<Pointer>() {
        Err(error) => (None, Outcome::Malformed(error.to_string())),
        Ok(pointer) => (
            Some(pointer.kind()),
            outcome(sources, frame, &pointer).await,
        ),
    };
    Executed {
        field: None,
        text: shorten(text, 300),
        kind,
        outcome,
    }
}

/// Looks up what the responder looked at, without a claim.
pub(crate) async fn look_up(sources: &Sources, frame: &Frame, target: &Target) -> Executed {
    let pointer = Pointer {
        target: target.clone(),
        expected: None,
    };
    Executed {
        field: None,
        text: String::new(),
        kind: Some(pointer.kind()),
        outcome: outcome(sources, frame, &pointer).await,
    }
}

async fn outcome(sources: &Sources, frame: &Frame, pointer: &Pointer) -> Outcome {
    let expected = pointer.expected.as_ref();
    let found = match &pointer.target {
        Target::Trace(id) => trace::find(&sources.jaeger, frame, id).await,
        Target::Promql { expr, at } => {
            let at = at.resolve(frame);
            promql::find(&sources.prometheus, frame, expr, at, expected).await
        }
        Target::Log(query) => {
            let (logs, query, frame) = (sources.logs.clone(), query.clone(), *frame);
            off_thread(move || find_log(&logs, &query, &frame)).await
        }
        Target::Deploy(id) => find_deploy(sources, frame, id).await,
        Target::Heap { before, after } => {
            let (snapshots, before, after) =
                (sources.snapshots.clone(), before.clone(), after.clone());
            let windows = frame.windows;
            off_thread(move || find_heap(&snapshots, &before, &after, windows)).await
        }
    };
    match found {
        Ok(mut finding) => {
            finding.value_holds = finding.value_holds.or(holds(expected, finding.value));
            Outcome::Found(Box::new(finding))
        }
        Err(error) if error.is_outage() => Outcome::Unchecked(error.to_string()),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Reading and symbolising is blocking work, and must not hold up a live runner's other tasks.
async fn off_thread(
    work: impl FnOnce() -> Result<Finding, Error> + Send + 'static,
) -> Result<Finding, Error> {
    let aborted =
        |error: tokio::task::JoinError| Error::Asked(format!("the lookup ended early: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(aborted)?
}

/// Whether a claimed value is near enough; `None` if none is claimed.
pub(super) fn holds(expected: Option<&Expected>, found: Option<f64>) -> Option<bool> {
    let expected = expected?;
    let Some(found) = found else {
        return Some(false);
    };
    let allowed = VALUE_TOLERANCE * found.abs().max(f64::MIN_POSITIVE);
    Some((expected.value - found).abs() <= allowed + 1e-9)
}

fn find_log(logs: &crate::evidence::Logs, query: &Query, frame: &Frame) -> Result<Finding, Error> {
    let found = logs.search(query, frame, LOG_LINES)?;
    let Some(last) = found.lines.last() else {
        return Err(Error::Asked(format!(
            "no log line matches; {} lines were read",
            found.read
        )));
    };
    let tells = match frame.windows {
        None => Tells::NotAsked,
        Some(_) if query.general().scope() == Scope::Writers => {
            Tells::No("the query names who wrote the lines, not a kind of line".to_owned())
        }
        Some(windows) => {
            // Times, ids and releases single out a moment and not a symptom, so they are left out of
            // the comparison; or `since=page` would tell the incident from the baseline.
            let general = query.general();
            let counts = logs.count(&general, frame, &[windows.incident, windows.baseline])?;
            let minutes = [windows.incident, windows.baseline]
                .map(|w| w.length().as_seconds_f64().max(1.0) / 60.0);
            log_tells([counts[0], counts[1]], minutes)
        }
    };
    let what = format!(
        "{} match{}; the last: {} {}",
        counted(found.matched, "line"),
        if found.matched == 1 { "es" } else { "" },
        last.at.map(clock_text).unwrap_or_default(),
        shorten(&last.text("message"), 120),
    );
    Ok(Finding {
        what,
        at: last.at,
        value: Some(found.matched as f64),
        value_holds: None,
        tells,
        detail: Detail::Log(found.lines),
    })
}

fn log_tells([incident, baseline]: [u64; 2], [minutes, baseline_minutes]: [f64; 2]) -> Tells {
    let (rate, base_rate) = (
        incident as f64 / minutes,
        baseline as f64 / baseline_minutes,
    );
    let numbers =
        format!("{rate:.1} such lines per minute in the incident, {base_rate:.1} in the baseline");
    let is_telling = incident > 0 && rate >= 3.0 * base_rate && (baseline == 0 || incident >= 5);
    match is_telling {
        true => Tells::Yes(numbers),
        false => Tells::No(format!("{numbers}: not enough of a difference")),
    }
}

async fn find_deploy(sources: &Sources, frame: &Frame, id: &str) -> Result<Finding, Error> {
    let deploy = sources.deploys.get(id)?;
    let ran = !deploy.kind.starts_release()
        || sources
            .prometheus
            .saw_version(&deploy.service, &deploy.release, frame.whole())
            .await?;
    if !ran && deploy.at >= frame.started {
        return Err(Error::Asked(format!(
            "`{id}` is in the deploy log, but `build_info` never showed {} {} in this run",
            deploy.service, deploy.release
        )));
    }
    Ok(Finding {
        what: deploy_text(&deploy),
        at: Some(deploy.at),
        value: None,
        value_holds: None,
        tells: Tells::NotAsked,
        detail: Detail::Deploy(deploy),
    })
}

fn deploy_text(deploy: &Deploy) -> String {
    let Deploy {
        kind,
        service,
        release,
        at,
        summary,
        ..
    } = deploy;
    format!(
        "{kind} of {service} {release} at {}: {}",
        clock_text(*at),
        shorten(summary, 120)
    )
}

fn find_heap(
    snapshots: &crate::evidence::Snapshots,
    before: &str,
    after: &str,
    windows: Option<crate::moment::Windows>,
) -> Result<Finding, Error> {
    let (first, second) = (snapshots.meta(before)?, snapshots.meta(after)?);
    let diff = heap::compare(snapshots, before, after).map_err(|error| match error {
        heap::Error::Record(error) => error.into(),
        other => Error::Asked(other.to_string()),
    })?;
    if first.at >= second.at {
        return Err(Error::Asked(format!(
            "`{before}` is not older than `{after}`"
        )));
    }
    let top = diff.growth.first().filter(|growth| growth.bytes() > 0);
    let what = match top {
        Some(top) => format!(
            "{} grew from {} to {}, most of it {} in {}",
            second.service,
            format::bytes(diff.bytes_before as f64),
            format::bytes(diff.bytes_after as f64),
            format::bytes(top.bytes() as f64),
            top.function
        ),
        None => format!("{} did not grow", second.service),
    };
    let enough = (256 << 10).max(diff.bytes_before / 10);
    let tells = match windows {
        None => Tells::NotAsked,
        Some(windows)
            if !windows
                .incident
                .contains(second.at, time::Duration::seconds(60)) =>
        {
            Tells::No(format!(
                "`{after}` was taken at {}, outside the incident",
                clock_text(second.at)
            ))
        }
        Some(_) => match top.map(|top| top.bytes()) {
            Some(bytes) if bytes >= enough => Tells::Yes(format!(
                "one function grew by {}",
                format::bytes(bytes as f64)
            )),
            _ => Tells::No(format!(
                "no function grew by {} or more",
                format::bytes(enough as f64)
            )),
        },
    };
    Ok(Finding {
        what,
        at: Some(second.at),
        value: Some(diff.bytes() as f64),
        value_holds: None,
        tells,
        detail: Detail::Heap(diff),
    })
}
