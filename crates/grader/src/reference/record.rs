//! Recording a reference from a run that was held, over the APIs by which every run is graded.

use std::collections::{BTreeMap, BTreeSet};

use time::Duration;

use super::lines::Collector;
use super::{Memory, Metrics, Operation, Reference, Stretch};
use crate::effect::expression::{Expression, is_counter};
use crate::effect::profile::Shares;
use crate::effect::trace::operation;
use crate::effect::{Effect, Feature};
use crate::evidence::prometheus::quote;
use crate::evidence::{Error, Series, Sources, Trace, TraceQuery};
use crate::heap::Site;
use crate::moment::{Frame, Window, Windows, unix_s};

/// What a rate at the begin of the baseline looks back on.
const BEFORE: Duration = Duration::seconds(15);
/// Traces of a window that are compared.
const TRACES: usize = 150;
/// Metrics of the scrape and of the rules, which are never evidence.
const LEFT_OUT: [&str; 4] = ["scrape_", "ALERTS", "up", "process_virtual"];

/// Records what a run showed; `frame` has the windows of its incident.
pub async fn record(
    sources: &Sources,
    frame: &Frame,
    windows: Windows,
) -> Result<Reference, Error> {
    let begin = windows.baseline.from - BEFORE;
    let begin_s = unix_s(begin).floor();
    let stretch = |window: Window| Stretch {
        from_s: unix_s(window.from) - begin_s,
        to_s: unix_s(window.to) - begin_s,
    };
    let whole = Window {
        from: begin,
        to: windows.incident.to,
    };
    let mut reference = Reference {
        baseline: stretch(windows.baseline),
        incident: stretch(windows.incident),
        metrics: Metrics::of(&series(sources, whole).await?, begin_s),
        logs: lines(sources, frame, windows)?,
        operations: operations(sources, windows).await?,
        heaps: heaps(sources, windows)?,
        profiles: profiles(sources, windows)?,
        ..Reference::default()
    };
    reference.changes = changes(&reference);
    Ok(reference)
}

/// Every series, once a second.
async fn series(sources: &Sources, whole: Window) -> Result<Vec<Series>, Error> {
    // From whole second to whole second, so that every sample belongs to one.
    let second = |at: time::OffsetDateTime| at.replace_nanosecond(0).unwrap_or(at);
    let whole = Window {
        from: second(whole.from),
        to: second(whole.to),
    };
    let prometheus = &sources.prometheus;
    let names = "count by (__name__) ({__name__=~\".+\"})";
    let known = prometheus
        .query_range(names, whole, Duration::seconds(2))
        .await?;
    let names: BTreeSet<&String> = known
        .iter()
        .filter_map(|series| series.labels.get("__name__"))
        .filter(|name| !LEFT_OUT.iter().any(|left| name.starts_with(left)))
        .collect();
    let mut all = Vec::new();
    for name in names {
        let selector = format!("{{__name__={}}}", quote(name));
        all.extend(
            prometheus
                .query_range(&selector, whole, Duration::SECOND)
                .await?,
        );
    }
    Ok(all)
}

fn lines(sources: &Sources, frame: &Frame, windows: Windows) -> Result<Vec<super::Logged>, Error> {
    let mut collector = Collector::default();
    sources.logs.visit(frame, |line| {
        let Some(at) = line.at else { return };
        if windows.baseline.contains(at, Duration::ZERO) {
            collector.take(line, false);
        } else if windows.incident.contains(at, Duration::ZERO) {
            collector.take(line, true);
        }
    })?;
    Ok(collector.finish())
}

async fn operations(
    sources: &Sources,
    windows: Windows,
) -> Result<BTreeMap<String, Operation>, Error> {
    let mut windowed: BTreeMap<String, [Vec<Trace>; 2]> = BTreeMap::new();
    for service in sources.jaeger.services().await? {
        for known in sources.jaeger.operations(&service).await? {
            for (index, window) in [windows.baseline, windows.incident].into_iter().enumerate() {
                let query = TraceQuery {
                    operation: Some(known.name.clone()),
                    limit: TRACES,
                    ..TraceQuery::new(&service, window)
                };
                for trace in sources.jaeger.find(&query).await? {
                    let begins = operation(&trace);
                    if let Some(name) =
                        begins.filter(|name| *name == format!("{service} {}", known.name))
                    {
                        windowed.entry(name).or_default()[index].push(trace);
                    }
                }
            }
        }
    }
    Ok(windowed
        .into_iter()
        .map(|(name, [before, during])| (name, Operation::of(&before, &during)))
        .collect())
}

/// The last snapshot of each service before the incident, and the last in it. One of a small heap may have no site at all:
/// the allocator samples.
fn heaps(sources: &Sources, windows: Windows) -> Result<BTreeMap<String, Memory>, Error> {
    let mut taken: BTreeMap<String, [Option<Vec<Site>>; 2]> = BTreeMap::new();
    for meta in sources.snapshots.list()? {
        let Some(mut sites) = sources.snapshots.sites(&meta.name)? else {
            continue;
        };
        for site in &mut sites {
            site.stack.clear();
        }
        let is_incident = windows.incident.contains(meta.at, Duration::ZERO);
        taken.entry(meta.service).or_default()[usize::from(is_incident)] = Some(sites);
    }
    let both = taken.into_iter().filter_map(|(service, [before, after])| {
        let (before, after) = (before?, after?);
        Some((service, Memory { before, after }))
    });
    Ok(both.collect())
}

fn profiles(sources: &Sources, windows: Windows) -> Result<BTreeMap<String, [Shares; 2]>, Error> {
    let mut profiles: BTreeMap<String, [Shares; 2]> = BTreeMap::new();
    for meta in sources.profiles.list()? {
        let shares = Shares::of(&sources.profiles.folded(&meta.name)?);
        let is_incident = windows.incident.contains(meta.at, Duration::ZERO);
        profiles.entry(meta.service).or_default()[usize::from(is_incident)] = shares;
    }
    profiles.retain(|_, [before, after]| before.samples > 0 && after.samples > 0);
    Ok(profiles)
}

/// What changes of each metric, by all of its labels but those that tell instances apart.
fn changes(reference: &Reference) -> BTreeSet<Feature> {
    let mut changes = BTreeSet::new();
    for name in reference.metrics.names() {
        // Buckets say in forty series what sum and count say in two.
        if name.ends_with("_bucket") {
            continue;
        }
        for feature in of_metric(reference, name)
            .clear()
            .map(|(feature, _)| feature)
        {
            let name = format!("{name} {}", feature.name);
            changes.insert(Feature {
                name,
                direction: feature.direction,
            });
        }
    }
    changes
}

fn of_metric(reference: &Reference, name: &str) -> Effect {
    let mut labels = reference.metrics.labels_of(name);
    labels.retain(|label| label != "instance" && label != "job");
    let by = labels.join(", ");
    let expr = match is_counter(name) {
        true => format!("sum by ({by}) (rate({name}[10s]))"),
        false => format!("max by ({by}) ({name})"),
    };
    let expression = Expression::read(&expr, reference.baseline.length_s());
    expression
        .and_then(|expression| reference.promql(&expression))
        .unwrap_or_default()
}
