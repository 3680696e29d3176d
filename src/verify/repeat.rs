//! Whether two runs of one drill with one seed were the same, and the same write-up got the same verdict.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::hold::{Begun, Held};
use crate::runner::GAME_MASTER;

/// Of the schedule, the seconds before anything can have changed the rate.
const SECONDS: u32 = 8;

/// What differs, in words; nothing if the runs were the same.
pub(super) fn differences(one: &Held, other: &Begun) -> anyhow::Result<Vec<String>> {
    let mut differs = Vec::new();
    let mut compare = |what: &str, one: Vec<String>, other: Vec<String>| {
        let none = || std::iter::repeat(&NOTHING);
        let longest = one.len().max(other.len());
        let pairs = one.iter().chain(none()).zip(other.iter().chain(none()));
        if let Some((one, other)) = pairs.take(longest).find(|(one, other)| one != other) {
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

/// Stands for what one of two lists has not.
static NOTHING: String = String::new();

/// What happened up to the page, in order.
fn timeline(events: &[Value]) -> Vec<String> {
    let told = events
        .iter()
        .take_while(|event| event["event"] != "page")
        .filter(|event| event["event"] == "action" || event["event"] == "steady");
    let text = |event: &Value| {
        ["event", "action", "service", "release", "by"]
            .map(|key| event[key].as_str().unwrap_or_default().to_owned())
            .join(" ")
    };
    told.map(text).collect()
}

/// The deploy history but for what the runner did to end the first run.
fn history(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = lines(&folder.join("deploys.jsonl"))?;
    let planned = entries.iter().filter(|entry| entry["role"] != GAME_MASTER);
    let text = |entry: &Value| {
        ["id", "role", "summary"]
            .map(|key| entry[key].as_str().unwrap_or_default().to_owned())
            .join(" ")
    };
    Ok(planned.map(text).collect())
}

/// The requests that were to be made, by second and route.
fn load(folder: &Path) -> anyhow::Result<Vec<String>> {
    let file = File::open(folder.join("load.jsonl")).context("the load's record")?;
    let record = loadgen::record::line::read(BufReader::new(file))?;
    let mut counts = Vec::new();
    for (at_s, second) in record.seconds().take_while(|(at_s, _)| *at_s < SECONDS) {
        for (route, cell) in &second.routes {
            counts.push(format!("{at_s} {route:?} {}", cell.scheduled));
        }
    }
    anyhow::ensure!(!counts.is_empty(), "the load's record is empty");
    Ok(counts)
}

fn lines(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("record `{}`", path.display()))?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
