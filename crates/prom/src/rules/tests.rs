use super::*;
use crate::store::Limits;
use promql::{Labels, Sample, Source, is_stale};
use std::fmt::Write;
use std::path::Path;

const ALERTS: &str = r#"
groups:
- name: checkout
  interval: 5s
  rules:
  - record: service:errors
    expr: sum by (service) (errors)
    labels: {team: core}
  - alert: Errors
    expr: service:errors > 0.5
    for: 10s
    keep_firing_for: 10s
    labels: {severity: page}
    annotations:
      summary: '{{ $labels.service }} fails {{ $value | humanizePercentage }}'
"#;

fn rules(text: &str) -> (Arc<Store>, Rules) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yml");
    std::fs::write(&path, text).unwrap();
    let store = Arc::new(Store::new(Limits::default()));
    let options = promql::Options::default();
    let second = Duration::from_secs(1);
    let rules = Rules::load(&[path], Arc::clone(&store), second, options).unwrap();
    (store, rules)
}

fn write(store: &Store, route: &str, t_ms: i64, value: f64) {
    let labels = [
        ("__name__", "errors"),
        ("service", "checkout"),
        ("route", route),
    ];
    let mut batch = store.batch();
    let id = batch.series(&Labels::new(labels)).unwrap();
    batch.append(id, Sample { t_ms, value });
}

#[test]
fn an_alert_waits_fires_is_kept_and_ends() {
    let (store, rules) = rules(ALERTS);
    let mut story = String::new();
    for step in 0..12 {
        let t_ms = 1_000_000 + step * 5_000;
        let value = if (1..6).contains(&step) { 0.75 } else { 0.0 };
        write(&store, "/a", t_ms, value);
        rules.evaluate(t_ms);
        let group = &rules.groups()[0];
        let rule = &group.rules[1];
        assert_eq!(rule.health, Health::Good);
        let alerts: Vec<String> = rule
            .alerts()
            .map(|alert| {
                let kept = alert.keep_firing_since_ms.map_or("", |_| " kept");
                format!(" {}{kept}", alert.annotations[0].1)
            })
            .collect();
        let (state, alerts) = (rule.state().name(), alerts.concat());
        writeln!(story, "{} {state}{alerts}", step * 5).unwrap();
    }
    let expected = "\
0 inactive
5 pending checkout fails 75%
10 pending checkout fails 75%
15 firing checkout fails 75%
20 firing checkout fails 75%
25 firing checkout fails 75%
30 firing checkout fails 75% kept
35 firing checkout fails 75% kept
40 inactive
45 inactive
50 inactive
55 inactive
";
    assert_eq!(story, expected);
}

#[test]
fn alerts_leave_series_that_end_with_markers() {
    let (store, rules) = rules(ALERTS);
    for step in 0..10 {
        let t_ms = 1_000_000 + step * 5_000;
        write(&store, "/a", t_ms, if step < 4 { 0.75 } else { 0.0 });
        rules.evaluate(t_ms);
    }
    let matcher = |name: &str| promql::Matcher::new(promql::MatchOp::Equal, "__name__", name);
    let shown = |name: &str| {
        let mut lines = Vec::new();
        for series in store.select(&[matcher(name)], i64::MIN, i64::MAX) {
            let text = |sample: &Sample| match is_stale(sample.value) {
                true => "end".to_owned(),
                false => sample.value.to_string(),
            };
            let samples: Vec<String> = series.samples.iter().map(text).collect();
            let state = series.labels.get("alertstate").unwrap_or("-");
            lines.push(format!("{state} {}", samples.join(" ")));
        }
        lines.sort();
        lines
    };
    assert_eq!(shown("ALERTS"), ["firing 1 1 1 1 end", "pending 1 1 end"]);
    assert_eq!(
        shown("ALERTS_FOR_STATE"),
        ["- 1000 1000 1000 1000 1000 1000 end"]
    );
    let recorded = store.select(&[matcher("service:errors")], i64::MIN, i64::MAX);
    let expected = "service:errors{service=\"checkout\", team=\"core\"}";
    assert_eq!(recorded[0].labels.to_string(), expected);
}

#[test]
fn a_pending_alert_that_ends_leaves_nothing() {
    let (store, rules) = rules(ALERTS);
    for (step, value) in [0.9, 0.0, 0.9].into_iter().enumerate() {
        let t_ms = step as i64 * 5_000;
        write(&store, "/a", t_ms, value);
        rules.evaluate(t_ms);
    }
    let alerts: Vec<Alert> = rules.groups()[0].rules[1].alerts().cloned().collect();
    assert_eq!(alerts.len(), 1);
    let found = (alerts[0].state, alerts[0].active_at_ms);
    assert_eq!(found, (State::Pending, 10_000));
}

#[test]
fn an_expression_that_fails_is_reported_and_keeps_the_alerts() {
    let (store, rules) = rules(
        "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: errors * on (service) group_left () errors > 0\n",
    );
    write(&store, "/a", 1_000, 1.0);
    rules.evaluate(1_000);
    assert_eq!(rules.groups()[0].rules[0].state(), State::Firing);
    write(&store, "/b", 2_000, 1.0);
    rules.evaluate(2_000);
    let rule = &rules.groups()[0].rules[0];
    assert!(matches!(rule.health, Health::Failed(_)));
    assert_eq!(rule.state(), State::Firing);
}

#[test]
fn all_mistakes_in_a_file_are_named_with_their_lines() {
    let check = |text: &str, expected: &[&str]| {
        let problems = file::parse(Path::new("r.yml"), text, Duration::from_secs(1)).unwrap_err();
        let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with("r.yml:"), "{problem}");
            assert!(problem.contains(expected), "{problem} lacks {expected}");
        }
    };
    check(
        "groups:\n- name: a\n  rulez: []\n",
        &["r.yml:3: groups[0]: unknown field `rulez`"],
    );
    check(
        "groups:\n- name: a\n  rules:\n  - alert: A\n    exp: 1\n",
        &["r.yml:5: "],
    );
    check("groups: 5\n", &["r.yml:1: "]);
    // The bare parser panics on both.
    check(
        "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up offset NaN\n  - alert: B\n    expr: up[1e400]\n",
        &["r.yml:4: expr: ", "r.yml:6: expr: "],
    );
    let many = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up >\n    for: soon\n  - record: 'x y'\n    expr: up\n  - record: x\n    expr: up\n    for: 5s\n  - alert: B\n    expr: up\n    annotations: {s: '{{ nope }}'}\n    labels: {'1': x}\n  - expr: up\n- name: a\n";
    check(
        many,
        &[
            "r.yml:4: expr: ",
            "r.yml:4: for: `soon` is not a duration",
            "r.yml:7: record: `x y` is not a metric name",
            "r.yml:9: `for`, `keep_firing_for` and `annotations` belong to alerts",
            "r.yml:12: labels: `1` is not a label name",
            "r.yml:12: annotations.s: `nope` is not supported; a template may use $value, $labels.NAME and the functions humanize, ",
            "a rule needs `alert` or `record`",
            "group `a` occurs twice",
        ],
    );
}

#[test]
fn scalars_in_yaml_need_no_quotes() {
    let (_, rules) = rules(
        "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: 1\n    labels: {page: true, level: 2}\n",
    );
    rules.evaluate(5_000);
    let group = &rules.groups()[0];
    let alert = group.rules[0].alerts().next().unwrap();
    let labels = r#"{alertname="A", level="2", page="true"}"#;
    assert_eq!(alert.labels.to_string(), labels);
    assert_eq!(alert.state, State::Firing);
}
