//! What the runner and all its children hold in memory after minutes of traffic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Options;
use crate::drill::{Drill, Home};
use crate::process::{family, proportional_kib, resident_kib};
use crate::table::Row;

/// Requests a second.
const RATE: &str = "100";
const MINUTES: f64 = 5.0;
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

pub(crate) fn measure(home: &Home, options: Options) -> anyhow::Result<Vec<Row>> {
    let minutes = options.minutes.unwrap_or(MINUTES);
    let mut drill = Drill::up(home, &["--rate", RATE])?;
    let deadline = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let mut most_kib = 0;
    loop {
        let sum: u64 = resident(drill.pid()).values().sum();
        most_kib = most_kib.max(sum);
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        std::thread::sleep(left.min(SAMPLE_EVERY));
    }
    let by_role = resident(drill.pid());
    let shares = family(drill.pid());
    let shared_once: u64 = shares.iter().map(|each| proportional_kib(each.pid)).sum();
    drill.end()?;
    let each: Vec<String> = by_role
        .iter()
        .map(|(role, kib)| format!("{role} {:.1}", mb(*kib)))
        .collect();
    let figure = format!("resident memory of everything, {minutes} min at {RATE} requests/s");
    let sum = format!(
        "{:.1} MB (most {:.1})",
        mb(by_role.values().sum()),
        mb(most_kib)
    );
    // All processes are one executable: its pages are in memory once, and in the plain sum seven times.
    Ok(vec![
        Row::new(&figure, "120 MB", format!("{:.1} MB", mb(shared_once))),
        Row::new("  shared pages counted in every process", "", sum),
        Row::new("  by process, MB", "", each.join(", ")),
    ])
}

/// KiB by role and, where a role runs twice, by process.
fn resident(runner: u32) -> BTreeMap<String, u64> {
    let mut by_role = BTreeMap::new();
    for process in family(runner) {
        let kib = resident_kib(process.pid);
        let mut name = process.role.clone();
        while by_role.contains_key(&name) {
            name += "'";
        }
        by_role.insert(name, kib);
    }
    by_role
}

fn mb(kib: u64) -> f64 {
    kib as f64 * 1_024.0 / 1e6
}
