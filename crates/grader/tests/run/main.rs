//! Pointers executed against stubs that answer as Jaeger and Prometheus do.

mod adversarial;
mod graded_run;
mod heap;
mod profile;
mod stub;

use std::io::Write as _;
use std::time::{Duration, Instant};

use grader::alert::{self, attempt};
use grader::evidence::{Deploy, DeployKind, TraceQuery};
use grader::pointer::examine;
use grader::pointer::{Outcome, execute};
use grader::{Frame, Window, WriteUp};
use stub::{BEFORE, CHANGE, ELSEWHEN, ENDED, PAGE, SLOW, STARTED, USUAL, World, frame, world};

/// What became of a pointer, as one line.
async fn line(world: &World, text: &str) -> String {
    let executed = execute(&world.sources, &frame(), text).await;
    match executed.outcome {
        Outcome::Malformed(why) => format!("malformed: {why}"),
        Outcome::Failed(why) => format!("failed: {why}"),
        Outcome::Unchecked(why) => format!("unchecked: {why}"),
        Outcome::Found(finding) => {
            let holds = match finding.value_holds {
                Some(false) => "; not the value",
                Some(true) => "; the value",
                None => "",
            };
            let told = match (finding.effect.strongest(), &finding.effect.refused) {
                (Some((feature, change)), _) => format!("; {}: {}", feature.name, change.what),
                (None, Some(why)) => format!("; {why}"),
                (None, None) => String::new(),
            };
            let mark = match finding.effect.is_clear() {
                true => "shows",
                false => "is so",
            };
            format!("{mark}: {}{holds}{told}", finding.what)
        }
    }
}

async fn check(world: &World, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let found = line(world, text).await;
        assert!(
            found.starts_with(expected),
            "{text}\n    found: {found}\n expected: {expected}"
        );
    }
}

