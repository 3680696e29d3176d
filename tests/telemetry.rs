//! The reference `docs/telemetry.md` against the constants in the source and against a running shop: what is emitted is
//! written there, and what is written there is emitted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::{Drill, SOON, claims, get, get_json, http, tool, wait_for, wanting};

const PAGE: &str = include_str!("../docs/telemetry.md");
/// Read as text: constants cannot be listed.
const NAMES: &str = include_str!("../crates/telemetry/src/names.rs");
const ENVIRONMENT: &str = include_str!("../crates/telemetry/src/environment.rs");
const ROUTES: &str = include_str!("../crates/chassis/src/admin/routes.rs");

/// Labels that a target brings, and the bound of a bucket.
const GIVEN: [&str; 5] = ["__name__", "job", "service", "instance", "le"];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = claims![
        every_name_in_the_source_is_in_the_reference,
        the_shop_emits_what_the_reference_says,
    ];
    let checked = claims![promtool_has_no_more_to_say_than_the_reference];
    trials.extend(wanting(tool("promtool").is_some(), checked));
    trials
}

/// `promtool check metrics` on every process: what it finds is what `docs/telemetry.md` excepts.
fn promtool_has_no_more_to_say_than_the_reference() {
    const EXCEPTION: &str = "db_client_connection_count";
    let words = code_words();
    assert!(words.contains("promtool check metrics") && words.contains(EXCEPTION));
    let drill = Drill::start(&["up", "--seed", "42"]);
    let prometheus = drill.url("prometheus");
    let targets = wait_for("all targets", SOON, || {
        let answer = get_json(&format!("{prometheus}/api/v1/targets"));
        let targets = answer["data"]["activeTargets"].as_array()?;
        (targets.len() > 3).then(|| targets.clone())
    });
    let urls = targets
        .iter()
        .map(|target| target["scrapeUrl"].as_str().expect("an address").to_owned());
    let urls: Vec<String> = urls.chain([format!("{prometheus}/metrics")]).collect();
    assert!(urls.len() > 3, "{urls:?}");
    let mut excepted = 0;
    for url in urls {
        let (status, text) = get(&url);
        assert_eq!(status, 200, "{url}");
        let found = promtool(&text);
        let (known, others): (Vec<&str>, Vec<&str>) = found
            .lines()
            .partition(|line| line.starts_with(EXCEPTION) && line.contains("\"_count\""));
        assert!(others.is_empty(), "{url}: {others:?}");
        excepted += known.len();
    }
    assert!(excepted > 0, "the exception is needed no more");
}

/// What `promtool check metrics` says of a page.
fn promtool(page: &str) -> String {
    let program = tool("promtool").expect("it was looked for before");
    let mut child = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(page.as_bytes()).expect("it reads all");
    drop(input);
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

fn every_name_in_the_source_is_in_the_reference() {
    let names: Vec<&str> = first_texts(NAMES, "pub const ").collect();
    assert!(names.len() > 80, "{names:?}");
    let is_of_name = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let is_variable = |word: &&str| word.starts_with("OTEL_") && word.bytes().all(is_of_name);
    let variables = ENVIRONMENT.split(['"', '`']).filter(is_variable);
    let endpoints = first_texts(ROUTES, ".route(");
    let known = code_words();
    let is_known = |name: &&str| {
        let is_endpoint = |word: &&str| word.ends_with(&format!(" {name}"));
        known.contains(name) || name.starts_with('/') && known.iter().any(is_endpoint)
    };
    let all = names.into_iter().chain(variables).chain(endpoints);
    let missing: BTreeSet<&str> = all.filter(|name| !is_known(name)).collect();
    assert!(missing.is_empty(), "not in docs/telemetry.md: {missing:?}");
}

/// The first text in quotes behind each `start`.
fn first_texts(source: &'static str, start: &'static str) -> impl Iterator<Item = &'static str> {
    source
        .split(start)
        .skip(1)
        .filter_map(|rest| rest.split('"').nth(1))
}

/// Whatever the page has in backticks, outside of blocks.
fn code_words() -> BTreeSet<&'static str> {
    let lines = PAGE.lines().filter(|line| !line.starts_with("```"));
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The rows of the tables whose head begins with these columns, as the texts of their cells.
pub(crate) fn rows(head: &[&str]) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| -> Vec<&'static str> {
        let inner = line.trim_start_matches("| ").trim_end_matches('|');
        inner.split('|').map(str::trim).collect()
    };
    let mut found = Vec::new();
    let mut is_wanted = false;
    let mut before = "";
    for line in PAGE.lines() {
        if line.starts_with("|---") {
            is_wanted = cells(before).starts_with(head);
        } else if !line.starts_with('|') {
            is_wanted = false;
        } else if is_wanted {
            found.push(cells(line));
        }
        before = line;
    }
    assert!(!found.is_empty(), "no table {head:?}");
    found
}

/// The words in backticks of one cell.
pub(crate) fn words(cell: &'static str) -> BTreeSet<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn the_shop_emits_what_the_reference_says() {
    let drill = Drill::start(&["up", "--seed", "42"]);
    metrics(drill.url("prometheus"));
    spans(drill.url("jaeger"));
    log_fields(&drill);
    endpoints(&drill);
}

