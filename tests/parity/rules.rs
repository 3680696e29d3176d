//! Rules beside those of a real Prometheus: over the same samples, what they record and which alerts are pending and
//! firing must be the same after every single evaluation.
//!
//! The real one is `promtool test rules`, which evaluates with Prometheus's own code: what the embedded one wrote is what it is told
//! to expect.

mod scene;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use prom::rules::{RuleKind, Rules, State};
use prom::store::Store;
use promql::{Options, Value as Answer, VectorSample, is_stale};
use serde_json::{Value, json};

use super::fixture::{START_MS, Series};
use super::{embedded, list};
use crate::support::tool;

/// Everything that rules write.
const WRITTEN: &str = "{__name__=~\"ALERTS|ALERTS_FOR_STATE|answer|nothing:here|(job|depth):.+\"}";

pub(super) fn same_evaluations() {
    let series = scene::series();
    let (expected, counts) = evaluate(&series);
    assert!(counts.rules >= 20 && counts.firing > 100, "{counts:?}");
    let said = promtool(&series, &expected);
    assert_eq!(said, Ok(()), "the embedded one is `exp`");
    // The comparison can fail: an alert that fires a second early is seen, and one that says something else.
    for alter in [move_up, reword] {
        let mut altered = expected.clone();
        let text = alter(&mut altered);
        let said = promtool(&series, &altered).expect_err("a difference is seen");
        assert!(said.contains("FAILED"), "{text}: {said}");
    }
    println!(
        "parity: rules {} rules, {} evaluations, {} series compared, {} firing alerts with their annotations: 0 differences",
        counts.rules,
        list::count(counts.evaluations),
        list::count(counts.samples),
        list::count(counts.firing),
    );
}

#[derive(Debug, Default)]
struct Counts {
    rules: usize,
    evaluations: usize,
    samples: usize,
    firing: usize,
}

/// What promtool is told to expect.
#[derive(Clone)]
struct Expected {
    written: Vec<Value>,
    alerts: Vec<Value>,
}

fn files() -> [PathBuf; 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [
        "compose/prometheus/rules/shop.yml",
        "tests/parity/rules/extra.yml",
    ]
    .map(|file| root.join(file))
}

/// Evaluates all rules at every second and keeps what they wrote.
fn evaluate(series: &[Series]) -> (Expected, Counts) {
    let store = embedded::store(series);
    let options = Options::default();
    let interval = Duration::from_secs(1);
    let rules = Rules::load(&files(), Arc::clone(&store), interval, options.clone());
    let rules = rules.expect("the rules are right");
    let mut counts = Counts::default();
    let mut expected = Expected {
        written: Vec::new(),
        alerts: Vec::new(),
    };
    for second in 0..=scene::SECONDS {
        rules.evaluate(START_MS + second * 1_000);
        counts.evaluations += 1;
        let written = written(&store, second, &options);
        counts.samples += written.len();
        expected.written.push(json!({
            "expr": WRITTEN, "eval_time": format!("{second}s"), "exp_samples": written,
        }));
        for (name, alerts) in firing(&rules) {
            counts.firing += alerts.len();
            expected.alerts.push(json!({
                "eval_time": format!("{second}s"), "alertname": name, "exp_alerts": alerts,
            }));
        }
    }
    counts.rules = rules.groups().iter().map(|group| group.rules.len()).sum();
    (expected, counts)
}

fn written(store: &Arc<Store>, second: i64, options: &Options) -> Vec<Value> {
    let answer = promql::instant(&**store, WRITTEN, START_MS + second * 1_000, options);
    let Ok(Answer::Vector(found)) = answer.map(|answer| answer.value) else {
        panic!("what rules write is a vector");
    };
    let sample = |found: &VectorSample| {
        let pairs = found.labels.iter();
        json!({"labels": notation(pairs), "value": found.sample.value})
    };
    found.iter().map(sample).collect()
}

/// The firing alerts of every alerting rule, as promtool wants them.
fn firing(rules: &Rules) -> Vec<(String, Vec<Value>)> {
    let groups = rules.groups();
    let rules = groups.iter().flat_map(|group| &group.rules);
    let alerting = rules.filter(|rule| matches!(rule.kind, RuleKind::Alert(_)));
    let firing = alerting.map(|rule| {
        let alerts = rule.alerts().filter(|alert| alert.state == State::Firing);
        let alerts = alerts.map(|alert| {
            let labels: serde_json::Map<String, Value> = alert
                .labels
                .iter()
                .filter(|(name, _)| *name != "alertname")
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            let texts = alert.annotations.iter();
            let annotations: serde_json::Map<String, Value> = texts
                .map(|(name, text)| (name.clone(), text.as_str().into()))
                .collect();
            json!({"exp_labels": labels, "exp_annotations": annotations})
        });
        (rule.name.clone(), alerts.collect())
    });
    firing.collect()
}

/// Lets the first pending alert fire at once; answers which.
fn move_up(expected: &mut Expected) -> String {
    let samples = expected.written.iter_mut();
    let samples = samples.flat_map(|at| at["exp_samples"].as_array_mut().expect("they are a list"));
    for sample in samples {
        let labels = sample["labels"].as_str().unwrap_or_default();
        if labels.contains("alertstate=\"pending\"") {
            let labels = labels.replace("pending", "firing");
            sample["labels"] = labels.clone().into();
            return labels;
        }
    }
    panic!("no alert is ever pending");
}

/// Gives the first firing alert another annotation; answers which.
fn reword(expected: &mut Expected) -> String {
    let alerts = expected.alerts.iter_mut();
    let mut alerts =
        alerts.flat_map(|at| at["exp_alerts"].as_array_mut().expect("they are a list"));
    let alert = alerts.next().expect("an alert fires");
    alert["exp_annotations"]["summary"] = "something else".into();
    alert.to_string()
}

/// What promtool says against it, if it does.
fn promtool(series: &[Series], expected: &Expected) -> Result<(), String> {
    let input: Vec<Value> = series
        .iter()
        .map(|series| {
            let labels = &series.labels;
            let pairs = labels.iter().map(|(name, value)| (&**name, &**value));
            json!({"series": notation(pairs), "values": values(series)})
        })
        .collect();
    let test = json!({
        "rule_files": files(),
        "evaluation_interval": "1s",
        // The order in which sums are added up is not the same.
        "fuzzy_compare": true,
        "tests": [{
            "name": "parity",
            "interval": "1s",
            "start_timestamp": START_MS / 1_000,
            "input_series": input,
            "promql_expr_test": expected.written,
            "alert_rule_test": expected.alerts,
        }],
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("test.yml");
    std::fs::write(&file, test.to_string()).expect("the test is written");
    let output = Command::new(tool("promtool").expect("it was looked for before"))
        .args(["test", "rules"])
        .arg(&file)
        .output()
        .expect("promtool runs");
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said += &String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(());
    }
    Err(said.chars().take(4_000).collect())
}

/// `{name="value", …}`.
fn notation<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// The values second by second, `_` where there is none.
fn values(series: &Series) -> String {
    let mut text = String::new();
    let mut samples = series.samples.iter().peekable();
    for second in 0..=scene::SECONDS {
        let at_ms = START_MS + second * 1_000;
        let _ = match samples.next_if(|(t_ms, _)| *t_ms == at_ms) {
            None => write!(text, "_ "),
            Some((_, value)) if is_stale(*value) => write!(text, "stale "),
            Some((_, value)) => write!(text, "{value} "),
        };
    }
    text
}
