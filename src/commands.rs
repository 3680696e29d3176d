//! One file a command: arguments in, output and an [`Outcome`] out.

mod act;
mod check;
mod completions;
mod debrief;
mod list;
mod man;
mod open;
mod report;
mod run;
pub mod serve;
mod status;
mod submit;

use crate::cli::{Cli, Command, drill};
use crate::context::Context;
use crate::error::Outcome;

/// Runs the command; a blind drill when there is none.
pub fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let context = Context::of_process(&cli.global)?;
    match cli
        .command
        .unwrap_or_else(|| Command::Run(drill::Run::default()))
    {
        Command::List(args) => list::run(&context, &args),
        Command::Check(args) => check::run(&context, &args),
        Command::Completions(args) => completions::run(&context, &args),
        Command::Man(args) => man::run(&context, &args),
        Command::Run(args) => run::run(&context, &args),
        Command::Up(args) => run::up(&context, &args),
        Command::Status(args) => status::run(&context, &args),
        Command::Rollback(args) => act::rollback(&context, &args),
        Command::Restart(args) => act::restart(&context, &args),
        Command::Deploy(args) => act::deploy(&context, &args),
        Command::Report(args) => report::run(&context, &args),
        Command::Submit(args) => submit::run(&context, &args),
        Command::Debrief(args) => debrief::run(&context, &args),
        Command::Open(args) => open::run(&context, &args),
        // Filled in by their authors as they land.
        other => anyhow::bail!("`{other:?}` is not part of this build"),
    }
}
