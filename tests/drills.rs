//! Every drill of the catalogue, run for real: a right write-up passes, and for the same run no plausible wrong one does.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::silence;
use crate::support::{Drill, firedrill, wait_for};
use crate::writeup::Facts;

/// The fast pace promises a page within 60 s of the start; a debug build beside three other drills gets more.
const PAGED_WITHIN: Duration = Duration::from_secs(150);
/// From the page until something shows in the telemetry that a responder looks for.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// One drill and how it is answered: `tests/writeups/<id>.right.md` passes, every `<id>.wrong-*.md` beside it does not.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    alert: &'static str,
    /// The trace that the write-ups point to, as `firedrill traces` finds it.
    trace: &'static [&'static str],
    /// The instance of which two heap snapshots are taken.
    heap: &'static str,
    /// What the responder waits for before the first snapshot, and before the second.
    waits: [fn(&Drill); 2],
    /// The command that ends it: its first words, and its last.
    end: Option<(&'static [&'static str], &'static str)>,
    /// Whether it is ended before the snapshots are taken.
    ends_first: bool,
}

const FAILED_ORDER: &[&str] = &[
    "--service",
    "gateway",
    "--operation",
    "POST /v1/orders",
    "--errors",
];
const LATE_ORDER: &[&str] = &[
    "--service",
    "gateway",
    "--operation",
    "POST /v1/orders",
    "--min-duration",
    "500ms",
];
const ORDER: &[&str] = &["--service", "gateway", "--operation", "POST /v1/orders"];
const LISTING: &[&str] = &["--service", "gateway", "--operation", "GET /v1/products"];

/// Two snapshots that rule memory out, then a rollback of the service.
const fn rolled_back(
    id: &'static str,
    alert: &'static str,
    trace: &'static [&'static str],
    heap: &'static str,
    service: &'static str,
) -> Case {
    Case {
        id,
        alert,
        trace,
        heap,
        waits: [|_| {}, |_| {}],
        end: Some((&["rollback"], service)),
        ends_first: false,
    }
}

pub(crate) static CASES: [Case; 14] = [
    rolled_back(
        "after-the-rush",
        "CheckoutLatencyBudgetBurn",
        LATE_ORDER,
        "checkout-1",
        "checkout",
    ),
    rolled_back(
        "cannot-save",
        "ErrorBudgetBurn",
        &[
            "--service",
            "gateway",
            "--operation",
            "PUT /v1/carts/{cart}",
            "--errors",
        ],
        "checkout-1",
        "checkout",
    ),
    rolled_back(
        "checkout-stalls",
        "ErrorBudgetBurn",
        FAILED_ORDER,
        "checkout-1",
        "checkout",
    ),
    Case {
        // Before, the gateway may not have a file left for answering.
        ends_first: true,
        ..rolled_back(
            "edge-refuses",
            "ErrorBudgetBurn",
            &["--service", "gateway", "--errors"],
            "gateway-1",
            "gateway",
        )
    },
    rolled_back(
        "error-spike",
        "ErrorBudgetBurn",
        FAILED_ORDER,
        "checkout-1",
        "checkout",
    ),
    Case {
        waits: [|_| {}, heap_grows],
        ..rolled_back(
            "memory-growth",
            "MemoryGrowth",
            LISTING,
            "gateway-1",
            "gateway",
        )
    },
    Case {
        // Waits for the end of the growth: that it has one is the answer.
        waits: [cache_is_full, |_| {}],
        end: None,
        ..rolled_back("memory-rise", "MemoryGrowth", LISTING, "gateway-1", "")
    },
    Case {
        end: None,
        ..rolled_back(
            "noisy-warnings",
            "WarningRateHigh",
            ORDER,
            "inventory-1",
            "",
        )
    },
    rolled_back(
        "orders-in-waves",
        "ErrorBudgetBurn",
        FAILED_ORDER,
        "inventory-1",
        "inventory",
    ),
    Case {
        end: Some((&["config", "set", "checkout"], "cart_view=once")),
        ..rolled_back(
            "orders-queue",
            "CheckoutLatencyBudgetBurn",
            LATE_ORDER,
            "checkout-1",
            "checkout",
        )
    },
    rolled_back(
        "slow-checkout",
        "CheckoutLatencyBudgetBurn",
        LATE_ORDER,
        "inventory-1",
        "inventory",
    ),
    Case {
        end: Some((&["config", "set", "checkout"], "confirm_payment=false")),
        ..rolled_back(
            "try-again-later",
            "ErrorBudgetBurn",
            FAILED_ORDER,
            "checkout-1",
            "checkout",
        )
    },
    rolled_back(
        "unknown-callers",
        "CallersUnknown",
        ORDER,
        "gateway-1",
        "gateway",
    ),
    rolled_back(
        "warehouse-waits",
        "OutboxBacklog",
        ORDER,
        "checkout-1",
        "checkout",
    ),
];

