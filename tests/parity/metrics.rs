//! PromQL beside a real Prometheus with the very same samples: each expression at several moments and over several
//! ranges, and what both refuse.

use serde_json::{Value, json};

use super::compare::{difference, sees_differences};
use super::list::{self, Line, lines};
use super::real::Prometheus;
use super::{embedded, fixture, remote_write};
use crate::support::http;

/// When each expression is asked about, in seconds since the first scrape: between two scrapes, at one to the
/// millisecond, while a target fails, after one was replaced, at the end, when samples begin to be too old, long
/// after and before.
const MOMENTS: &[f64] = &[
    1207.0, 615.0, 1362.25, 1808.6, 2985.0, 3200.0, 3290.001, 4000.0, -60.0,
];

/// Start, end and step of the ranges, in seconds.
const RANGES: &[(f64, f64, f64)] = &[
    (0.0, 3000.0, 60.0),
    (613.7, 1801.3, 7.0),
    (1340.0, 1530.0, 2.5),
    (1700.0, 3400.0, 99.999),
    (-120.0, 3900.0, 300.0),
    (1500.0, 1500.0, 1.0),
];

/// A real one takes samples of any age and keeps them while the test runs.
const FLAGS: &[&str] = &[
    "--web.enable-remote-write-receiver",
    "--storage.tsdb.retention.time=100y",
];

pub(super) fn same_answers() {
    sees_differences();
    let series = fixture::series();
    // Subqueries without a step take that of the rules.
    let config = json!({"global": {"evaluation_interval": "1s"}});
    let real = Prometheus::start(&config, FLAGS);
    remote_write::send(&real.url, &series);
    let store = embedded::store(&series);
    let now_ms = at_ms(*MOMENTS.first().expect("there are moments"));
    let embedded = embedded::prometheus(&store, now_ms);
    let pair = Pair {
        client: http(),
        embedded: &embedded.url,
        real: &real.url,
    };
    let expected: usize = series.iter().map(|series| series.samples.len()).sum();
    assert_eq!(pair.taken(), expected, "samples of the real one");
    let found = pair.report();
    println!("{}", found.line());
    assert!(found.wrong.is_empty(), "{}", found.wrong.join("\n"));
}

/// What was asked and what came of it.
#[derive(Default)]
struct Found {
    expressions: usize,
    answers: usize,
    lists: usize,
    refusals: usize,
    listed: usize,
    wrong: Vec<String>,
}

impl Found {
    fn line(&self) -> String {
        format!(
            "parity: metrics {} expressions, {} answers; {} lists; {} errors: {} differences, {} listed with their cause",
            list::count(self.expressions),
            list::count(self.answers),
            list::count(self.lists),
            list::count(self.refusals),
            self.wrong.len(),
            self.listed,
        )
    }
}

/// The two that are compared.
struct Pair<'a> {
    client: reqwest::blocking::Client,
    embedded: &'a str,
    real: &'a str,
}

