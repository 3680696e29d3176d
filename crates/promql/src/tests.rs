//! The evaluator against expectations written as text, a file for each area.
//!
//! ```text
//! load 10s                                 samples from 0 s on, 10 s apart; forgets what was loaded before
//!   requests{job="a"}  0 10 _ 30 stale     `_` is a gap; `0..60/10` is 0 10 20 … 60; `7x3` is 7 7 7
//! at 30s: sum(requests)                    an instant query, and its answer in order
//!   {} 30
//! from 0s to 30s by 10s: requests * 2      a range query
//!   {job="a"} 0 20 _ 60
//! ```
//!
//! `= 3` is a scalar or text, `! …` an error and its kind, `? …` a warning or an information, `[]` nothing at all,
//! and a sample of a range vector carries its time: `3@20s`.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;

struct Memory(Vec<Series>);

impl Source for Memory {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        let is_match = |series: &&Series| {
            let value = |name: &str| series.labels.get(name).unwrap_or_default().to_owned();
            matchers
                .iter()
                .all(|matcher| matcher.is_match(&value(&matcher.name)))
        };
        let within = |series: &Series| Series {
            labels: series.labels.clone(),
            samples: series
                .samples
                .iter()
                .filter(|sample| (from_ms..=to_ms).contains(&sample.t_ms))
                .copied()
                .collect(),
        };
        let found = self.0.iter().filter(is_match).map(within);
        found.filter(|series| !series.samples.is_empty()).collect()
    }
}

/// Runs a file of queries and compares it, query by query, with what the evaluator answers.
fn check(file: &str) {
    check_with(file, &Options::default());
}

fn check_with(file: &str, options: &Options) {
    let mut source = Memory(Vec::new());
    let mut differences = String::new();
    let mut queries = 0;
    let mut blocks = file
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .peekable();
    while let Some(head) = blocks.next() {
        let mut lines = Vec::new();
        while let Some(line) = blocks.next_if(|line| line.starts_with("  ")) {
            lines.push(line.trim());
        }
        if let Some(gap) = head.strip_prefix("load ") {
            let gap_ms = time(gap);
            source.0 = lines.iter().map(|line| series(line, gap_ms)).collect();
            continue;
        }
        queries += 1;
        let expected = lines.join("\n");
        let got = run(head, &source, options);
        if got != expected {
            writeln!(differences, "{head}\nexpected\n{expected}\ngot\n{got}\n").unwrap();
        }
    }
    assert!(queries > 0, "a file without a query");
    assert!(differences.is_empty(), "{differences}");
}

fn run(head: &str, source: &Memory, options: &Options) -> String {
    let (when, expression) = head.split_once(": ").unwrap();
    let words: Vec<&str> = when.split(' ').collect();
    let answer = match words[..] {
        ["at", at] => instant(source, expression, time(at), options),
        ["from", start, "to", end, "by", step] => {
            let steps = (time(start), time(end), time(step));
            return match range(source, expression, steps.0, steps.1, steps.2, options) {
                Ok(answer) => render(answer, Some(steps)),
                Err(error) => format!("! {}: {error}", error.kind()),
            };
        }
        _ => panic!("not a query: {head}"),
    };
    match answer {
        Ok(answer) => render(answer, None),
        Err(error) => format!("! {}: {error}", error.kind()),
    }
}

fn render(answer: Answer, steps: Option<(i64, i64, i64)>) -> String {
    let mut lines: Vec<String> = match answer.value {
        Value::Scalar(sample) => vec![format!("= {}", sample.value)],
        Value::String(_, text) => vec![format!("= {text}")],
        Value::Vector(samples) => samples
            .iter()
            .map(|found| format!("{} {}", found.labels, found.sample.value))
            .collect(),
        Value::Matrix(series) => series.iter().map(|series| line(series, steps)).collect(),
    };
    if lines.is_empty() {
        lines.push("[]".to_owned());
    }
    let notes = answer.warnings.iter().chain(&answer.infos);
    lines.extend(notes.map(|note| format!("? {note}")));
    lines.join("\n")
}

fn line(series: &Series, steps: Option<(i64, i64, i64)>) -> String {
    let mut text = series.labels.to_string();
    let Some((start, end, step)) = steps else {
        for sample in &series.samples {
            write!(text, " {}@{}s", sample.value, sample.t_ms as f64 / 1000.0).unwrap();
        }
        return text;
    };
    let mut at = start;
    while at <= end {
        match series.samples.iter().find(|sample| sample.t_ms == at) {
            Some(sample) => write!(text, " {}", sample.value).unwrap(),
            None => text.push_str(" _"),
        }
        at += step;
    }
    text
}

/// A time or duration such as `90s` in milliseconds.
fn time(text: &str) -> i64 {
    let seconds: f64 = text.strip_suffix('s').unwrap().parse().unwrap();
    (seconds * 1000.0) as i64
}

