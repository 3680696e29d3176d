//! The tests of the whole: the built binary, real drills, real browsers. One binary, so that drills run side by side.
//!
//! A harness of its own (`libtest-mimic`) because a test whose program is missing on this machine must be
//! counted as skipped, by name, and not pass silently.

mod actions;
mod adversarial;
mod browser;
mod cli;
mod clients;
mod clock;
mod console;
mod containers;
mod crash;
mod damage;
mod dashboards;
mod degraded;
mod drills;
mod events;
mod exemplar;
mod faults;
mod load;
mod native;
mod pack;
mod parity;
mod prometheus;
mod requests;
mod silence;
mod stack;
mod structure;
mod support;
mod telemetry;
mod writeup;

use libtest_mimic::{Arguments, Trial};

/// Drills mostly wait: six fit on two cores.
const SIDE_BY_SIDE: usize = 6;

fn main() -> std::process::ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let wants = std::env::var("FIREDRILL_TESTS").unwrap_or_default();
    let trials: Vec<Trial> = [
        drills::trials(),
        adversarial::trials(),
        crash::trials(),
        faults::trials(),
        clock::trials(),
        load::trials(),
        requests::trials(),
        damage::trials(),
        pack::trials(),
        stack::trials(),
        actions::trials(),
        prometheus::trials(),
        exemplar::trials(),
        native::trials(),
        parity::trials(),
        telemetry::trials(),
        events::trials(),
        dashboards::trials(),
        degraded::trials(),
        browser::trials(),
        cli::trials(),
        console::trials(),
        clients::trials(),
        containers::trials(),
        structure::trials(),
    ]
    .into_iter()
    .flatten()
    .filter(|trial| wants != "programs" || trial.kind() == support::PROGRAM)
    .collect();
    let skipped: Vec<String> = trials
        .iter()
        .filter(|trial| trial.has_ignored_flag())
        .map(|trial| trial.name().to_owned())
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !skipped.is_empty() {
        println!(
            "SKIPPED {}: a program is missing on this machine",
            skipped.len()
        );
        for name in &skipped {
            println!("    {name}");
        }
    }
    conclusion.exit_code()
}
