//! `firedrill rollback`, `restart` and `deploy`: real process swaps in the running drill.

use crate::cli::Format;
use crate::cli::act::{Deploy, Restart, Rollback};
use crate::console::Ink;
use crate::context::Context;
use crate::control::{ActionRequest, Control};
use crate::error::Outcome;

/// The release before.
pub(super) fn rollback(context: &Context, args: &Rollback) -> anyhow::Result<Outcome> {
    act(
        context,
        args.format,
        &ActionRequest::Rollback {
            service: args.service,
        },
    )
}

/// New processes of the same release.
pub(super) fn restart(context: &Context, args: &Restart) -> anyhow::Result<Outcome> {
    act(
        context,
        args.format,
        &ActionRequest::Restart {
            service: args.service,
        },
    )
}

/// A release by id.
pub(super) fn deploy(context: &Context, args: &Deploy) -> anyhow::Result<Outcome> {
    let request = ActionRequest::Deploy {
        service: args.service,
        release: args.release.clone(),
    };
    act(context, args.format, &request)
}

fn act(context: &Context, format: Format, request: &ActionRequest) -> anyhow::Result<Outcome> {
    let control = Control::new(&context.state.load()?)?;
    let progress = context.console.progress("swapping processes");
    let acted = control.act(request)?;
    drop(progress);
    if format.json {
        context.console.json(&acted)?;
    } else {
        let style = context.console.out;
        context.console.print(&format!(
            "{} {} runs {} on all instances, after {:.1} s ({})\n",
            style.paint(Ink::Good, "done:"),
            acted.service,
            style.paint(Ink::Strong, &acted.release),
            acted.seconds,
            acted.id,
        ))?;
    }
    Ok(Outcome::Done)
}
