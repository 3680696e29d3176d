//! The effect of a trace: what is unusual in it for the operation that it begins with.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Change, Direction, Effect};
use crate::evidence::{Span, Trace};
use text::format::number;

/// Of so many traces at least something is known about what is usual.
const KNOWN: usize = 5;
/// What is in this share of the usual traces is always there.
const ALWAYS: f64 = 0.95;
/// A failure that this share of the usual traces has is usual itself.
const OFTEN: f64 = 0.1;
/// Time within which a busy machine makes two traces of one operation differ, in milliseconds.
const NOISE_MS: f64 = 20.0;
/// Time that is less than this share of the trace is not what it is slow by.
const SHARE: f64 = 0.2;

/// Names for client spans: those answered by a span of the shop, and the others.
const CALLS: &str = "calls of ";
const THE_WAY: &str = "the way to ";

/// What the traces of one operation are like in the baseline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// How many traces it rests on.
    pub traces: usize,
    /// Spans by kind.
    pub spans: BTreeMap<String, UsualSpan>,
    /// In how many traces each service takes part.
    pub services: BTreeMap<String, usize>,
    /// In how many traces each failure is.
    pub failures: BTreeMap<String, usize>,
}

/// What is usual for one kind of span in a trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct UsualSpan {
    /// 95th percentile of the time that a trace spends in such spans themselves, in milliseconds.
    pub p95_ms: f64,
    /// Least number in a trace.
    pub least: usize,
    /// Largest number in a trace.
    pub most: usize,
}

/// One trace, reduced to what is compared.
#[derive(Debug, Default)]
struct Traits {
    whole_ms: f64,
    spans: BTreeMap<String, Kind>,
    services: BTreeSet<String>,
    failures: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct Kind {
    self_ms: f64,
    count: usize,
    places: BTreeSet<String>,
}

/// The operation that a trace begins with: `gateway POST /v1/orders`.
pub fn operation(trace: &Trace) -> Option<String> {
    let root = trace.root()?;
    Some(format!("{} {}", root.service, root.name))
}

impl Usual {
    /// Of traces that begin with one operation.
    pub fn of(traces: &[Trace]) -> Self {
        let all: Vec<Traits> = traces.iter().map(Traits::of).collect();
        let mut usual = Self {
            traces: all.len(),
            ..Self::default()
        };
        let kinds: BTreeSet<&String> = all.iter().flat_map(|one| one.spans.keys()).collect();
        for name in kinds {
            let of = |one: &Traits| one.spans.get(name).map(|kind| (kind.self_ms, kind.count));
            let (mut times, counts): (Vec<f64>, Vec<usize>) =
                all.iter().map(|one| of(one).unwrap_or_default()).unzip();
            times.sort_by(f64::total_cmp);
            let span = UsualSpan {
                p95_ms: times[(times.len() - 1) * 95 / 100],
                least: counts.iter().copied().min().unwrap_or(0),
                most: counts.iter().copied().max().unwrap_or(0),
            };
            usual.spans.insert(name.clone(), span);
        }
        for one in &all {
            for service in &one.services {
                *usual.services.entry(service.clone()).or_default() += 1;
            }
            for failure in one.failures.keys() {
                *usual.failures.entry(failure.clone()).or_default() += 1;
            }
        }
        usual
    }

