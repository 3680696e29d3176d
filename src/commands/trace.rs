//! `trace`: one trace as a waterfall.

use grader::evidence::{Look, LookKind};

use super::source::Evidence;
use crate::cli::evidence::Trace as Args;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::waterfall::waterfall;

/// Prints the trace.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let progress = context.terminal.progress("querying Jaeger");
    let trace = evidence.ask(evidence.sources.jaeger.trace(&args.id))?;
    drop(progress);
    let look = Look::by_command(LookKind::Trace, &trace.id, context.now);
    evidence.place.note(&look);
    if args.recorded.format.json {
        context.terminal.json(&trace)?;
    } else {
        context.terminal.print(&waterfall(
            &trace,
            context.terminal.out,
            context.terminal.width,
            args.verbose,
        ))?;
        if let Some(jaeger) = &evidence.jaeger {
            context
                .terminal
                .note(&format!("{jaeger}/trace/{}", trace.id));
        }
    }
    Ok(Outcome::Done)
}