/// Kind and labels of metric families by name.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// Families, kinds and labels, in both directions.
fn metrics(prometheus: &str) {
    let mut expected = Families::new();
    for row in rows(&["metric", "kind", "labels"]) {
        let labels = words(row[2]).into_iter().map(str::to_owned);
        // The target has a label of that name already.
        let labels = labels.filter(|label| label != "service");
        expected.insert(
            row[0].replace('`', ""),
            (row[1].to_owned(), labels.collect()),
        );
    }
    let scraper: BTreeSet<&str> = rows(&["metric", "meaning"])
        .iter()
        .flat_map(|row| words(row[0]))
        .collect();
    let deadline = Instant::now() + SOON;
    let found = wait_for("every metric of docs/telemetry.md", SOON * 2, || {
        let found = families(prometheus, &scraper);
        // A counter is there from the start or with its first event.
        let is_whole = expected.keys().all(|name| found.contains_key(name));
        (is_whole || Instant::now() > deadline).then_some(found)
    });
    let names = |families: &Families| -> Vec<String> { families.keys().cloned().collect() };
    assert_eq!(
        names(&found),
        names(&expected),
        "emitted, and in docs/telemetry.md"
    );
    for (name, expected) in &expected {
        assert_eq!(&found[name], expected, "{name}: kind and labels");
    }
}

/// Kind and labels of what the services emit.
fn families(prometheus: &str, scraper: &BTreeSet<&str>) -> Families {
    let series = get_json(&format!(
        "{prometheus}/api/v1/series?match[]={{job=%22shop%22}}"
    ));
    // Asked second: what a series belongs to is known when the series is.
    let kinds = get_json(&format!("{prometheus}/api/v1/metadata"));
    let mut found = Families::new();
    for series in series["data"].as_array().expect("series") {
        let name = series["__name__"].as_str().expect("a name");
        if scraper.contains(name) {
            continue;
        }
        let ends = ["_bucket", "_sum", "_count"].iter();
        let histogram = ends
            .filter_map(|end| name.strip_suffix(end))
            .find(|name| kinds["data"][name][0]["type"] == "histogram");
        let name = histogram.unwrap_or(name);
        // OpenMetrics names the family of a counter without the end of its series' names.
        let family = name.strip_suffix("_total").unwrap_or(name);
        let kind = kinds["data"][family][0]["type"].as_str().unwrap_or("none");
        let family = found.entry(name.to_owned()).or_default();
        family.0 = kind.to_owned();
        let labels = series.as_object().expect("labels").keys();
        let own = labels.filter(|label| !GIVEN.contains(&label.as_str()));
        family
            .1
            .extend(own.filter(|label| *label != "exported_service").cloned());
    }
    found
}

/// Names, attributes and resources of the spans of all three services.
fn spans(jaeger: &str) {
    let known = code_words();
    for service in ["gateway", "checkout", "inventory"] {
        let url = format!("{jaeger}/api/traces?service={service}&limit=200");
        let traces = wait_for("fifty traces", SOON, || {
            let traces = get_json(&url)["data"].as_array()?.clone();
            (traces.len() >= 50).then_some(traces)
        });
        for trace in &traces {
            for process in trace["processes"].as_object().expect("processes").values() {
                keys_are_known(&process["tags"], &known);
            }
            for span in trace["spans"].as_array().expect("spans") {
                let name = span["operationName"].as_str().expect("a name");
                let summary = tag(span, "db.query.summary");
                assert!(
                    known.contains(name) || summary == Some(name),
                    "span `{name}` is not in docs/telemetry.md"
                );
                keys_are_known(&span["tags"], &known);
            }
        }
    }
}

fn tag<'a>(span: &'a Value, key: &str) -> Option<&'a str> {
    let tags = span["tags"].as_array()?.iter();
    tags.filter(|tag| tag["key"] == key)
        .find_map(|tag| tag["value"].as_str())
}

#[track_caller]
fn keys_are_known(tags: &Value, known: &BTreeSet<&str>) {
    // What Jaeger's own format makes of kind, status and scope.
    let of_jaeger = [
        "span.kind",
        "error",
        "otel.scope.name",
        "otel.status_description",
    ];
    for tag in tags.as_array().expect("tags") {
        let key = tag["key"].as_str().expect("a key");
        assert!(
            known.contains(key) || of_jaeger.contains(&key),
            "attribute `{key}` is not in docs/telemetry.md"
        );
    }
}

/// Every field of every line, and the fields that every line has.
fn log_fields(drill: &Drill) {
    let cells = rows(&["field"]);
    let known: BTreeSet<&str> = cells.iter().flat_map(|row| words(row[0])).collect();
    let mut lines = 0;
    for instance in ["gateway-1", "checkout-1", "inventory-1", "inventory-2"] {
        let path = drill
            .folder()
            .join("logs")
            .join(format!("{instance}.jsonl"));
        let text = std::fs::read_to_string(&path).expect("a log");
        // The last line may be half written.
        for line in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let fields = line.as_object().expect("an object");
            for field in fields.keys() {
                assert!(
                    known.contains(&**field),
                    "field `{field}` is not in docs/telemetry.md"
                );
            }
            for field in [
                "timestamp",
                "level",
                "service",
                "instance",
                "version",
                "target",
                "message",
            ] {
                assert!(fields.contains_key(field), "no `{field}` in {line}");
            }
            lines += 1;
        }
    }
    assert!(lines > 4, "{lines} lines");
}

/// Each endpoint of the admin port answers, or wants a token, as the reference says.
fn endpoints(drill: &Drill) {
    let processes = drill.processes();
    let admin = processes[0]["admin"].as_str().expect("an address");
    let client = http();
    for row in rows(&["endpoint", "token"]) {
        let endpoint = row[0].trim_matches('`');
        let (method, path) = endpoint.split_once(' ').expect("method and path");
        let request = client.request(
            method.parse().expect("a method"),
            format!("http://{admin}{path}"),
        );
        let answer = request.send().expect("an answer").status().as_u16();
        let expected = if row[1] == "yes" { 401 } else { 200 };
        assert_eq!(answer, expected, "{endpoint} without a token");
    }
}
