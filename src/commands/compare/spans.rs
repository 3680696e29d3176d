//! `compare spans`: what the chosen requests have that others have not, and which span takes longer in them.

use std::collections::{BTreeMap, BTreeSet};

use grader::effect::trace::operation;
use grader::evidence::{Look, LookKind, Span, Trace, TraceQuery};
use grader::moment::Window;
use serde::Serialize;
use text::format;
use time::Duration;

use super::Spells;
use crate::cli::compare::CompareSpans as Args;
use crate::commands::source::Evidence;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::waterfall::self_times;
use crate::terminal::{Ink, Style};

/// How many requests are read on each side.
const MOST: usize = 400;
/// How far back the present reaches where no time is asked for.
const PRESENT: Duration = Duration::minutes(2);
/// Slow is what took longer than this share did in the baseline.
const SLOW: f64 = 0.95;
/// How much longer than that a slow request takes: with so few in a baseline, its slowest are no firm limit.
const FELT: f64 = 1.2;
/// A value that fewer requests have tells nothing.
const LEAST: usize = 3;

/// An operation that requests begin with, and how many of them are on each side.
#[derive(Debug, PartialEq, Serialize)]
struct Operation {
    name: String,
    chosen: usize,
    others: usize,
}

/// A value of an attribute, and how many requests of each side have a span with it.
#[derive(Debug, PartialEq, Serialize)]
struct Value {
    service: String,
    span: String,
    key: String,
    value: String,
    chosen: usize,
    chosen_share: f64,
    others: usize,
    others_share: f64,
    score: f64,
}

/// The self time of a span, in milliseconds per request: the median of each side.
#[derive(Debug, PartialEq, Serialize)]
struct Time {
    service: String,
    span: String,
    chosen_ms: f64,
    others_ms: f64,
    difference_ms: f64,
}

#[derive(Debug, Serialize)]
struct Compared {
    /// The chosen requests in words.
    what: String,
    /// The operation whose requests are compared.
    operation: String,
    /// All of those that chosen requests begin with; one of them can be asked for.
    operations: Vec<Operation>,
    /// When the chosen requests began.
    window: Window,
    /// The others are of this time, or of the same one and not chosen.
    baseline: Window,
    chosen: usize,
    others: usize,
    times: Vec<Time>,
    values: Vec<Value>,
    /// A chosen request and a usual one of the same operation, to be read side by side.
    pair: Option<(String, String)>,
}

