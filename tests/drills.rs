//! Every drill of the catalogue, run for real: a right write-up passes, and for the same run no plausible wrong one does.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::silence;
use crate::support::{Drill, claims, firedrill, trial, until, wait_for};
use crate::writeup::Facts;

/// The fast pace promises a page within 60 s of the start; a debug build beside three other drills gets more.
pub(crate) const PAGED_WITHIN: Duration = Duration::from_secs(150);
/// Points that an honest write-up has at least.
const HONEST: f64 = 80.0;
/// From the page until something shows in the telemetry that a responder looks for.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// One drill and how it is answered: `tests/writeups/<id>.right.md` passes, every `<id>.wrong-*.md` beside it does not.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    pub(crate) alert: &'static str,
    /// The trace that the write-ups point to, as `firedrill traces` finds it.
    pub(crate) trace: &'static [&'static str],
    /// The instance of which two heap snapshots are taken.
    heap: &'static str,
    /// The command that ends it, if one does.
    end: &'static str,
    /// What is special about the snapshots: what is waited for before one, or that the drill is ended first.
    special: &'static str,
}

pub(crate) const FAILED_ORDER: &[&str] = &[
    "--service",
    "gateway",
    "--operation",
    "POST /v1/orders",
    "--errors",
];
pub(crate) const LATE_ORDER: &[&str] = &[
    "--service",
    "gateway",
    "--operation",
    "POST /v1/orders",
    "--min-duration",
    "500ms",
];
const LATE_DELIVERY: &[&str] = &[
    "--service",
    "checkout",
    "--operation",
    "process order.placed",
    "--min-duration",
    "500ms",
];
pub(crate) const FAILED_CART: &[&str] = &[
    "--service",
    "gateway",
    "--operation",
    "PUT /v1/carts/{cart}",
    "--errors",
];
pub(crate) const FAILED: &[&str] = &["--service", "gateway", "--errors"];
const ORDER: &[&str] = &["--service", "gateway", "--operation", "POST /v1/orders"];
const LISTING: &[&str] = &["--service", "gateway", "--operation", "GET /v1/products"];

/// Most have two snapshots that rule memory out, then a rollback. `edge-refuses` is ended before, because the gateway may
/// not have a file left for answering, and `orders-fail-again`, because checkout may be down. `memory-rise` waits for the end
/// of the growth: that it has one is the answer.
const TABLE: &str = "\
after-the-rush|CheckoutLatencyBudgetBurn|late order|checkout-1|rollback checkout|
cannot-save|ErrorBudgetBurn|failed cart|checkout-1|config set checkout max_pages=100000|
checkout-stalls|ErrorBudgetBurn|failed order|checkout-1|rollback checkout|
deliveries-lag|OutboxBacklog|late delivery|checkout-1|rollback checkout|
deliveries-late|OutboxBacklog|order|checkout-1||
deliveries-stop|OutboxBacklog|order|checkout-1|outbox skip|
edge-refuses|ErrorBudgetBurn|failed|gateway-1|rollback gateway|ended first
error-spike|ErrorBudgetBurn|failed order|checkout-1|rollback checkout|
memory-climbs|MemoryGrowth|listing|gateway-1|rollback gateway|growth before the late one
memory-creeps|MemoryGrowth|listing|gateway-1|rollback gateway|growth before the late one
memory-growth|MemoryGrowth|listing|gateway-1|rollback gateway|growth before the late one
memory-rise|MemoryGrowth|listing|gateway-1||full cache before the early one
metrics-grow|SeriesGrowth|listing|gateway-1|rollback gateway|
noisy-warnings|WarningRateHigh|order|inventory-1||
orders-cut-off|ErrorBudgetBurn|failed order|checkout-1|config set gateway deadline_ms=5000|
orders-drag|CheckoutLatencyBudgetBurn|late order|inventory-1|config set checkout inventory_route=standby|
orders-fail-again|ErrorBudgetBurn|failed cart|checkout-1|deploy checkout {{kept}}|ended first
orders-in-waves|ErrorBudgetBurn|failed order|inventory-1|rollback inventory|
orders-queue|CheckoutLatencyBudgetBurn|late order|checkout-1|rollback checkout|
orders-take-long|CheckoutLatencyBudgetBurn|late order|checkout-1||
orders-time-out|ErrorBudgetBurn|failed order|checkout-1||
orders-wait|CheckoutLatencyBudgetBurn|late order|checkout-1|config set checkout payment_site=standby|
slow-checkout|CheckoutLatencyBudgetBurn|late order|inventory-1|rollback inventory|
some-orders-fail|ErrorBudgetBurn|failed order|inventory-1|prices revert|
try-again-later|ErrorBudgetBurn|failed order|checkout-1|rollback checkout|
unknown-callers|CallersUnknown|order|gateway-1|rollback gateway|
warehouse-waits|OutboxBacklog|order|checkout-1|rollback checkout|
warnings-at-peak|WarningRateHigh|order|inventory-1|rollback inventory|
";

