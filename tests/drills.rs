//! Every drill of the catalogue, held for real and both ways: a right write-up passes, a plausible wrong one does not.

use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::silence;
use crate::support::{Drill, wait_for};
use crate::writeup::Facts;

/// The fast pace promises a page within 60 s of the start; a debug build beside three other drills gets more.
const PAGED_WITHIN: Duration = Duration::from_secs(150);
/// From the page until something shows in the telemetry that a responder looks for.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// One drill and how it is answered.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    alert: &'static str,
    /// What the responder does between the page and the write-up; puts what it found into the facts.
    respond: fn(&Drill, &mut Facts),
    right: &'static str,
    wrong: &'static str,
}

pub(crate) static CASES: [Case; 10] = [
    Case {
        id: "cannot-save",
        alert: "ErrorBudgetBurn",
        respond: cannot_save,
        right: include_str!("writeups/cannot-save.right.md"),
        wrong: include_str!("writeups/cannot-save.wrong.md"),
    },
    Case {
        id: "checkout-stalls",
        alert: "ErrorBudgetBurn",
        respond: checkout_stalls,
        right: include_str!("writeups/checkout-stalls.right.md"),
        wrong: include_str!("writeups/checkout-stalls.wrong.md"),
    },
    Case {
        id: "edge-refuses",
        alert: "ErrorBudgetBurn",
        respond: edge_refuses,
        right: include_str!("writeups/edge-refuses.right.md"),
        wrong: include_str!("writeups/edge-refuses.wrong.md"),
    },
    Case {
        id: "error-spike",
        alert: "ErrorBudgetBurn",
        respond: error_spike,
        right: include_str!("writeups/error-spike.right.md"),
        wrong: include_str!("writeups/error-spike.wrong.md"),
    },
    Case {
        id: "memory-growth",
        alert: "MemoryGrowth",
        respond: memory_growth,
        right: include_str!("writeups/memory-growth.right.md"),
        wrong: include_str!("writeups/memory-growth.wrong.md"),
    },
    Case {
        id: "memory-rise",
        alert: "MemoryGrowth",
        respond: memory_rise,
        right: include_str!("writeups/memory-rise.right.md"),
        wrong: include_str!("writeups/memory-rise.wrong.md"),
    },
    Case {
        id: "noisy-warnings",
        alert: "WarningRateHigh",
        respond: noisy_warnings,
        right: include_str!("writeups/noisy-warnings.right.md"),
        wrong: include_str!("writeups/noisy-warnings.wrong.md"),
    },
    Case {
        id: "orders-queue",
        alert: "CheckoutLatencyBudgetBurn",
        respond: orders_queue,
        right: include_str!("writeups/orders-queue.right.md"),
        wrong: include_str!("writeups/orders-queue.wrong.md"),
    },
    Case {
        id: "slow-checkout",
        alert: "CheckoutLatencyBudgetBurn",
        respond: slow_checkout,
        right: include_str!("writeups/slow-checkout.right.md"),
        wrong: include_str!("writeups/slow-checkout.wrong.md"),
    },
    Case {
        id: "try-again-later",
        alert: "ErrorBudgetBurn",
        respond: try_again_later,
        right: include_str!("writeups/try-again-later.right.md"),
        wrong: include_str!("writeups/try-again-later.wrong.md"),
    },
];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |case: &'static Case, name: &str, is_right: bool| {
        Trial::test(
            format!("drills::{}_{name}", case.id.replace('-', "_")),
            move || {
                hold(case, is_right, &[]);
                Ok(())
            },
        )
    };
    let right = CASES
        .iter()
        .map(|case| trial(case, "is_passed_by_a_right_write_up", true));
    let wrong = CASES
        .iter()
        .map(|case| trial(case, "is_not_passed_by_a_plausible_wrong_one", false));
    let void = Trial::test("drills::an_unsteady_baseline_makes_a_drill_void", || {
        an_unsteady_baseline();
        Ok(())
    });
    right.chain(wrong).chain([void]).collect()
}

/// Holds one drill to its grade; `args` say how it is started besides.
pub(crate) fn hold(case: &Case, is_right: bool, args: &[&str]) {
    let usual = ["run", case.id, "--pace", "fast", "--seed", "5"];
    let mut drill = Drill::start(&[&usual, args].concat());
    hold_started(case, is_right, &mut drill, |_| {});
}