impl Pair<'_> {
    /// How many samples the real one says that it took.
    fn taken(&self) -> usize {
        let request = self.client.get(format!("{}/metrics", self.real));
        let text = request.send().and_then(|response| response.text());
        let text = text.expect("its own metrics");
        let name = "prometheus_tsdb_head_samples_appended_total{type=\"float\"} ";
        let count = text.lines().find_map(|line| line.strip_prefix(name));
        let count = count.and_then(|count| count.parse::<f64>().ok());
        count.expect("it counts what it takes") as usize
    }

    fn report(&self) -> Found {
        let mut found = Found::default();
        for line in lines(include_str!("expressions.txt")) {
            let (answers, wrong) = self.compare(&line);
            found.expressions += 1;
            found.answers += answers;
            found.wrong.extend(wrong);
        }
        for line in lines(include_str!("lists.txt")) {
            found.lists += 1;
            found.wrong.extend(self.compare_request(&line.text, false));
        }
        for line in lines(include_str!("errors.txt")) {
            found.refusals += 1;
            found.wrong.extend(self.compare_request(&line.text, true));
        }
        for line in lines(include_str!("differs.txt")) {
            found.listed += 1;
            let wrong = if ["query?", "label/", "parse_query?"]
                .iter()
                .any(|path| line.text.starts_with(path))
            {
                self.compare_request(&line.text, false)
            } else {
                self.compare(&line).1
            };
            if wrong.is_none() {
                let text = &line.text;
                found
                    .wrong
                    .push(format!("{text}: listed as different, and is not"));
            }
        }
        found
    }

    /// How many answers were compared, and the first difference.
    fn compare(&self, line: &Line) -> (usize, Option<String>) {
        let is_ordered = line.heading.starts_with("ordered");
        let query = || ("query", line.text.clone());
        let moments = MOMENTS.iter().map(|moment| {
            let form = vec![query(), ("time", seconds(*moment))];
            ("query", form, is_ordered)
        });
        let ranges = RANGES.iter().map(|(start, end, step)| {
            let bounds = [("start", seconds(*start)), ("end", seconds(*end))];
            let form = [&[query()], &bounds[..], &[("step", step.to_string())]].concat();
            // A matrix is always in the order of its labels.
            ("query_range", form, true)
        });
        // A plus sign is not in the tree of the parser here, see `differs.txt`.
        let is_whole = !line.text.starts_with('+');
        let tree = is_whole.then(|| ("parse_query", vec![query()], true));
        let mut answers = 0;
        for (path, form, is_ordered) in moments.chain(ranges).chain(tree) {
            answers += 1;
            let [a, b] = [self.embedded, self.real].map(|url| {
                let (status, answer) = self.ask(url, path, &form);
                json!([status, plain(answer, is_ordered)])
            });
            if let Some(difference) = difference(&a, &b) {
                let asked: Vec<&str> = form.iter().map(|(_, value)| &**value).collect();
                return (answers, Some(format!("{path} {asked:?}{difference}")));
            }
        }
        (answers, None)
    }

    /// How the answers to a request differ: a path and its parameters, ` & ` between them. If it `is_wrong`, both must
    /// refuse it, for the same reason.
    fn compare_request(&self, line: &str, is_wrong: bool) -> Option<String> {
        let (path, parameters) = line.split_once('?').unwrap_or((line, ""));
        let form: Vec<(&str, String)> = parameters
            .split(" & ")
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        let [a, b] = [self.embedded, self.real].map(|url| {
            let (status, answer) = self.ask(url, path, &form);
            json!([status, plain(answer, true)])
        });
        let is_refused = !b[1]["errorType"].is_null();
        match difference(&a, &b) {
            Some(difference) => Some(format!("{line}{difference}")),
            None if is_refused != is_wrong => Some(format!("{line}: both say {a}")),
            None => None,
        }
    }

    /// The status and the answer without its envelope, unless it is an error.
    fn ask(&self, url: &str, path: &str, form: &[(&str, String)]) -> (u16, Value) {
        let url = reqwest::Url::parse_with_params(&format!("{url}/api/v1/{path}"), form);
        let request = self.client.get(url.expect("the path is one"));
        let response = request.send().expect("it answers");
        let status = response.status().as_u16();
        let text = response.text().expect("a text");
        let mut answer: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
        if answer["status"] != "success" {
            return (status, answer);
        }
        let mut data = answer["data"].take();
        for key in ["warnings", "infos"] {
            if let (Some(texts), Some(data)) = (answer[key].as_array(), data.as_object_mut()) {
                let mut texts: Vec<String> = texts.iter().map(annotation).collect();
                texts.sort();
                data.insert(key.to_owned(), texts.into());
            }
        }
        (status, data)
    }
}

/// A warning or info. The real one also tells by how much it corrected buckets, which is left out.
fn annotation(text: &Value) -> String {
    let text = text.as_str().expect("an annotation is a text");
    match (text.split_once(", from buckets"), text.rsplit_once(" (")) {
        (Some((what, _)), Some((_, position))) => format!("{what} ({position}"),
        _ => text.to_owned(),
    }
}

/// An answer that can be compared: errors by their type alone, vectors in the order of their labels unless theirs counts,
/// lists of series always.
fn plain(mut answer: Value, is_ordered: bool) -> Value {
    if !answer["errorType"].is_null() {
        return json!({ "errorType": answer["errorType"] });
    }
    if let Some(series) = answer.as_array_mut() {
        series.sort_by_cached_key(Value::to_string);
    }
    if !is_ordered && let Some(series) = answer["result"].as_array_mut() {
        // Scalars and texts are pairs, which stay as they are.
        if series.iter().all(Value::is_object) {
            series.sort_by_cached_key(|series| series["metric"].to_string());
        }
    }
    answer
}

fn at_ms(second: f64) -> i64 {
    fixture::START_MS + (second * 1_000.0).round() as i64
}

fn seconds(second: f64) -> String {
    let at_ms = at_ms(second);
    format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000)
}