/// Prints both lists.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, args.run.as_deref())?;
    let progress = context.terminal.progress("querying Jaeger");
    let compared = compare(&evidence, args)?;
    drop(progress);
    let look = format!("compare {}", compared.what);
    evidence
        .place
        .note(&Look::by_command(LookKind::Traces, look, context.now));
    if args.format.json {
        context.terminal.json(&compared)?;
    } else {
        let text = render(&compared, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn compare(evidence: &Evidence, args: &Args) -> anyhow::Result<Compared> {
    let spells = Spells::of(&evidence.place);
    let now = evidence.place.now;
    let to = args
        .until
        .map_or(spells.present.to, |until| until.resolve(now));
    let from = match args.since {
        Some(since) => since.resolve(now),
        None => spells.incident.from.max(to - PRESENT),
    };
    let window = Window { from, to };
    let mut recent = find(evidence, args, window)?;
    if args.failed {
        recent.retain(|one| !one.has_error());
        recent.extend(failed(evidence, args, window)?);
    }
    let usual = find(evidence, args, spells.baseline)?;
    let what = what(args);
    let limits = limits(&usual);
    let is_chosen = |trace: &Trace| match () {
        () if args.failed => trace.has_error(),
        () if !args.terms.is_empty() || args.min_duration.is_some() => {
            has_all(trace, &args.terms) && has_long(trace, args)
        }
        () => is_slow(trace, &limits),
    };
    let (chosen, rest): (Vec<_>, Vec<_>) = recent.into_iter().partition(is_chosen);
    let others: Vec<Trace> = rest.into_iter().chain(usual).collect();
    let operations = operations(&chosen, &others);
    let Some(most) = operations.first().map(|one| one.name.clone()) else {
        let hint = "choose by `--failed`, by an attribute, or another time with `--since`";
        return Err(Error::usage(format!("there are no {what} in this time"), hint).into());
    };
    // Requests of one operation are alike but for what is looked for.
    let same = |traces: Vec<Trace>| -> Vec<Trace> {
        let is_same = |one: &Trace| operation(one).as_ref() == Some(&most);
        traces.into_iter().filter(is_same).collect()
    };
    let (chosen, others) = (same(chosen), same(others));
    let mut values = values(&chosen, &others);
    values.truncate(args.limit);
    let mut times = times(&chosen, &others);
    times.truncate(args.limit);
    Ok(Compared {
        what,
        operation: most,
        operations,
        window,
        baseline: spells.baseline,
        chosen: chosen.len(),
        others: others.len(),
        pair: pair(&chosen, &others),
        times,
        values,
    })
}

/// The operations of the chosen requests; first the one that has most of them, in number and as a share of its own.
fn operations(chosen: &[Trace], others: &[Trace]) -> Vec<Operation> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for name in chosen.iter().filter_map(operation) {
        counts.entry(name).or_default().0 += 1;
    }
    for name in others.iter().filter_map(operation) {
        if let Some(count) = counts.get_mut(&name) {
            count.1 += 1;
        }
    }
    let mut operations: Vec<Operation> = counts
        .into_iter()
        .map(|(name, (chosen, others))| Operation {
            name,
            chosen,
            others,
        })
        .collect();
    let rank = |one: &Operation| {
        let chosen = one.chosen as f64;
        chosen * chosen / (chosen + one.others as f64)
    };
    operations.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    operations
}

/// The chosen requests in words.
fn what(args: &Args) -> String {
    if args.failed {
        return "failed requests".to_owned();
    }
    if args.terms.is_empty() && args.min_duration.is_none() {
        return "slow requests".to_owned();
    }
    let terms = args
        .terms
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let least = args
        .min_duration
        .map(|least| format!("over {} ms", least.as_millis()));
    let words: Vec<String> = terms.chain(least).collect();
    format!("requests with {}", words.join(" "))
}

fn find(evidence: &Evidence, args: &Args, window: Window) -> anyhow::Result<Vec<Trace>> {
    let service = args.service.as_deref().unwrap_or("gateway");
    let mut query = TraceQuery::new(service, window);
    query.operation.clone_from(&args.operation);
    query.limit = MOST;
    evidence.ask(evidence.sources.jaeger.find(&query))
}

/// Failed requests of a window: among the newest of all there may be few.
fn failed(evidence: &Evidence, args: &Args, window: Window) -> anyhow::Result<Vec<Trace>> {
    let service = args.service.as_deref().unwrap_or("gateway");
    let mut query = TraceQuery::new(service, window);
    query.operation.clone_from(&args.operation);
    query.limit = MOST / 4;
    let jaeger = &evidence.sources.jaeger;
    evidence.ask(jaeger.find_where(&query, Trace::has_error))
}

fn has_all(trace: &Trace, terms: &[(String, String)]) -> bool {
    terms.iter().all(|(key, value)| {
        let has = |span: &Span| span.attributes.get(key) == Some(value);
        trace.spans.iter().any(has)
    })
}

fn has_long(trace: &Trace, args: &Args) -> bool {
    let least = args.min_duration.unwrap_or_default().as_secs_f64() * 1e3;
    trace.spans.iter().any(|span| span.duration_ms() >= least)
}

/// What few requests of each operation exceeded in the baseline, in milliseconds.
fn limits(usual: &[Trace]) -> BTreeMap<String, f64> {
    let mut durations: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for trace in usual {
        let Some(name) = operation(trace) else {
            continue;
        };
        durations.entry(name).or_default().push(trace.duration_ms());
    }
    let limit = |durations| quantile(durations, SLOW) * FELT;
    durations
        .into_iter()
        .map(|(name, durations)| (name, limit(durations)))
        .collect()
}

/// Of an operation that was not there before, every request is.
fn is_slow(trace: &Trace, limits: &BTreeMap<String, f64>) -> bool {
    let name = operation(trace).unwrap_or_default();
    limits
        .get(&name)
        .is_none_or(|limit| trace.duration_ms() > *limit)
}

/// 0 of nothing.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
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
        let own = [("instance", &span.instance), ("release", &span.version)];
        let own = own
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        let attributes = span.attributes.clone().into_iter().chain(own);
        let status = span
            .is_error
            .then(|| ("failed".to_owned(), "true".to_owned()));
        for (key, value) in attributes.chain(status) {
            found.insert((span.service.clone(), called(span), key, value));
        }
    }
    found
}

