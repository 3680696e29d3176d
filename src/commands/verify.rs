//! `firedrill verify`: whether the drills are sound.

use anyhow::Context as _;
use scenario::{Scenario, catalogue};
use text::format::bytes;

use crate::cli::drill::Verify;
use crate::context::Context;
use crate::error::Outcome;
use crate::verify::{self, Plan};

/// Runs the drills and prints what was proved of each.
pub(super) fn run(context: &Context, args: &Verify) -> anyhow::Result<Outcome> {
    let catalogue: Vec<Scenario> = catalogue::FILES
        .iter()
        .map(|file| Ok(catalogue::load(file.id)?))
        .collect::<anyhow::Result<_>>()?;
    let drills = match args.ids.is_empty() {
        true => catalogue.clone(),
        false => args
            .ids
            .iter()
            .map(|id| Ok(catalogue::load(id)?))
            .collect::<anyhow::Result<_>>()?,
    };
    let plan = Plan {
        drills,
        catalogue,
        seed: args.seed,
        jobs: usize::from(args.jobs),
        twice: !args.once,
    };
    if args.record {
        return record(context, &plan);
    }
    let report = verify::run(&plan, &|drill| {
        let how = match drill.problems.as_slice() {
            [] => "sound".to_owned(),
            problems => problems.join("; "),
        };
        context.terminal.note(&format!("{}: {how}", drill.id));
    })?;
    if args.format.json {
        context.terminal.json(&report)?;
    } else {
        let text = verify::text(&report, &context.terminal);
        context.terminal.print(&text)?;
    }
    Ok(match report.sound {
        true => Outcome::Done,
        false => Outcome::NotPassed,
    })
}

/// Records the drills' references; a line says of each what came of it.
fn record(context: &Context, plan: &Plan) -> anyhow::Result<Outcome> {
    let folder = std::env::current_dir().context("the current folder")?;
    let recordings = verify::record(plan, &folder, &|recording| {
        let what = match &recording.written {
            Ok(written) => format!(
                "{}; baseline {:.0} s, incident {:.0} s",
                bytes(written.bytes as f64),
                written.seconds.0,
                written.seconds.1
            ),
            Err(why) => format!("not recorded: {why}"),
        };
        context.terminal.note(&format!("{}: {what}", recording.id));
    })?;
    match recordings.iter().all(|one| one.written.is_ok()) {
        true => {
            context
                .terminal
                .note("build again: references are part of the program");
            Ok(Outcome::Done)
        }
        false => Ok(Outcome::NotPassed),
    }
}
