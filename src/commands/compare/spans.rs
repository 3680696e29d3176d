//! `compare spans`: what the chosen requests have that others have not, and which span takes longer in them.

mod difference;

use std::collections::BTreeMap;

use grader::effect::trace::operation;
use grader::evidence::{Look, LookKind, Span, Trace, TraceQuery};
use grader::moment::Window;
use schemars::JsonSchema;
use serde::Serialize;
use text::format;
use time::Duration;

use super::Spells;
use crate::cli::compare::CompareSpans as Args;
use crate::commands::source::Evidence;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};
use difference::{Time, Value, pair, quantile, times, values};

/// How many requests are read on each side.
const MOST: usize = 400;
/// How far back the present reaches where no time is asked for.
const PRESENT: Duration = Duration::minutes(2);
/// Slow is what took longer than this share did in the baseline.
const SLOW: f64 = 0.95;
/// How much longer than that a slow request takes: with so few in a baseline, its slowest are no firm limit.
const FELT: f64 = 1.2;

/// An operation that requests begin with, and how many of them are on each side.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Operation {
    name: String,
    chosen: usize,
    others: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SpanComparison")]
pub(in crate::commands) struct Compared {
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
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let progress = context.terminal.progress("querying Jaeger");
    let compared = compare(&evidence, args)?;
    drop(progress);
    let look = format!("compare {}", compared.what);
    evidence
        .place
        .note(&Look::by_command(LookKind::Traces, look, context.now));
    if args.recorded.format.json {
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
            Cell::new(
                Ink::Faint,
                format!("{} {}", value.service, value.span).trim_end(),
            ),
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