/// The values whose shares differ most, by what is sure of the difference.
fn values(chosen: &[Trace], others: &[Trace]) -> Vec<Value> {
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
fn times(chosen: &[Trace], others: &[Trace]) -> Vec<Time> {
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
fn pair(chosen: &[Trace], others: &[Trace]) -> Option<(String, String)> {
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

fn render(compared: &Compared, style: Style, columns: usize) -> String {
    let mut text = format!(
        "{}: {} {} from {} to {}, compared with {} others\n\n",
        compared.operation,
        compared.chosen,
        compared.what,
        format::clock(compared.window.from),
        format::clock(compared.window.to),
        compared.others,
    );
    let mut table = Table::new(&[
        ("SELF TIME", Align::Right),
        ("USUALLY", Align::Right),
        ("SPAN", Align::Left),
    ]);
    let ms = |ms: f64| format::duration(ms * 1e3);
    for time in &compared.times {
        table.row([
            Cell::new(Ink::Strong, ms(time.chosen_ms)),
            ms(time.others_ms).into(),
            format!("{} {}", time.service, time.span).into(),
        ]);
    }
    text += &table.render(style, columns);
    text.push('\n');
    let mut table = Table::new(&[
        ("CHOSEN", Align::Right),
        ("OTHERS", Align::Right),
        ("ATTRIBUTE", Align::Left),
        ("SPAN", Align::Left),
    ]);
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    for value in &compared.values {
        table.row([
            Cell::new(Ink::Strong, share(value.chosen_share)),
            share(value.others_share).into(),
            Cell::new(Ink::Heading, format!("{}={}", value.key, value.value)),
            Cell::new(Ink::Faint, format!("{} {}", value.service, value.span)),
        ]);
    }
    text + &table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(number: usize, client: &str, query_ms: u64) -> Trace {
        let span = |id: &str, parent: Option<&str>, service: &str, name: &str, ms: u64| Span {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            service: service.to_owned(),
            name: name.to_owned(),
            start_ns: 1_000_000_000,
            end_ns: 1_000_000_000 + ms * 1_000_000,
            ..Span::default()
        };
        let mut root = span("1", None, "gateway", "GET /v1/products", query_ms + 2);
        root.kind = "server".to_owned();
        root.attributes = [("client", client), ("request.id", &number.to_string())]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        Trace {
            id: format!("{number:032x}"),
            spans: vec![root, span("2", Some("1"), "inventory", "SELECT", query_ms)],
        }
    }

    #[test]
    fn what_the_slow_ones_have_in_common_comes_first() {
        let usual: Vec<Trace> = (0..60)
            .map(|number| trace(number, ["a", "b", "c"][number % 3], 1))
            .collect();
        let recent = (100..140).map(|number| {
            let is_slow = number % 4 == 0;
            trace(
                number,
                if is_slow { "z" } else { "a" },
                if is_slow { 80 } else { 1 },
            )
        });
        let limits = limits(&usual);
        let chosen: Vec<Trace> = recent.filter(|one| is_slow(one, &limits)).collect();
        assert_eq!(chosen.len(), 10);
        let values = values(&chosen, &usual);
        let first = values.first().expect("a value");
        assert_eq!((first.key.as_str(), first.value.as_str()), ("client", "z"));
        assert!(
            values.iter().all(|one| one.key != "request.id"),
            "{values:?}"
        );
        let times = times(&chosen, &usual);
        assert_eq!(
            (times[0].service.as_str(), times[0].chosen_ms),
            ("inventory", 80.0)
        );
        assert!(pair(&chosen, &usual).is_some());
    }

    #[test]
    fn an_operation_that_is_new_is_slow_as_a_whole() {
        let recent: Vec<Trace> = (0..5).map(|number| trace(number, "a", 1)).collect();
        let count = |limits| recent.iter().filter(|one| is_slow(one, &limits)).count();
        assert_eq!(count(limits(&[])), 5);
        assert_eq!(count(limits(&recent)), 0);
    }
}