pub(crate) static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let case = |line: &'static str| {
        let cells: Vec<&str> = line.split('|').collect();
        let [id, alert, trace, heap, end, special] = cells[..] else {
            panic!("not six cells: {line}");
        };
        let trace = match trace {
            "failed order" => FAILED_ORDER,
            "late order" => LATE_ORDER,
            "failed cart" => FAILED_CART,
            "failed" => FAILED,
            "order" => ORDER,
            "late delivery" => LATE_DELIVERY,
            "listing" => LISTING,
            other => panic!("no trace `{other}`"),
        };
        Case {
            id,
            alert,
            trace,
            heap,
            end,
            special,
        }
    };
    TABLE.lines().map(case).collect()
});

pub(crate) fn trials() -> Vec<Trial> {
    let graded = CASES.iter().map(|case| {
        let id = case.id.replace('-', "_");
        let claim = format!("{id}_is_passed_by_the_right_write_up_alone");
        trial(module_path!(), &claim, move || right_and_wrong(case))
    });
    let whole = claims![
        a_wrong_write_up_ends_a_drill_unpassed,
        an_unsteady_baseline_makes_a_drill_void,
    ];
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
        let command = facts.fill(self.end);
        let end = || {
            let words: Vec<&str> = command.split_whitespace().collect();
            if !words.is_empty() {
                drill.ok(&words);
            }
        };
        let is_ended_first = self.special == "ended first";
        if is_ended_first {
            end();
        }
        for name in ["early", "late"] {
            match (self.special, name) {
                ("growth before the late one", "late") => heap_grows(drill),
                ("full cache before the early one", "early") => cache_is_full(drill),
                _ => {}
            }
            drill.ok(&["heap", "snapshot", name, self.heap]);
        }
        if !is_ended_first {
            end();
        }
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
        let mut submitted: Value = serde_json::from_str(&said).expect("a verdict");
        submitted["verdict"].take()
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

/// The seed of a drill, from the head of its run.
pub(crate) fn seed_of(drill: &Drill) -> u64 {
    let head = record::Head::read(&drill.folder()).expect("the head of the run");
    head.seed
}

fn a_wrong_write_up_ends_a_drill_unpassed() {
    let case = Case::of("error-spike");
    to_verdict(case, "wrong", &mut start(case, &[]), |_| {});
}

/// Starts it with these extra arguments; unless one of them is the seed, that is `FIREDRILL_SEED` or 5.
pub(crate) fn start(case: &Case, args: &[&str]) -> Drill {
    let seed = std::env::var("FIREDRILL_SEED").unwrap_or_else(|_| "5".to_owned());
    let usual = ["run", case.id, "--pace", "fast"];
    let seeded: &[&str] = match args.contains(&"--seed") {
        true => &[],
        false => &["--seed", &seed],
    };
    Drill::start(&[&usual, seeded, args].concat())
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
    facts.name_releases(case.id, seed_of(drill));
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
    let score = verdict["verdict"]["score"].as_f64().expect("a score");
    assert!(!is_right || score >= HONEST, "{score} points: {said}");
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

/// Starts a drill whose baseline cannot be what its scenario says.
pub(crate) fn impossible() -> Drill {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = std::fs::read_to_string(format!("{root}/scenarios/slow-checkout.toml"));
    let text = text.expect("the scenario file");
    let impossible = text.replace("before_below = 0.25", "before_below = 0.0001");
    assert_ne!(text, impossible, "the scenario has the threshold");
    let state = tempfile::tempdir().expect("a temporary state folder");
    let file = state.path().join("slow-checkout.toml");
    std::fs::write(&file, impossible).expect("a scenario file");
    let path = file.to_str().expect("a path");
    let args = ["run", "--file", path, "--pace", "fast", "--seed", "7"];
    Drill::start_in(state, &args)
}

/// A drill whose baseline is not what its scenario promises does not count, and says which number says so.
fn an_unsteady_baseline_makes_a_drill_void() {
    let mut drill = impossible();
    let void = drill.event("void", PAGED_WITHIN);
    let reason = void["reason"].as_str().expect("a reason");
    assert!(reason.contains("must stay below 0.0001"), "{reason}");
    assert_eq!(drill.wait_for_end().code(), Some(11));
}

fn heap_grows(drill: &Drill) {
    let allocated = || drill.query("allocator_allocated_bytes{service=\"gateway\"}");
    let before = wait_for("the heap's size", SHOWN_WITHIN, allocated);
    // Several times what two snapshots cannot tell from chance.
    until("the heap grows on", SHOWN_WITHIN, || {
        allocated() > Some(before + 8e6)
    });
}

fn cache_is_full(drill: &Drill) {
    let evicted = "sum(cache_evictions_total{service=\"gateway\"})";
    until("the cache is at its limit", PAGED_WITHIN, || {
        drill.query(evicted) > Some(0.0)
    });
}
