//! Looking a pointer up. Whatever goes wrong is an outcome, never an error of the grade.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use text::format::{self, counted};

use super::{Detail, Executed, Expected, Finding, Outcome, Pointer, Target, promql, trace};
use crate::effect::heap::{Retained, retained_expr};
use crate::effect::log::{Count, Lines, Pattern};
use crate::effect::profile::Shares;
use crate::effect::{self, Effect};
use crate::evidence::{Deploy, Error, Logs, Profiles, Prometheus, Sources, shorten};
use crate::heap::{self, Diff};
use crate::log_query::Query;
use crate::moment::{Frame, Windows, clock_text};
use crate::reference::Probe;
use crate::writeup::{Limit, WriteUp};

/// A time may lie outside of the incident by this much.
pub(super) const GRACE: time::Duration = time::Duration::SECOND;
/// Time for all pointers of a write-up together.
const BUDGET: Duration = Duration::from_secs(90);
/// A claimed value may be off by this share of the found one.
const VALUE_TOLERANCE: f64 = 0.1;

/// Executes every pointer of a write-up, equal texts once.
pub async fn examine(sources: &Sources, frame: &Frame, writeup: &WriteUp) -> Vec<Executed> {
    examine_each(sources, frame, writeup, &|_, _| ()).await
}

