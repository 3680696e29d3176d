//! Whether two runs of one drill with one seed were the same, and the same write-up got the same verdict.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::hold::{Begun, Held};

/// Of the schedule, the seconds before anything can have changed the rate.
const SECONDS: u32 = 8;

/// What differs, in words; nothing if the runs were the same.
pub(super) fn differences(one: &Held, other: &Begun) -> anyhow::Result<Vec<String>> {
    let mut differs = Vec::new();
    let mut compare = |what: &str, one: String, other: String| {
        if one != other {
            differs.push(format!("held again, its {what} differs: {one} / {other}"));
        }
    };
    compare("timeline", timeline(&one.events), timeline(&other.events));
    compare(
        "deploy history",
        history(&one.folder)?,
        history(&other.folder)?,
    );
    compare("load", load(&one.folder)?, load(&other.folder)?);
    Ok(differs)
}

/// What happened up to the page, in order.
fn timeline(events: &[Value]) -> String {
    let told = events
        .iter()
        .take_while(|event| event["event"] != "page")
        .filter(|event| event["event"] == "action" || event["event"] == "steady");
    let text = |event: &Value| {
        ["event", "action", "service", "release", "by"]
            .map(|key| event[key].as_str().unwrap_or_default().to_owned())
            .join(" ")
    };
    told.map(text).collect::<Vec<_>>().join(", ")
}

/// The releases that were there before the drill.
fn history(folder: &Path) -> anyhow::Result<String> {
    let entries = lines(&folder.join("deploys.jsonl"))?;
    let text = |entry: &Value| {
        ["id", "role", "summary"]
            .map(|key| entry[key].as_str().unwrap_or_default().to_owned())
            .join(" ")
    };
    Ok(entries.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// The requests that were to be made, by second and route.
fn load(folder: &Path) -> anyhow::Result<String> {
    let file = File::open(folder.join("load.jsonl")).context("the load's record")?;
    let record = loadgen::record::line::read(BufReader::new(file))?;
    let mut counts = Vec::new();
    for (at_s, second) in record.seconds().take_while(|(at_s, _)| *at_s < SECONDS) {
        for (route, cell) in &second.routes {
            counts.push(format!("{at_s} {route:?} {}", cell.scheduled));
        }
    }
    anyhow::ensure!(!counts.is_empty(), "the load's record is empty");
    Ok(counts.join(", "))
}

fn lines(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("record `{}`", path.display()))?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
