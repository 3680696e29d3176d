//! The contract `docs/events.md` against real drills: every event and key on the page is reported, and
//! nothing else is, on standard output and in `timeline.jsonl`.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::drills;
use crate::support::{Clock, Drill, SOON, claims, kill};
use crate::writeup::Facts;

const PAGE: &str = include_str!("../docs/events.md");

pub(crate) fn trials() -> Vec<Trial> {
    claims![
        the_examples_of_the_page_keep_its_table,
        drills_tell_what_the_page_says_and_nothing_else,
    ]
}

/// The keys of an event, each with the words that the page lists for it: keys of an object, or values.
type Keys = BTreeMap<String, BTreeSet<String>>;

/// The table of the page.
fn contract() -> BTreeMap<String, Keys> {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = table.skip(1).take_while(|line| line.starts_with('|'));
    let read = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), keys(cells[2]))
    };
    let events: BTreeMap<String, Keys> = rows.map(read).collect();
    assert!(events.len() >= 7, "{events:?}");
    events
}

/// The keys of one cell: words in backticks; those within brackets belong to the key before them.
fn keys(cell: &str) -> Keys {
    let mut found = Keys::new();
    let (mut last, mut is_within) = (String::new(), false);
    for (number, part) in cell.split('`').enumerate() {
        if number % 2 == 0 {
            is_within = match (part.rfind('('), part.rfind(')')) {
                (Some(opens), closes) if closes.is_none_or(|closes| opens > closes) => true,
                (_, Some(_)) => false,
                _ => is_within,
            };
        } else if is_within {
            found
                .entry(last.clone())
                .or_default()
                .insert(part.to_owned());
        } else {
            last = part.to_owned();
            found.entry(last.clone()).or_default();
        }
    }
    found
}

/// Says what of an event is not as the page says.
fn check(event: &Value, contract: &BTreeMap<String, Keys>) -> Result<(), String> {
    let name = event["event"].as_str().ok_or("no `event`")?;
    let keys = contract
        .get(name)
        .ok_or(format!("`{name}` is not on the page"))?;
    let object = event.as_object().ok_or("not an object")?;
    let is: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    let should: BTreeSet<&str> = keys.keys().map(String::as_str).chain(["event"]).collect();
    if is != should {
        return Err(format!("{name}: keys {is:?}, and on the page {should:?}"));
    }
    if let Some(urls) = event["urls"].as_object() {
        let is: BTreeSet<&String> = urls.keys().collect();
        if is != keys["urls"].iter().collect() {
            return Err(format!("{name}: urls {is:?}"));
        }
    }
    match event["action"].as_str() {
        Some(action) if !keys["action"].contains(action) => {
            Err(format!("{name}: action `{action}` is not on the page"))
        }
        _ => Ok(()),
    }
}

fn the_examples_of_the_page_keep_its_table() {
    let contract = contract();
    let block = PAGE.split("```json\n").nth(1).expect("an example");
    let lines = block.lines().take_while(|line| *line != "```");
    let examples: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(examples.len() >= 4, "{examples:?}");
    for example in &examples {
        check(example, &contract).expect("an example keeps to the table");
    }
    // The check itself can fail.
    let steady = r#"{"event":"steady","at":"x"}"#;
    for wrong in [
        steady.replace("steady", "calm"),
        steady.replace("\"at\"", "\"when\""),
        steady.replace("\"at\"", "\"more\":1,\"at\""),
        r#"{"event":"action","at":"","action":"undo","service":"","release":"","by":""}"#.into(),
    ] {
        let event = serde_json::from_str(&wrong).expect("JSON");
        assert!(check(&event, &contract).is_err(), "{wrong} is accepted");
    }
}

fn drills_tell_what_the_page_says_and_nothing_else() {
    let contract = contract();
    let mut seen = graded();
    seen.extend(void());
    seen.push(jump());
    for event in &seen {
        check(event, &contract).unwrap_or_else(|error| panic!("{error}: {event}"));
    }
    let of = |key: &str| -> BTreeSet<&str> {
        let values = seen.iter().filter_map(|event| event[key].as_str());
        values.collect()
    };
    let events: BTreeSet<&str> = contract.keys().map(String::as_str).collect();
    assert_eq!(of("event"), events, "told, and on the page");
    let actions: BTreeSet<&str> = contract["action"]["action"]
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(of("action"), actions, "actions told, and on the page");
}

/// A drill to its grade, with every kind of action and a process that exits unexpectedly.
fn graded() -> Vec<Value> {
    let mut drill = Drill::start(&["run", "error-spike", "--pace", "fast", "--seed", "6"]);
    let page = drill.page("ErrorBudgetBurn", drills::PAGED_WITHIN);
    let mut facts = Facts::new(&drill, &page);
    facts.find_trace(&drill, drills::FAILED_ORDER);
    facts.name_releases("error-spike", 6);
    drill.ok(&["config", "set", "gateway", "limiter.burst=5500"]);
    drill.ok(&["restart", "inventory"]);
    drill.ok(&["rollback", "checkout"]);
    crate::actions::strand(&crate::actions::database(&drill, "checkout"));
    crate::actions::list_prices(&crate::actions::database(&drill, "inventory"));
    for action in [
        "outbox skip",
        "outbox replay",
        "prices revert",
        "flush inventory",
        "block a",
        "unblock a",
        "scale checkout 2",
    ] {
        let words: Vec<&str> = action.split(' ').collect();
        let done = drill.json(&words);
        assert!(done["count"].as_u64() > Some(0), "{done}");
    }
    kill(drill.pid_of("gateway-1").expect("the gateway"));
    drill.event("process", SOON);
    drill.event("process", SOON);
    let report = drill.folder().join("draft.md");
    let text = facts.fill(include_str!("writeups/error-spike.wrong-third-party.md"));
    std::fs::write(&report, text).expect("a write-up");
    let graded = drill.cli(&["submit", report.to_str().expect("a path")]);
    assert_eq!(graded.status.code(), Some(10), "{graded:?}");
    drill.event("verdict", SOON);
    ended(drill)
}

/// A drill whose baseline cannot be what its scenario says.
fn void() -> Vec<Value> {
    let mut drill = drills::impossible();
    drill.event("void", drills::PAGED_WITHIN);
    ended(drill)
}

/// What a shop without a drill tells of a clock that jumped.
fn jump() -> Value {
    let clock = Clock::new();
    let mut shop = Drill::start_at(&clock, &["up", "--seed", "6"]);
    clock.set(3_600);
    shop.event("clock", SOON)
}

/// Everything that an ended drill has told: the first is `ready`, the last is one of the two ends, and its record says
/// the same.
fn ended(mut drill: Drill) -> Vec<Value> {
    drill.wait_for_end();
    let path = drill.folder().join("timeline.jsonl");
    let record = std::fs::read_to_string(path).expect("the record");
    let record: Vec<Value> = record
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(drill.seen, record, "told, and in timeline.jsonl");
    assert_eq!(drill.seen[0]["event"], "ready");
    let last = drill.seen.last().expect("an event")["event"].as_str();
    assert!(matches!(last, Some("verdict" | "void")), "{last:?}");
    drill.seen.clone()
}