/// Holds a drill that was started, to its grade; `meanwhile` happens between the evidence and the write-up.
/// Gives the verdict.
pub(crate) fn hold_started(
    case: &Case,
    is_right: bool,
    drill: &mut Drill,
    meanwhile: impl FnOnce(&mut Drill),
) -> Value {
    // On a busy machine another alert may page first, as it may in production.
    let page = drill.page(case.alert, PAGED_WITHIN);
    let mut facts = Facts::new(drill, &page);
    (case.respond)(drill, &mut facts);
    if is_right {
        silence::check(drill, case.id);
    }
    meanwhile(drill);
    let report = drill.folder().join("draft.md");
    std::fs::write(
        &report,
        facts.fill(if is_right { case.right } else { case.wrong }),
    )
    .expect("a write-up");
    let path = report.to_str().expect("a path");
    let checked = drill.cli(&["report", "check", path]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned()
        + &String::from_utf8_lossy(&checked.stderr);
    let output = drill.cli(&["submit", path]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let expected = if is_right { 0 } else { 10 };
    assert_eq!(output.status.code(), Some(expected), "{said}\n{checked}");
    let verdict = drill.event("verdict", SHOWN_WITHIN);
    assert_eq!(verdict["passed"], is_right);
    drill.wait_for_end();
    the_key_was_told_at_the_start(drill, case.id);
    verdict["verdict"].clone()
}

/// The debrief tells scenario and nonce; their hash is the one that the ready event showed.
fn the_key_was_told_at_the_start(drill: &Drill, id: &str) {
    let debrief = drill.json(&["debrief"]);
    assert_eq!(debrief["id"], id);
    let path = format!("{}/scenarios/{id}.toml", env!("CARGO_MANIFEST_DIR"));
    let mut hash = Sha256::new();
    hash.update(debrief["nonce"].as_str().expect("a nonce"));
    hash.update([0]);
    hash.update(std::fs::read(path).expect("the scenario file"));
    assert_eq!(
        drill.ready["key"],
        format!("sha256:{}", hex::encode(hash.finalize()))
    );
}

/// A drill whose baseline is not what its scenario promises does not count, and says which number says so.
fn an_unsteady_baseline() {
    let path = format!(
        "{}/scenarios/slow-checkout.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).expect("the scenario file");
    let impossible = text.replace("before_below = 0.25", "before_below = 0.0001");
    assert_ne!(
        text, impossible,
        "the scenario has the threshold that this test lowers"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("slow-checkout.toml");
    std::fs::write(&file, impossible).expect("a scenario file");
    let mut drill = Drill::start(&[
        "run",
        "--file",
        file.to_str().expect("a path"),
        "--pace",
        "fast",
    ]);
    let void = drill.event("void", PAGED_WITHIN);
    let reason = void["reason"].as_str().expect("a reason");
    assert!(reason.contains("must stay below 0.0001"), "{reason}");
    assert_eq!(drill.wait_for_end().code(), Some(11));
}

fn slow_checkout(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &[
            "--service",
            "gateway",
            "--operation",
            "POST /v1/orders",
            "--min-duration",
            "500ms",
        ],
    );
    snapshots(drill, "inventory-1");
    drill.ok(&["rollback", "inventory"]);
}

fn memory_growth(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &["--service", "gateway", "--operation", "GET /v1/products"],
    );
    drill.ok(&["heap", "snapshot", "early", "gateway-1"]);
    let allocated =
        || number(&drill.json(&["query", "allocator_allocated_bytes{service=\"gateway\"}"]));
    let before = wait_for("the heap's size", SHOWN_WITHIN, allocated);
    wait_for("the heap grows on", SHOWN_WITHIN, || {
        allocated().filter(|now| *now > before + 2e6)
    });
    drill.ok(&["heap", "snapshot", "late", "gateway-1"]);
    drill.ok(&["rollback", "gateway"]);
}

fn error_spike(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &[
            "--service",
            "gateway",
            "--operation",
            "POST /v1/orders",
            "--errors",
        ],
    );
    snapshots(drill, "checkout-1");
    drill.ok(&["rollback", "checkout"]);
}

fn noisy_warnings(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &["--service", "gateway", "--operation", "POST /v1/orders"],
    );
    snapshots(drill, "inventory-1");
}

fn cannot_save(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &[
            "--service",
            "gateway",
            "--operation",
            "PUT /v1/carts/{cart}",
            "--errors",
        ],
    );
    snapshots(drill, "checkout-1");
    drill.ok(&["rollback", "checkout"]);
}

fn checkout_stalls(drill: &Drill, facts: &mut Facts) {
    failed_order(drill, facts);
    snapshots(drill, "checkout-1");
    drill.ok(&["rollback", "checkout"]);
}

fn edge_refuses(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(drill, &["--service", "gateway", "--errors"]);
    drill.ok(&["rollback", "gateway"]);
    // Before, the gateway may not have a file left for answering.
    snapshots(drill, "gateway-1");
}

fn orders_queue(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &[
            "--service",
            "gateway",
            "--operation",
            "POST /v1/orders",
            "--min-duration",
            "500ms",
        ],
    );
    snapshots(drill, "checkout-1");
    drill.ok(&["rollback", "checkout"]);
}

fn try_again_later(drill: &Drill, facts: &mut Facts) {
    failed_order(drill, facts);
    snapshots(drill, "checkout-1");
    drill.ok(&["rollback", "checkout"]);
}

fn failed_order(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &[
            "--service",
            "gateway",
            "--operation",
            "POST /v1/orders",
            "--errors",
        ],
    );
}

/// Waits for the end of the growth: that it has one is the answer.
fn memory_rise(drill: &Drill, facts: &mut Facts) {
    facts.find_trace(
        drill,
        &["--service", "gateway", "--operation", "GET /v1/products"],
    );
    let evicted =
        || number(&drill.json(&["query", "sum(cache_evictions_total{service=\"gateway\"})"]));
    wait_for("the cache is at its limit", PAGED_WITHIN, || {
        evicted().filter(|evicted| *evicted > 0.0)
    });
    snapshots(drill, "gateway-1");
}

/// Two snapshots that rule memory out.
fn snapshots(drill: &Drill, instance: &str) {
    drill.ok(&["heap", "snapshot", "early", instance]);
    drill.ok(&["heap", "snapshot", "late", instance]);
}

/// The first number of an instant query's JSON, which is Prometheus's own.
fn number(answer: &Value) -> Option<f64> {
    answer["result"][0]["value"][1].as_str()?.parse().ok()
}