pub(crate) fn trials() -> Vec<Trial> {
    let graded = CASES.iter().map(|case| {
        let name = format!(
            "drills::{}_is_passed_by_the_right_write_up_alone",
            case.id.replace('-', "_")
        );
        Trial::test(name, move || {
            right_and_wrong(case);
            Ok(())
        })
    });
    let whole: [(&str, fn()); 2] = [
        ("a_wrong_write_up_ends_a_drill_unpassed", wrong_alone),
        (
            "an_unsteady_baseline_makes_a_drill_void",
            an_unsteady_baseline,
        ),
    ];
    let whole = whole.into_iter().map(|(name, test)| {
        Trial::test(format!("drills::{name}"), move || {
            test();
            Ok(())
        })
    });
    graded.chain(whole).collect()
}

impl Case {
    pub(crate) fn of(id: &str) -> &'static Self {
        let found = CASES.iter().find(|case| case.id == id);
        found.unwrap_or_else(|| panic!("no case of `{id}`"))
    }

    /// What the responder does between the page and the write-up; puts what it found into the facts.
    fn respond(&self, drill: &Drill, facts: &mut Facts) {
        facts.find_trace(drill, self.trace);
        let end = |now: bool| {
            if let Some((words, last)) = self.end
                && self.ends_first == now
            {
                drill.ok(&[words, &[last]].concat());
            }
        };
        end(true);
        for (name, wait) in ["early", "late"].iter().zip(self.waits) {
            wait(drill);
            drill.ok(&["heap", "snapshot", name, self.heap]);
        }
        end(false);
    }

    /// Its write-ups whose name begins so, by what follows `<id>.`; there is at least one.
    pub(crate) fn write_ups(&self, kind: &str) -> Vec<(String, String)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/writeups");
        let files = std::fs::read_dir(folder).expect("the write-ups").flatten();
        let begins = format!("{}.{kind}", self.id);
        let mut found: Vec<(String, String)> = files
            .filter_map(|file| {
                let name = file.file_name().to_str()?.to_owned();
                let text = std::fs::read_to_string(file.path()).expect("a write-up");
                name.starts_with(&begins).then_some((name, text))
            })
            .collect();
        found.sort();
        assert!(!found.is_empty(), "no write-up `{begins}*`");
        found
    }
}

/// A right write-up passes; the archive of the run gets the same grade from it in an empty state folder, and the record
/// of the run passes no wrong one.
fn right_and_wrong(case: &'static Case) {
    let mut drill = start(case, &[]);
    let graded = to_verdict(case, "right", &mut drill, |_| {});
    let elsewhere = tempfile::tempdir().expect("a temporary state folder");
    let archive = elsewhere.path().join("sent.tar.gz");
    let archive = archive.to_str().expect("a path");
    let run = drill.ready["run"].as_str().expect("a run id");
    drill.ok(&["pack", run, archive]);
    let again = |name: &str, text: &str, code: i32, state: &Path, run: &str| {
        let file = state.join(name);
        std::fs::write(&file, graded.facts.fill(text)).expect("a write-up");
        let file = file.to_str().expect("a path");
        let mut submit = firedrill(state);
        submit.args(["submit", file, "--run", run, "--json"]);
        let output = submit.output().expect("the binary under test starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{name}: {said}{problem}");
        serde_json::from_str::<Value>(&said).expect("a verdict")
    };
    for (name, text) in case.write_ups("right") {
        let verdict = again(&name, &text, 0, elsewhere.path(), archive);
        let differs = differences(&graded.verdict, &verdict);
        assert!(differs.is_empty(), "{name}, graded again: {differs:#?}");
    }
    let (_, right) = &case.write_ups("right")[0];
    if right.contains("\nverdict = \"incident\"\n") {
        earns_all(&graded.verdict, "reproduction");
        earns_all(&graded.verdict, "proposed alert");
        let calibration = item(&graded.verdict, "calibration");
        assert_eq!(calibration["of"], 3.0, "{}", calibration["why"]);
    }
    for (name, text) in case.write_ups("wrong") {
        again(&name, &text, 10, drill.state(), run);
    }
}

