//! One file a command: arguments in, output and an [`Outcome`] out.

mod act;
mod alerts;
mod check;
mod compare;
mod completions;
mod config;
mod console;
mod debrief;
mod deploys;
mod heap;
mod history;
mod list;
mod logs;
mod man;
mod manage;
mod metrics;
mod next;
mod open;
mod pack;
mod profile;
mod query;
mod report;
mod request;
mod run;
pub mod serve;
mod source;
mod status;
mod submit;
mod taken;
mod times;
mod trace;
mod traces;
mod verify;

use crate::cli::{Cli, Command, drill};
use crate::context::Context;
use crate::error::Outcome;

/// Runs the command; a blind drill when there is none.
pub fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let context = Context::of_process(cli.global.state_dir.as_deref(), cli.global.color)?;
    let command = cli.command;
    let command = command.unwrap_or_else(|| Command::Run(drill::Run::default()));
    execute(&context, command)
}

/// Runs a command in the place that `context` is.
fn execute(context: &Context, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::List(args) => list::run(context, &args),
        Command::Logs(args) => logs::run(context, &args),
        Command::Traces(args) => traces::run(context, &args),
        Command::Trace(args) => trace::run(context, &args),
        Command::Compare(args) => compare::run(context, &args),
        Command::Alerts(args) => alerts::run(context, &args),
        Command::Metrics(args) => metrics::run(context, &args),
        Command::Query(args) => query::run(context, &args),
        Command::Deploys(args) => deploys::run(context, &args),
        Command::Heap(args) => heap::run(context, &args),
        Command::Profile(args) => profile::run(context, &args),
        Command::Request(args) => request::run(context, &args),
        Command::Check(args) => check::run(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Completions(args) => completions::run(context, &args),
        Command::Man(args) => man::run(context, &args),
        Command::Run(args) => run::run(context, &args, execute),
        Command::Up(args) => run::up(context, &args, execute),
        Command::Status(args) => status::run(context, &args),
        Command::Rollback(args) => act::rollback(context, &args),
        Command::Restart(args) => act::restart(context, &args),
        Command::Deploy(args) => act::deploy(context, &args),
        Command::Flush(args) => act::flush(context, &args),
        Command::Outbox(args) => act::outbox(context, &args),
        Command::Prices(args) => act::prices(context, &args),
        Command::Block(args) => act::block(context, args),
        Command::Unblock(args) => act::unblock(context, args),
        Command::Config(args) => config::run(context, args),
        Command::Scale(args) => act::scale(context, &args),
        Command::Report(args) => report::run(context, &args),
        Command::Submit(args) => submit::run(context, &args),
        Command::Debrief(args) => debrief::run(context, &args),
        Command::History(args) => history::run(context, &args),
        Command::Next(args) => next::run(context, &args),
        Command::Open(args) => open::run(context, &args, execute),
        Command::Pack(args) => pack::run(context, &args),
        Command::Manage(args) => manage::run(context, &args),
        Command::Probe(args) => manage::probe(&args),
        // `main` takes the role itself: it ends with the role's own exit code.
        Command::Serve(_) => unreachable!("`serve` does not come here"),
    }
}