/// The same; `told` hears how many of how many are done.
pub async fn examine_each(
    sources: &Sources,
    frame: &Frame,
    writeup: &WriteUp,
    told: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Executed> {
    let begun = Instant::now();
    let mut known: HashMap<&str, Executed> = HashMap::new();
    let mut all = Vec::new();
    let pointers = writeup.pointers();
    let count = pointers.len();
    for (index, (address, text)) in pointers.into_iter().enumerate() {
        told(index, count);
        let over = address
            .over()
            .or((index >= Limit::ALL.most).then_some(Limit::ALL));
        if let Some(limit) = over {
            // Not cached: the same text may be within the limits elsewhere.
            all.push(Executed {
                field: Some(address),
                ..failed(text, limit.to_string())
            });
            continue;
        }
        let executed = match known.get(text) {
            Some(executed) => executed.clone(),
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
    told(count, count);
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
pub fn execute<'a>(
    sources: &'a Sources,
    frame: &'a Frame,
    text: &'a str,
) -> BoxFuture<'a, Executed> {
    Box::pin(executed(sources, frame, text))
}

async fn executed(sources: &Sources, frame: &Frame, text: &str) -> Executed {
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
        Target::Heap { before, after } => find_heap(sources, frame, before, after).await,
        Target::Profile { before, after } => {
            let (profiles, frame) = (sources.profiles.clone(), *frame);
            let (before, after) = (before.clone(), after.clone());
            off_thread(move || find_profile(&profiles, &before, &after, &frame)).await
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
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
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

fn find_log(logs: &Logs, query: &Query, frame: &Frame) -> Result<Finding, Error> {
    let found = logs.search(query, frame, 1)?;
    let Some(last) = found.lines.last() else {
        return Err(Error::Asked(format!(
            "no log line matches; {} lines were read",
            found.read
        )));
    };
    let effect = match frame.windows {
        None => Effect::refused("the run has no baseline"),
        Some(windows) => log_effect(logs, query, frame, windows)?,
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
        effect,
        probe: Some(Probe::Log(query.clone())),
        detail: Detail::Plain,
    })
}

/// Times, ids and releases single out a moment and not a symptom, so they are left out of the comparison; or `since=page`
/// would tell the incident from the baseline.
fn log_effect(
    logs: &Logs,
    query: &Query,
    frame: &Frame,
    windows: Windows,
) -> Result<Effect, Error> {
    let general = query.general();
    let matcher = general.within(frame);
    let shown = windows.shown();
    let mut counts: BTreeMap<Pattern, Lines> = BTreeMap::new();
    logs.visit(frame, |line| {
        let is_in = |window: crate::Window| {
            let at = line.at.filter(|_| matcher.matches(line));
            f64::from(u8::from(
                at.is_some_and(|at| window.contains(at, time::Duration::ZERO)),
            ))
        };
        let (before, during) = (is_in(windows.baseline), is_in(shown));
        if before + during > 0.0 {
            let lines = counts.entry(Pattern::of(line)).or_default();
            let count = Count {
                baseline: before,
                incident: during,
            };
            lines.take(line, count);
        }
    })?;
    let seconds = Count {
        baseline: windows.baseline.length().as_seconds_f64(),
        incident: shown.length().as_seconds_f64(),
    };
    Ok(effect::log::effect(&general, &counts, seconds))
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
        effect: Effect::refused("a deploy is a coincidence until something else shows what it did"),
        probe: None,
        detail: Detail::Deploy(Box::new(deploy)),
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

async fn find_heap(
    sources: &Sources,
    frame: &Frame,
    before: &str,
    after: &str,
) -> Result<Finding, Error> {
    let snapshots = &sources.snapshots;
    let (first, second) = (snapshots.meta(before)?, snapshots.meta(after)?);
    let diff = {
        let (snapshots, before, after) = (snapshots.clone(), before.to_owned(), after.to_owned());
        off_thread(move || compare(&snapshots, &before, &after)).await?
    };
    ordered((before, first.at), (after, second.at))?;
    let service = &second.service;
    let effect = match outside(frame, (after, second.at)) {
        Some(why) => Effect::refused(why),
        None => {
            let retained = retained(&sources.prometheus, service, [first.at, second.at]).await?;
            effect::heap::effect(service, &diff, retained)
        }
    };
    let top = diff.growth.first().filter(|growth| growth.bytes() > 0);
    let mut what = match top {
        Some(top) => format!(
            "{service} went from {} to {}, most of it {} in {}",
            format::bytes(diff.bytes_before as f64),
            format::bytes(diff.bytes_after as f64),
            format::bytes(top.bytes() as f64),
            top.function
        ),
        None => format!("{service} did not grow"),
    };
    if let Some(advice) = effect::heap::too_little(&diff) {
        what = format!("{what}; {advice}");
    }
    Ok(Finding {
        what,
        at: Some(second.at),
        value: Some(diff.bytes() as f64),
        value_holds: None,
        effect,
        probe: Some(Probe::Heap(second.service)),
        detail: Detail::Plain,
    })
}

fn compare(
    snapshots: &crate::evidence::Snapshots,
    before: &str,
    after: &str,
) -> Result<Diff, Error> {
    heap::compare(snapshots, before, after).map_err(|error| match error {
        heap::Error::Record(error) => error.into(),
        other => Error::Asked(other.to_string()),
    })
}

/// What the allocator held without use at two times; none where it did not say so.
async fn retained(
    prometheus: &Prometheus,
    service: &str,
    [before, after]: [time::OffsetDateTime; 2],
) -> Result<Option<Retained>, Error> {
    let expr = retained_expr(service);
    let before = prometheus.query(&expr, before).await?.single();
    let after = prometheus.query(&expr, after).await?.single();
    Ok(before
        .zip(after)
        .map(|(before, after)| Retained { before, after }))
}

fn find_profile(
    profiles: &Profiles,
    before: &str,
    after: &str,
    frame: &Frame,
) -> Result<Finding, Error> {
    let (first, second) = (profiles.meta(before)?, profiles.meta(after)?);
    if first.service != second.service {
        return Err(Error::Asked(format!(
            "`{before}` and `{after}` are profiles of different services"
        )));
    }
    ordered((before, first.at), (after, second.at))?;
    let shares = |name: &str| Ok::<_, Error>(Shares::of(&profiles.folded(name)?));
    let shares = [shares(before)?, shares(after)?];
    let effect = match outside(frame, (after, second.at)) {
        Some(why) => Effect::refused(why),
        None => effect::profile::effect(&second.service, &shares[0], &shares[1]),
    };
    let what = match effect.strongest() {
        Some((feature, change)) => format!("{}: {}", feature.name, change.what),
        None => format!("no function of {} takes a larger share", second.service),
    };
    Ok(Finding {
        what,
        at: Some(second.at),
        value: None,
        value_holds: None,
        effect,
        probe: Some(Probe::Profile(second.service)),
        detail: Detail::Plain,
    })
}

type Named<'a> = (&'a str, time::OffsetDateTime);

fn ordered((before, first): Named<'_>, (after, second): Named<'_>) -> Result<(), Error> {
    match first < second {
        true => Ok(()),
        false => Err(Error::Asked(format!(
            "`{before}` is not older than `{after}`"
        ))),
    }
}

/// Why something that was taken at a time says nothing about the incident.
fn outside(frame: &Frame, (name, at): Named<'_>) -> Option<String> {
    let Some(windows) = frame.windows else {
        return Some("the run has no baseline".to_owned());
    };
    let is_in = windows.incident.contains(at, GRACE);
    let at = clock_text(at);
    (!is_in).then(|| format!("`{name}` was taken at {at}, outside the incident"))
}
