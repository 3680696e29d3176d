//! `firedrill verify`: whether the drills are sound.

use scenario::{Scenario, catalogue};

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
    let report = verify::run(&plan, &|drill| {
        let how = match drill.problems.as_slice() {
            [] => "sound".to_owned(),
            problems => problems.join("; "),
        };
        context.console.note(&format!("{}: {how}", drill.id));
    })?;
    if args.format.json {
        context.console.json(&report)?;
    } else {
        let text = verify::text(&report, context.console);
        context.console.print(&text)?;
    }
    Ok(match report.sound {
        true => Outcome::Done,
        false => Outcome::NotPassed,
    })
}