fn series(line: &str, gap_ms: i64) -> Series {
    let end = line
        .find("} ")
        .map_or_else(|| line.find(' ').unwrap(), |brace| brace + 1);
    let (labels, values) = line.split_at(end);
    let mut samples = Vec::new();
    let mut t_ms = 0;
    for value in values.split_whitespace().flat_map(expand) {
        if let Some(value) = value {
            samples.push(Sample { t_ms, value });
        }
        t_ms += gap_ms;
    }
    Series {
        labels: parse_labels(labels),
        samples,
    }
}

/// The values that a word of a `load` stands for.
fn expand(word: &str) -> Vec<Option<f64>> {
    let number = |text: &str| match text {
        "_" => None,
        "stale" => Some(STALE),
        text => Some(text.parse().unwrap()),
    };
    if let Some((from, rest)) = word.split_once("..") {
        let (to, by) = rest.split_once('/').unwrap();
        let (from, to, by): (f64, f64, f64) = (
            from.parse().unwrap(),
            to.parse().unwrap(),
            by.parse().unwrap(),
        );
        let count = ((to - from) / by).round() as usize;
        return (0..=count)
            .map(|index| Some(from + by * index as f64))
            .collect();
    }
    match word.split_once('x') {
        Some((value, times)) => vec![number(value); times.parse().unwrap()],
        None => vec![number(word)],
    }
}

fn parse_labels(text: &str) -> Labels {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let pairs = rest
        .trim_end_matches('}')
        .split(',')
        .filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (label, value) = pair.split_once('=').unwrap();
        (label.to_owned(), value.trim_matches('"').to_owned())
    });
    Labels::new(pairs.chain([(METRIC_NAME.to_owned(), name.to_owned())]))
}

#[test]
fn selectors_find_the_newest_sample_that_is_not_stale() {
    check(include_str!("tests/selector.txt"));
}

#[test]
fn windows_are_open_on_the_left() {
    check(include_str!("tests/window.txt"));
}

#[test]
fn rates_reach_to_the_edges_of_the_window() {
    check(include_str!("tests/rate.txt"));
}

#[test]
fn subqueries_lie_on_a_grid_of_their_own() {
    check(include_str!("tests/subquery.txt"));
}

#[test]
fn aggregations_group_by_labels() {
    check(include_str!("tests/aggregate.txt"));
}

#[test]
fn operators_match_vectors_by_labels() {
    check(include_str!("tests/binary.txt"));
}

#[test]
fn functions_map_values_and_labels() {
    check(include_str!("tests/function.txt"));
}

#[test]
fn quantiles_of_histograms_interpolate_within_buckets() {
    check(include_str!("tests/histogram.txt"));
}

#[test]
fn refusals_say_where() {
    check(include_str!("tests/refusal.txt"));
}

#[test]
fn a_selector_has_its_name_among_its_matchers() {
    let texts = |text: &str| match selector(text) {
        Ok(matchers) => matchers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => format!("! {error}"),
    };
    assert_eq!(texts(r#"up{job!="a"}"#), r#"__name__="up" job!="a""#);
    assert_eq!(texts(r#"{job=~"a|b"}"#), r#"job=~"a|b""#);
    for refused in ["up offset 1m", "up @ 1", "up[1m]", "1", "sum(up)"] {
        let text = format!("! `{refused}` is not a series selector without modifiers");
        assert_eq!(texts(refused), text);
    }
    assert_eq!(
        texts("up{"),
        "! 1:4: parse error: unexpected end of input inside braces"
    );
}

#[test]
fn a_query_stops_at_its_limits() {
    let file = |query: &str, error: &str| {
        format!("load 1s\n  up 1x100\nfrom 0s to 99s by 1s: {query}\n  {error}\n")
    };
    let endless = "sum_over_time(sum_over_time(sum_over_time(up[90s:1s])[90s:1s])[90s:1s])";
    let few = Options {
        max_samples: 150,
        ..Options::default()
    };
    let text =
        "! execution: query processing would load too many samples into memory in query execution";
    check_with(&file("up", text), &few);
    check_with(
        &file("sum_over_time(vector(1)[1000000d:1s])", text),
        &Options::default(),
    );
    let short = Options {
        timeout: Duration::ZERO,
        ..Options::default()
    };
    check_with(
        &file(
            endless,
            "! timeout: query timed out in expression evaluation after 0 ms",
        ),
        &short,
    );
}

#[test]
fn an_expression_may_be_as_deep_as_the_bound_on_a_small_stack() {
    let source = Memory(Vec::new());
    let evaluate = |text: String| instant(&source, &text, 0, &Options::default());
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    let calls = |depth: usize| format!("{}up{}", "abs(".repeat(depth), ")".repeat(depth));
    let chain = |depth: usize| format!("1{}", " + 1".repeat(depth));
    let signs = |depth: usize| format!("{}up", "-".repeat(depth));
    let shapes: [&dyn Fn(usize) -> String; 4] = [&nested, &calls, &chain, &signs];
    for shape in shapes {
        assert!(evaluate(shape(400)).is_ok());
        assert_eq!(evaluate(shape(100_000)).unwrap_err().kind(), "bad_data");
    }
}