/// What the right write-up gives to be run must show what it says.
fn earns_all(verdict: &Value, name: &str) {
    let item = item(verdict, name);
    assert_ne!(item["of"], 0.0, "{name}: {}", item["why"]);
    assert_eq!(item["points"], item["of"], "{name}: {}", item["why"]);
}

fn item<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let items = verdict["items"].as_array().expect("items");
    let item = items.iter().find(|item| item["name"] == name);
    item.unwrap_or_else(|| panic!("no item `{name}`"))
}

/// Lines in which two values differ, written out.
pub(crate) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let [one, other] = [one, other].map(|value| format!("{value:#}"));
    let lines = one.lines().zip(other.lines());
    let differing = lines.filter(|(one, other)| one != other);
    let mut found: Vec<String> = differing
        .map(|(one, other)| format!("{} / {}", one.trim(), other.trim()))
        .collect();
    if one.lines().count() != other.lines().count() {
        found.push("one has more lines".to_owned());
    }
    found
}

fn wrong_alone() {
    let case = Case::of("error-spike");
    to_verdict(case, "wrong", &mut start(case, &[]), |_| {});
}

pub(crate) fn start(case: &Case, args: &[&str]) -> Drill {
    let usual = ["run", case.id, "--pace", "fast", "--seed", "5"];
    Drill::start(&[&usual, args].concat())
}

/// Runs one drill with these extra arguments to the verdict of its right write-up.
pub(crate) fn run(case: &Case, args: &[&str]) {
    to_verdict(case, "right", &mut start(case, args), |_| {});
}

/// A drill that was graded.
pub(crate) struct GradedRun {
    pub(crate) facts: Facts,
    pub(crate) verdict: Value,
}

/// Takes a started drill to the verdict of its first write-up of that kind, `right` or `wrong`; `meanwhile`
/// happens between the evidence and the write-up.
pub(crate) fn to_verdict(
    case: &Case,
    kind: &str,
    drill: &mut Drill,
    meanwhile: impl FnOnce(&mut Drill),
) -> GradedRun {
    let is_right = kind == "right";
    // On a busy machine another alert may page first, as it may in production.
    let page = drill.page(case.alert, PAGED_WITHIN);
    let mut facts = Facts::new(drill, &page);
    case.respond(drill, &mut facts);
    if is_right {
        silence::check(drill, case.id);
    }
    meanwhile(drill);
    let report = drill.folder().join("draft.md");
    let (_, template) = &case.write_ups(kind)[0];
    std::fs::write(&report, facts.fill(template)).expect("a write-up");
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
    GradedRun {
        facts,
        verdict: verdict["verdict"].clone(),
    }
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

fn heap_grows(drill: &Drill) {
    let allocated =
        || number(&drill.json(&["query", "allocator_allocated_bytes{service=\"gateway\"}"]));
    let before = wait_for("the heap's size", SHOWN_WITHIN, allocated);
    wait_for("the heap grows on", SHOWN_WITHIN, || {
        allocated().filter(|now| *now > before + 2e6)
    });
}

fn cache_is_full(drill: &Drill) {
    let evicted =
        || number(&drill.json(&["query", "sum(cache_evictions_total{service=\"gateway\"})"]));
    wait_for("the cache is at its limit", PAGED_WITHIN, || {
        evicted().filter(|evicted| *evicted > 0.0)
    });
}

/// The first number of an instant query's JSON, which is Prometheus's own.
fn number(answer: &Value) -> Option<f64> {
    answer["result"][0]["value"][1].as_str()?.parse().ok()
}
