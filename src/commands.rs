//! One file a command: arguments in, output and an [`Outcome`] out.

mod check;
mod completions;
mod deploys;
mod heap;
mod list;
mod logs;
mod man;
mod profile;
mod query;
mod request;
mod source;
mod trace;
mod traces;

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
        Command::Logs(args) => logs::run(&context, &args),
        Command::Traces(args) => traces::run(&context, &args),
        Command::Trace(args) => trace::run(&context, &args),
        Command::Query(args) => query::run(&context, &args),
        Command::Deploys(args) => deploys::run(&context, &args),
        Command::Heap(args) => heap::run(&context, &args),
        Command::Profile(args) => profile::run(&context, &args),
        Command::Request(args) => request::run(&context, &args),
        Command::Check(args) => check::run(&context, &args),
        Command::Completions(args) => completions::run(&context, &args),
        Command::Man(args) => man::run(&context, &args),
        // Filled in by their authors as they land.
        other => anyhow::bail!("`{other:?}` is not part of this build"),
    }
}