    fn share(&self, count: Option<&usize>) -> f64 {
        count.map_or(0.0, |count| *count as f64) / self.traces.max(1) as f64
    }
}

/// What is unusual in a trace.
pub fn effect(trace: &Trace, usual: &Usual) -> Effect {
    let traits = Traits::of(trace);
    let mut effect = Effect::default();
    let Some(root) = trace.root() else {
        return Effect::refused("it has no spans");
    };
    if usual.traces == 0 {
        let change = Change {
            size: 1.0,
            strength: 2.0,
            services: [root.service.clone()].into(),
            what: "no trace began with this operation before".to_owned(),
            ..Change::default()
        };
        let name = format!("traces that begin with {} {}", root.service, root.name);
        effect.add(&name, Direction::Up, change);
        return effect;
    }
    if usual.traces < KNOWN {
        let why = format!(
            "only {} traces of this operation are from the baseline, too few to tell what is usual",
            usual.traces
        );
        return Effect::refused(why);
    }
    times(&mut effect, &traits, usual);
    failures(&mut effect, &traits, usual);
    counts(&mut effect, &traits, usual);
    absent(&mut effect, &traits, usual);
    effect
}

fn times(effect: &mut Effect, traits: &Traits, usual: &Usual) {
    for (name, kind) in &traits.spans {
        let p95_ms = usual.spans.get(name).map_or(0.0, |span| span.p95_ms);
        let more = kind.self_ms - p95_ms;
        if kind.self_ms < SHARE * traits.whole_ms {
            continue;
        }
        let change = Change {
            size: more.max(0.0),
            strength: more / p95_ms.max(NOISE_MS),
            services: kind.places.clone(),
            what: format!(
                "{} ms in it; before, 95 of 100 traces had at most {} ms",
                number(kind.self_ms),
                number(p95_ms)
            ),
            ..Change::default()
        };
        effect.add(&format!("time in {name}"), Direction::Up, change);
    }
}

fn failures(effect: &mut Effect, traits: &Traits, usual: &Usual) {
    for (name, places) in &traits.failures {
        let share = usual.share(usual.failures.get(name));
        let change = Change {
            size: 1.0,
            strength: (OFTEN - share) / (OFTEN / 2.0),
            services: places.clone(),
            what: match share > 0.0 {
                true => format!("{} of 100 such traces before", number(100.0 * share)),
                false => "in no such trace before".to_owned(),
            },
            ..Change::default()
        };
        effect.add(&format!("failure of {name}"), Direction::Up, change);
    }
}

fn counts(effect: &mut Effect, traits: &Traits, usual: &Usual) {
    let names: BTreeSet<&String> = traits.spans.keys().chain(usual.spans.keys()).collect();
    for name in names {
        let kind = traits.spans.get(name);
        let count = kind.map_or(0, |kind| kind.count);
        let span = usual.spans.get(name).copied().unwrap_or_default();
        let most = span.most as f64;
        let (direction, strength) = match count as f64 > most {
            true => (Direction::Up, (count as f64 - most) / (most + 1.0)),
            false => (
                Direction::Down,
                (span.least as f64 - count as f64) / (span.least as f64 / 2.0).max(1.0),
            ),
        };
        let places = kind.map(|kind| kind.places.clone());
        let change = Change {
            size: (count as f64 - most).abs().max(1.0),
            strength,
            services: places.unwrap_or_else(|| places_in(name)),
            what: format!("{count} of them; {} to {} before", span.least, span.most),
            ..Change::default()
        };
        effect.add(&format!("number of {name}"), direction, change);
    }
}

fn absent(effect: &mut Effect, traits: &Traits, usual: &Usual) {
    for (service, count) in &usual.services {
        let share = usual.share(Some(count));
        if traits.services.contains(service) || share < ALWAYS {
            continue;
        }
        // Those that go on without it are the place as much as the one that is not there.
        let mut services = traits.services.clone();
        services.insert(service.clone());
        let change = Change {
            size: 1.0,
            strength: 2.0,
            services,
            what: format!("{} of 100 such traces had it before", number(100.0 * share)),
            ..Change::default()
        };
        effect.add(&format!("spans of {service}"), Direction::Down, change);
    }
}

/// The services that the name of a feature says it is at: whose spans they are, and whom they call.
pub(crate) fn places_in(feature: &str) -> BTreeSet<String> {
    let kind = feature
        .split_once(" with ")
        .map_or(feature, |(kind, _)| kind);
    let Some((what, service)) = kind.rsplit_once(" in ") else {
        let first = feature.strip_prefix("traces that begin with ");
        let first = first.and_then(|operation| operation.split(' ').next());
        let whole = kind.strip_prefix("spans of ").or(first);
        return whole.map(str::to_owned).into_iter().collect();
    };
    let calls = [CALLS, THE_WAY]
        .iter()
        .find_map(|begin| what.rsplit_once(begin));
    let peer = calls.map(|(_, peer)| peer);
    let both = peer.into_iter().chain([service]);
    both.map(str::to_owned).collect()
}

impl Traits {
    fn of(trace: &Trace) -> Self {
        let mut children: HashMap<&str, Vec<&Span>> = HashMap::new();
        for span in &trace.spans {
            if let Some(parent) = &span.parent {
                children.entry(parent).or_default().push(span);
            }
        }
        let mut traits = Self {
            whole_ms: trace.duration_ms(),
            ..Self::default()
        };
        for span in &trace.spans {
            let below = children
                .get(span.id.as_str())
                .map_or(&[][..], Vec::as_slice);
            let kind = traits.spans.entry(name(span, below)).or_default();
            kind.count += 1;
            kind.self_ms += self_ms(span, below);
            kind.places.extend(places(span));
            traits.services.insert(span.service.clone());
            if span.is_error {
                let failure = format!("{} with {}", name(span, &[]), status(span));
                let known = traits.failures.entry(failure).or_default();
                known.extend(places(span));
            }
        }
        traits
    }
}

/// What kind of span it is. A call that is answered by a span of ours is the way there and back.
fn name(span: &Span, below: &[&Span]) -> String {
    let answers = below.iter().any(|child| child.kind == "server");
    match (span.kind.as_str(), peer(span)) {
        ("client", Some(peer)) if answers => format!("{THE_WAY}{peer} in {}", span.service),
        ("client", Some(peer)) => format!("{CALLS}{peer} in {}", span.service),
        _ => format!("{} in {}", span.name, span.service),
    }
}

fn places(span: &Span) -> impl Iterator<Item = String> {
    let peer = peer(span).filter(|_| span.kind == "client");
    std::iter::once(span.service.clone()).chain(peer.map(str::to_owned))
}

fn peer(span: &Span) -> Option<&str> {
    let names = ["peer.service", "server.address"];
    let name = names.iter().find_map(|key| span.attributes.get(*key));
    name.map(String::as_str)
}

fn status(span: &Span) -> &str {
    let attributes = ["http.response.status_code", "error.type"];
    let status = attributes.iter().find_map(|key| span.attributes.get(*key));
    status.map_or("an error", String::as_str)
}

/// Time of a span in which none of its children ran.
fn self_ms(span: &Span, below: &[&Span]) -> f64 {
    let mut stretches: Vec<(u64, u64)> = below
        .iter()
        .map(|child| {
            let from = child.start_ns.clamp(span.start_ns, span.end_ns);
            (from, child.end_ns.clamp(from, span.end_ns.max(from)))
        })
        .collect();
    stretches.sort_unstable();
    let (mut covered, mut until) = (0, span.start_ns);
    for (from, to) in stretches {
        let from = from.max(until);
        covered += to.saturating_sub(from);
        until = until.max(to);
    }
    let whole = span.end_ns.saturating_sub(span.start_ns);
    whole.saturating_sub(covered) as f64 / 1e6
}

#[cfg(test)]
mod tests;
