//! `trace`: one trace as a waterfall.

use grader::evidence::{Look, LookKind};

use super::source::Live;
use crate::cli::evidence::Trace as Args;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::waterfall::waterfall;

/// Prints the trace.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let live = Live::connect(context)?;
    let progress = context.console.progress("querying Jaeger");
    let trace = live.ask(live.sources.jaeger.trace(&args.id))?;
    drop(progress);
    live.note(&Look::by_command(LookKind::Trace, &trace.id, context.now));
    if args.format.json {
        context.console.json(&trace)?;
    } else {
        context.console.print(&waterfall(
            &trace,
            context.console.out,
            context.console.width,
            args.verbose,
        ))?;
        context
            .console
            .note(&format!("{}/trace/{}", live.session.urls.jaeger, trace.id));
    }
    Ok(Outcome::Done)
}
