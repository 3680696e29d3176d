//! What some requests of an operation have that others have not: values of attributes, and self times. Pure.

use std::collections::{BTreeMap, BTreeSet};

use grader::effect::trace::operation;
use grader::evidence::{Span, Trace};
use schemars::JsonSchema;
use serde::Serialize;

use crate::terminal::waterfall::self_times;

/// A value that fewer requests have tells nothing.
const LEAST: usize = 3;

/// A value of an attribute, and how many requests of each side have a span with it.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "AttributeDifference")]
pub(super) struct Value {
    pub(super) service: String,
    /// Empty for what is of the process: its instance and its release.
    pub(super) span: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) chosen: usize,
    pub(super) chosen_share: f64,
    pub(super) others: usize,
    pub(super) others_share: f64,
    pub(super) score: f64,
}

/// The self time of a span, in milliseconds per request: the median of each side.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SelfTimeDifference")]
pub(super) struct Time {
    pub(super) service: String,
    pub(super) span: String,
    pub(super) chosen_ms: f64,
    pub(super) others_ms: f64,
    pub(super) difference_ms: f64,
}

/// 0 of nothing.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

/// What a span does: a call says whom it calls.
fn called(span: &Span) -> String {
    match span.attributes.get("peer.service") {
        Some(peer) if span.kind == "client" => format!("{} → {peer}", span.name),
        _ => span.name.clone(),
    }
}

type Trait = (String, String, String, String);

/// What each request has, once.
fn traits(trace: &Trace) -> BTreeSet<Trait> {
    let mut found = BTreeSet::new();
    for span in &trace.spans {
        // They are of the process, so that they are said once and not with every span.
        for (key, value) in [("instance", &span.instance), ("release", &span.version)] {
            if let Some(value) = value {
                found.insert((
                    span.service.clone(),
                    String::new(),
                    key.to_owned(),
                    value.clone(),
                ));
            }
        }
        let status = span
            .is_error
            .then(|| ("failed".to_owned(), "true".to_owned()));
        for (key, value) in span.attributes.clone().into_iter().chain(status) {
            found.insert((span.service.clone(), called(span), key, value));
        }
    }
    found
}

/// The values whose shares differ most, by what is sure of the difference.
pub(super) fn values(chosen: &[Trace], others: &[Trace]) -> Vec<Value> {
    let count = |traces: &[Trace]| {
        let mut counts: BTreeMap<Trait, usize> = BTreeMap::new();
        for one in traces.iter().flat_map(traits) {
            *counts.entry(one).or_default() += 1;
        }
        counts
    };
    let (mut mine, theirs) = (count(chosen), count(others));
    let there = mine.clone();
    let spans: BTreeSet<(&str, &str)> = there
        .keys()
        .map(|(service, span, ..)| (service.as_str(), span.as_str()))
        .collect();
    for one in theirs.keys() {
        mine.entry(one.clone()).or_insert(0);
    }
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    // The deviation of a share, of which one request more or less is part.
    let doubt = |share: f64, of: usize| {
        let of = of.max(1) as f64;
        (share * (1.0 - share) / of).sqrt() + 0.5 / of
    };
    let rows = mine.into_iter().filter_map(|(one, count)| {
        let other = theirs.get(&one).copied().unwrap_or(0);
        // That a span is missing as a whole, the list of times says.
        let is_missing = count == 0 && !spans.contains(&(one.0.as_str(), one.1.as_str()));
        if count.max(other) < LEAST || is_missing {
            return None;
        }
        let (a, b) = (share(count, chosen.len()), share(other, others.len()));
        let score = (a - b).abs() - doubt(a, chosen.len()) - doubt(b, others.len());
        let (service, span, key, value) = one;
        (score > 0.05).then_some(Value {
            service,
            span,
            key,
            value,
            chosen: count,
            chosen_share: a,
            others: other,
            others_share: b,
            score,
        })
    });
    let mut rows: Vec<Value> = rows.collect();
    rows.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(b.chosen_share.total_cmp(&a.chosen_share))
            .then(is_detail(&a.key).cmp(&is_detail(&b.key)))
    });
    // Attributes that come and go together say one thing.
    let mut said = BTreeSet::new();
    rows.retain(|row| {
        said.insert((
            row.service.clone(),
            row.span.clone(),
            row.chosen,
            row.others,
        ))
    });
    rows
}

/// What the name of a span says already, or what follows from another attribute.
fn is_detail(key: &str) -> bool {
    [
        "db.",
        "server.",
        "url.",
        "http.request.method",
        "http.route",
        "failed",
    ]
    .iter()
    .any(|start| key.starts_with(start))
}

/// The spans whose self time differs most.
pub(super) fn times(chosen: &[Trace], others: &[Trace]) -> Vec<Time> {
    let of = |traces: &[Trace]| {
        let mut all: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        for trace in traces {
            let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
            for (span, self_ns) in self_times(trace) {
                *sums
                    .entry((span.service.clone(), called(span)))
                    .or_default() += self_ns as f64 / 1e6;
            }
            for (name, ms) in sums {
                all.entry(name).or_default().push(ms);
            }
        }
        all
    };
    let (mut mine, mut theirs) = (of(chosen), of(others));
    let names: BTreeSet<_> = mine.keys().chain(theirs.keys()).cloned().collect();
    let mut rows: Vec<Time> = names
        .into_iter()
        .map(|name| {
            let median = |all: &mut BTreeMap<_, Vec<f64>>| {
                quantile(all.remove(&name).unwrap_or_default(), 0.5)
            };
            let (chosen_ms, others_ms) = (median(&mut mine), median(&mut theirs));
            let (service, span) = name;
            Time {
                service,
                span,
                chosen_ms,
                others_ms,
                difference_ms: chosen_ms - others_ms,
            }
        })
        .collect();
    rows.sort_by(|a, b| b.difference_ms.abs().total_cmp(&a.difference_ms.abs()));
    rows
}

/// The chosen request of median duration, and the usual one of the same operation.
pub(super) fn pair(chosen: &[Trace], others: &[Trace]) -> Option<(String, String)> {
    let middle = |traces: Vec<&Trace>| {
        let mut traces = traces;
        traces.sort_by(|a, b| a.duration_ms().total_cmp(&b.duration_ms()));
        traces.get(traces.len() / 2).map(|trace| (*trace).clone())
    };
    let one = middle(chosen.iter().collect())?;
    let same = others
        .iter()
        .filter(|other| operation(other) == operation(&one));
    Some((one.id.clone(), middle(same.collect())?.id))
}