/// One over the limit of a part fails there, and is looked up where it stands within the limits.
#[tokio::test]
async fn a_pointer_over_a_limit_fails_only_where_it_is_over() {
    let mut writeup = WriteUp::default();
    let errors = || "promql:errors@page".to_owned();
    writeup.cause.evidence = vec!["promql:flat@page".to_owned(); 12];
    writeup.cause.evidence.push(errors());
    writeup.impact.evidence = vec![errors()];
    let world = world().await;
    let executed = examine(&world.sources, &frame(), &writeup).await;
    let of_errors: Vec<String> = executed
        .iter()
        .filter(|one| one.text == errors())
        .map(|one| match &one.outcome {
            Outcome::Failed(why) => why.clone(),
            Outcome::Found(finding) => finding.what.clone(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(of_errors.len(), 2, "{of_errors:?}");
    assert!(
        of_errors.iter().any(|one| one.contains("at most 12")),
        "{of_errors:?}"
    );
    assert!(
        of_errors.iter().any(|one| one == "3 at 10:07:00"),
        "{of_errors:?}"
    );
}

#[tokio::test]
async fn metrics_show_what_leaves_the_baseline() {
    check(
        &world().await,
        &[
            (
                "promql:p99@page+30s => 0.48",
                "shows: 0.48 at 10:07:30; the value; p99: 0.04 to 0.044 before, 0.48 then",
            ),
            (
                "promql:p99@page+30s => 480ms",
                "shows: 0.48 at 10:07:30; the value",
            ),
            (
                "promql:p99@page => 0.6",
                "shows: 0.48 at 10:07:00; not the value",
            ),
            ("promql:p99@10:02:00", "is so: 0.0"),
            ("promql:flat@page", "is so: 0.04 at 10:07:00"),
            ("promql:gap@page", "is so: 0 at 10:06:58"),
            ("promql:served_total@10:11:30", "is so: 64500 at 10:11:30"),
            (
                "promql:errors@page",
                "shows: 3 at 10:07:00; errors: 3, and nothing before",
            ),
            (
                "promql:p99@page-1h",
                "failed: 09:07:00 is outside this run (10:00:00 to 10:12:00)",
            ),
            (
                "promql:p99@2025-11-23T10:07:00Z",
                "failed: 10:07:00 is outside this run",
            ),
            (
                "promql:served_total{code=\"500\"}@page => 0",
                "is so: no series at 10:07:00, which counts as 0; the value",
            ),
            (
                "promql:served_total{code=\"500\"}@page => 3",
                "is so: no series at 10:07:00, which counts as 0; not the value",
            ),
            (
                "promql:nothing@page",
                "failed: the expression has no value at that time, and this run has no metric `nothing`",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn whatever_a_backend_does_is_an_outcome() {
    let world = world().await;
    let begun = Instant::now();
    check(
        &world,
        &[
            (
                "promql:for_ever@page",
                "failed: Prometheus took longer than 400ms",
            ),
            (
                "promql:broken(@page",
                "failed: Prometheus refused: parse error: unclosed left parenthesis (bad_data)",
            ),
            (
                "promql:server_timeout@page",
                "failed: Prometheus refused: query timed out in expression evaluation (timeout)",
            ),
            ("promql:elsewhere@page", "failed: Prometheus refused"),
            (
                "promql:huge@page",
                "failed: Prometheus returned more than 65536 bytes; narrow the query",
            ),
            (
                "promql:nonsense@page",
                "unchecked: unexpected response from Prometheus",
            ),
        ],
    )
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let gone = grader::evidence::Sources::new(
        "http://127.0.0.1:1",
        "http://127.0.0.1:1",
        world.folder.path(),
    );
    let gone = World {
        sources: gone.expect("addresses"),
        ..world
    };
    check(
        &gone,
        &[
            (
                "promql:p99@page",
                "unchecked: Prometheus at `http://127.0.0.1:1` does not answer",
            ),
            (
                &format!("trace:{SLOW}"),
                "unchecked: Jaeger at `http://127.0.0.1:1` does not answer",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn traces_show_what_is_unusual_for_their_operation() {
    check(&world().await, &[
        (&format!("trace:{SLOW} => 0.9s"), "shows: gateway POST /v1/orders: 900.0 ms, 2 spans in gateway, inventory; the value; time in SELECT price in inventory: 898 ms in it"),
        (&format!("trace:{USUAL}"), "is so: gateway POST /v1/orders: 21.0 ms, 2 spans in gateway, inventory"),
        (&format!("trace:{BEFORE}"), "is so: gateway POST /v1/orders: 900.0 ms, 2 spans in gateway, inventory; it began at 10:01:00, outside the incident"),
        (&format!("trace:{ELSEWHEN}"), "failed: the trace began at 00:00:00, outside this run"),
        ("trace:ffffffffffffffffffffffffffffffff", "failed: this run has no trace `ffffffffffffffffffffffffffffffff`"),
    ])
    .await;
}

#[tokio::test]
async fn log_lines_show_when_they_were_seldom_before() {
    let world = world().await;
    let logs = world.folder.path().join("logs");
    std::fs::create_dir(&logs).expect("there is room");
    let mut file = std::fs::File::create(logs.join("checkout-1.jsonl")).expect("there is room");
    for second in 0..720 {
        let at = text::format::rfc3339(STARTED + time::Duration::seconds(second));
        let request = format!("{second:016x}");
        writeln!(file, r#"{{"timestamp":"{at}","level":"info","service":"checkout","message":"stored order","request_id":"{request}","trace_id":"{request}"}}"#).expect("there is room");
        if second > 300 && second % 10 == 0 {
            writeln!(file, r#"{{"timestamp":"{at}","level":"error","service":"checkout","message":"cannot read held","version":"2026.11.8","request_id":"{request}"}}"#).expect("there is room");
        }
    }
    file.write_all(b"not json\n{\"timestamp\":\"torn")
        .expect("there is room");
    check(&world, &[
        ("log:level=error \"cannot read\"", "shows: 41 lines match; the last: 10:11:50 cannot read held; checkout error: cannot read held: 0 such lines a minute before, 5.9 then"),
        ("log:level=error => 41", "shows: 41 lines match; the last: 10:11:50 cannot read held; the value"),
        ("log:service=checkout", "is so: 761 lines match"),
        ("log:stored since=page", "is so: 300 lines match; the last: 10:11:59 stored order"),
        ("log:stored request_id=00000000000001f4", "is so: 1 line matches"),
        ("log:level=debug", "failed: no log line matches; 762 lines were read"),
        ("log:level=fatal", "malformed: `fatal` is not a level; did you mean `error`?"),
    ])
    .await;
}

#[tokio::test]
async fn deploys_resolve_when_the_metrics_show_them_too() {
    let world = world().await;
    let deploy = |service: &str, release: &str, at| Deploy {
        id: format!("{service}@{release}"),
        service: service.to_owned(),
        release: release.to_owned(),
        at,
        role: "engineer".to_owned(),
        summary: "Prices remember who set them".to_owned(),
        kind: DeployKind::Deploy,
        diff: String::new(),
        changes: Vec::new(),
        command: None,
    };
    let old = STARTED - time::Duration::days(3);
    let all = [
        deploy("inventory", "2026.11.8", CHANGE),
        deploy("inventory", "2026.11.9", PAGE),
        deploy("gateway", "2026.11.1", old),
    ];
    let lines: String = all
        .iter()
        .map(|deploy| format!("{}\n", serde_json::to_string(deploy).expect("it is plain")))
        .collect();
    std::fs::write(world.folder.path().join("deploys.jsonl"), lines).expect("there is room");
    check(&world, &[
        ("deploy:inventory@2026.11.8", "is so: deploy of inventory 2026.11.8 at 10:05:00: Prices remember who set them"),
        ("deploy:inventory@2026.11.9", "failed: `inventory@2026.11.9` is in the deploy log, but `build_info` never showed inventory 2026.11.9 in this run"),
        ("deploy:gateway@2026.11.1", "is so: deploy of gateway 2026.11.1"),
        ("deploy:checkout@1", "failed: this run has no deploy `checkout@1`"),
    ])
    .await;
}

#[tokio::test]
async fn a_flood_of_pointers_ends_soon() {
    let world = world().await;
    let mut writeup = WriteUp::default();
    writeup.cause.evidence = (0..5000)
        .map(|i| format!("promql:flat + {i}@page"))
        .collect();
    writeup.trigger.evidence = vec!["promql:for_ever@page".to_owned(); 50];
    writeup.impact.evidence = vec!["x".repeat(1 << 20)];
    let begun = Instant::now();
    let all = examine(&world.sources, &frame(), &writeup).await;
    assert_eq!(all.len(), 5051);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        all.iter().all(|pointer| pointer.text.len() < 1000),
        "what is kept is bounded"
    );
    assert!(
        all.last()
            .is_some_and(|last| last.sentence().contains("a cause has at most 12 pointers"))
    );
}

#[tokio::test]
async fn a_proposed_alert_is_tried_over_the_run() {
    async fn check(world: &World, expr: &str, hold_s: f64, expected: &str) {
        let alert = grader::writeup::Alert {
            expr: expr.to_owned(),
            hold_s,
        };
        let tried = attempt(&world.sources.prometheus, &frame(), &alert).await;
        let found = match tried.map(|tried| tried.outcome) {
            None => "none".to_owned(),
            Some(alert::Outcome::Refused(why)) => format!("refused: {why}"),
            Some(alert::Outcome::Unchecked(why)) => format!("unchecked: {why}"),
            Some(alert::Outcome::Ran(ran)) => match ran.firing.first() {
                None => format!("silent; {:.0} s at the longest", ran.longest_s),
                Some(first) => format!("fires at {}", grader::moment::clock_text(first.from)),
            },
        };
        assert!(
            found.starts_with(expected),
            "{expr} for {hold_s}\n    found: {found}\n expected: {expected}"
        );
    }
    let world = world().await;
    let begun = Instant::now();
    for (expr, hold_s, expected) in [
        ("", 0.0, "none"),
        ("errors", 0.0, "fires at 10:05:01"),
        ("errors", 20.0, "fires at 10:05:21"),
        ("errors", 600.0, "silent; 419 s at the longest"),
        ("flat", 0.0, "fires at 10:00:00"),
        ("nothing", 0.0, "silent; 0 s at the longest"),
        ("many", 0.0, "refused: it has 60 series"),
        (
            "for_ever",
            0.0,
            "refused: Prometheus took longer than 400ms",
        ),
        (
            "broken(",
            0.0,
            "refused: Prometheus refused: parse error: unclosed left parenthesis (bad_data)",
        ),
        (
            "server_timeout",
            0.0,
            "refused: Prometheus refused: query timed out in expression evaluation",
        ),
        (
            "huge",
            0.0,
            "refused: Prometheus returned more than 65536 bytes",
        ),
        ("elsewhere", 0.0, "refused: Prometheus refused"),
        (
            "nonsense",
            0.0,
            "unchecked: unexpected response from Prometheus",
        ),
    ] {
        check(&world, expr, hold_s, expected).await;
    }
    let long = "x".repeat(1 << 20);
    check(
        &world,
        &long,
        0.0,
        "refused: the expression has 1048576 bytes",
    )
    .await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_check_without_windows_tells_nothing_of_the_truth() {
    let world = world().await;
    let blind = Frame {
        windows: None,
        ..frame()
    };
    for text in [
        "promql:p99@page",
        "promql:flat@page",
        &format!("trace:{SLOW}"),
        &format!("trace:{USUAL}"),
    ] {
        let executed = execute(&world.sources, &blind, text).await;
        assert!(executed.resolves() && !executed.shows(), "{text}");
    }
}

#[tokio::test]
async fn the_clients_read_what_the_backends_answer() {
    let world = world().await;
    let jaeger = &world.sources.jaeger;
    assert_eq!(jaeger.base(), format!("http://{}", world.addr));
    assert_eq!(
        jaeger.services().await.expect("it answers"),
        ["checkout", "gateway", "inventory"]
    );
    let operations = jaeger.operations("gateway").await.expect("it answers");
    assert_eq!(
        (operations[0].name.as_str(), operations[0].kind.as_str()),
        ("POST /v1/orders", "server")
    );
    let window = Window {
        from: STARTED,
        to: CHANGE,
    };
    let traces = jaeger
        .find(&TraceQuery {
            limit: 3,
            ..TraceQuery::new("gateway", window)
        })
        .await
        .expect("it answers");
    assert_eq!(traces.len(), 3, "newest first, and no more than asked for");
    assert!(traces[0].start_ns() > traces[1].start_ns());
    let query = traces[0]
        .spans
        .iter()
        .find(|span| span.name == "SELECT price")
        .expect("it is there");
    assert_eq!(
        (
            query.service.as_str(),
            query.kind.as_str(),
            query.version.as_deref()
        ),
        ("inventory", "client", Some("2026.11.8"))
    );
    assert_eq!(query.attributes["db.query.text"], "SELECT … WHERE sku = ?");
    // What is rare is found behind pages of others.
    let rare = |trace: &grader::evidence::Trace| {
        u128::from_str_radix(&trace.id, 16).expect("an id") % 150 == 1
    };
    let query = TraceQuery {
        limit: 3,
        ..TraceQuery::new("busy", window)
    };
    let found = jaeger.find_where(&query, rare).await.expect("it answers");
    let found: Vec<&str> = found.iter().map(|trace| &trace.id[29..]).collect();
    assert_eq!(found, ["12d", "097", "001"], "newest first");
    let refused = jaeger
        .find(&TraceQuery::new("nobody", window))
        .await
        .expect_err("the stub refuses");
    assert_eq!(refused.to_string(), "Jaeger refused: malformed parameter");

    let alerts = world.sources.prometheus.alerts().await.expect("it answers");
    assert_eq!(
        (
            alerts[0].labels["alertname"].as_str(),
            alerts[0].state.as_str()
        ),
        ("OrdersSlow", "firing")
    );
}

#[tokio::test]
async fn mitigation_is_measured_to_the_end_of_its_settle_time() {
    let world = world().await;
    let check: grader::rubric::Mitigation = toml::from_str(
        "indicator = 'indicator'\nbelow = 0.3\nsettle_s = 60\naccept = ['rollback inventory']",
    )
    .expect("it is right");
    let measure =
        |until| grader::mitigation::measure(&world.sources.prometheus, &check, None, until);
    let settled = measure(ENDED).await;
    assert!(
        settled.is_settled && settled.value == Some(0.05),
        "{settled:?}"
    );
    let early = measure(PAGE + time::Duration::seconds(200)).await;
    assert!(!early.is_settled && early.well_for_s < 25.0, "{early:?}");
    let never = measure(PAGE).await;
    assert_eq!((never.is_settled, never.value), (false, Some(0.48)));
}
