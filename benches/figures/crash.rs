//! `kill -9` of the runner at random moments, and what is left of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Options;
use crate::drill::{Drill, Home};
use crate::process::{family, listening, of_folder, open_listeners};
use crate::table::Row;

const ROUNDS: usize = 50;
/// The latest moment of the kill after the start, in turn: while it starts, and while it runs.
const LATEST: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(2_500)];
/// What is left is looked for after this.
const AFTER: Duration = Duration::from_secs(1);
/// Moments that repeat, so that a find can be looked into.
const SEED: u64 = 9;

/// What was left, over all rounds.
#[derive(Debug, Default)]
struct Left {
    processes: usize,
    ports: usize,
    files: BTreeSet<String>,
    dirty_rounds: Vec<String>,
}

pub(crate) fn measure(home: &Home, options: Options) -> anyhow::Result<Vec<Row>> {
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut left, mut watched, mut starting) = (Left::default(), 0, 0);
    for round in 1..=rounds {
        let moment = LATEST[round % LATEST.len()].mul_f64(random.random::<f64>());
        let mut drill = Drill::start(home, &["up"])?;
        std::thread::sleep(moment.saturating_sub(drill.age()));
        let pids: Vec<u32> = family(drill.pid()).iter().map(|each| each.pid).collect();
        let ports = listening(&pids);
        watched += ports.len();
        starting += usize::from(drill.event("ready", Duration::ZERO).is_err());
        drill.kill()?;
        std::thread::sleep(AFTER);
        let processes = of_folder(drill.folder()).len();
        let open = open_listeners().intersection(&ports).count();
        let mut files = temporary(drill.folder());
        files.extend(temporary(&home.cache()));
        if processes + open + files.len() > 0 {
            eprintln!(
                "round {round}, killed after {moment:?}: {processes} processes, {open} ports, {files:?}"
            );
            left.dirty_rounds.push(format!("{} ms", moment.as_millis()));
        }
        left.processes += processes;
        left.ports += open;
        left.files
            .extend(files.iter().map(|path| path.display().to_string()));
    }
    Ok(vec![
        Row::new(
            &format!("kill -9 of the runner at a random moment, {rounds} times: left after 1 s"),
            "0, 0, 0",
            format!(
                "{} children, {} ports, {} temporary files",
                left.processes,
                left.ports,
                left.files.len()
            ),
        ),
        Row::new(
            "  ports watched; kills before it was ready; kills that left something",
            "",
            format!("{watched}; {starting}; {}", left.dirty_rounds.len()),
        ),
    ])
}

/// Databases, drafts and whatever lies where temporary files go. The record of the run is none of it.
fn temporary(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy().into_owned();
            let is_in_tmp = folder.ends_with("tmp");
            let is_draft = name.ends_with(".new") || name.starts_with(".preparing-");
            if is_in_tmp || is_draft || name == "scratch" {
                found.push(path);
            } else if path.is_dir() {
                open.push(path);
            }
        }
    }
    found
}
