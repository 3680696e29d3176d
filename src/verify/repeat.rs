//! Whether two runs of one drill with one seed were the same, and the same write-up got the same verdict.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context as _;
use loadgen::Route;
use record::{DEPLOYS, Deploy, Event, GAME_MASTER, LOAD};

use super::child::{PagedRun, Run};

/// Of the schedule, the seconds before anything can have changed the rate.
const SECONDS: u32 = 8;

/// Routes whose requests wait for no answer. What a customer does with a cart or an order waits for the one before, and so
/// a moment longer where the machine is busy.
const FREE: [Route; 3] = [Route::ListProducts, Route::GetProduct, Route::PutCart];

/// What differs, in words; nothing if the runs were the same as far as both went: the page ends the second one, and it may come
/// before or after an innocent deploy.
pub(super) fn differences(one: &Run, other: &PagedRun) -> anyhow::Result<Vec<String>> {
    let mut differs = Vec::new();
    let mut compare = |what: &str, one: Vec<String>, other: Vec<String>| {
        if one.is_empty() || other.is_empty() {
            differs.push(format!("no record of its {what} to compare"));
        }
        if let Some((one, other)) = one.iter().zip(&other).find(|(one, other)| one != other) {
            differs.push(format!(
                "in the second run its {what} differs: {one} / {other}"
            ));
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
fn timeline(events: &[Event]) -> Vec<String> {
    let until_the_page = events
        .iter()
        .take_while(|event| !matches!(event, Event::Page { .. }));
    let text = |event: &Event| match event {
        Event::Steady { .. } => Some("steady".to_owned()),
        Event::Action {
            action,
            service,
            release,
            by,
            ..
        } => Some(format!("{action} {service} {release} {by}")),
        _ => None,
    };
    until_the_page.filter_map(text).collect()
}

/// The deploy history but for what the runner did to end the first run.
fn history(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = DEPLOYS.read(folder)?;
    let planned = entries.iter().filter(|entry| entry.role != GAME_MASTER);
    let text = |entry: &Deploy| format!("{} {} {}", entry.id, entry.role, entry.summary);
    Ok(planned.map(text).collect())
}

/// The requests that were to be made, by second and route, as far as the seed alone decides them.
fn load(folder: &Path) -> anyhow::Result<Vec<String>> {
    let file = File::open(folder.join(LOAD)).context("the load's record")?;
    let record = loadgen::record::line::read(BufReader::new(file))?;
    let mut counts = Vec::new();
    for (at_s, second) in record.seconds().take_while(|(at_s, _)| *at_s < SECONDS) {
        for (route, cell) in second
            .routes
            .iter()
            .filter(|(route, _)| FREE.contains(route))
        {
            counts.push(format!("{at_s} {route:?} {}", cell.scheduled));
        }
    }
    anyhow::ensure!(!counts.is_empty(), "the load's record is empty");
    Ok(counts)
}
