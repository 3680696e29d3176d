//! What changes the running shop: `rollback`, `restart` and `deploy` swap processes, `flush`, `outbox`, `block` and
//! `unblock` act on those that run, `scale` starts and ends some.

use crate::cli::Format;
use crate::cli::act::{
    Block, Deploy, Flush, Outbox, OutboxCommand, Restart, Rollback, Scale, Unblock,
};
use crate::context::Context;
use crate::control::{Acted, ActionRequest, Control};
use crate::error::Outcome;
use crate::terminal::{Ink, Style};

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

/// Caches emptied.
pub(super) fn flush(context: &Context, args: &Flush) -> anyhow::Result<Outcome> {
    let service = args.service;
    act(context, args.format, &ActionRequest::Flush { service })
}

/// Messages set aside, or tried again.
pub(super) fn outbox(context: &Context, args: &Outbox) -> anyhow::Result<Outcome> {
    match args.command {
        OutboxCommand::Skip(format) => act(context, format, &ActionRequest::Skip {}),
        OutboxCommand::Replay(format) => act(context, format, &ActionRequest::Replay {}),
    }
}

/// A client turned away.
pub(super) fn block(context: &Context, args: Block) -> anyhow::Result<Outcome> {
    let client = args.client;
    act(context, args.format, &ActionRequest::Block { client })
}

/// A client let in again.
pub(super) fn unblock(context: &Context, args: Unblock) -> anyhow::Result<Outcome> {
    let client = args.client;
    act(context, args.format, &ActionRequest::Unblock { client })
}

/// More or fewer replicas.
pub(super) fn scale(context: &Context, args: &Scale) -> anyhow::Result<Outcome> {
    let request = ActionRequest::Scale {
        service: args.service,
        replicas: args.replicas,
    };
    act(context, args.format, &request)
}

/// Has the runner do it, and tells what came of it.
pub(super) fn act(
    context: &Context,
    format: Format,
    request: &ActionRequest,
) -> anyhow::Result<Outcome> {
    let control = Control::new(&context.state.load()?)?;
    let progress = context.console.progress(request.what());
    let acted = control.act(request)?;
    drop(progress);
    if format.json {
        context.console.json(&acted)?;
    } else {
        let text = render(&acted, context.console.out);
        context.console.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn render(acted: &Acted, style: Style) -> String {
    let done = style.paint(Ink::Good, "done:");
    match (&acted.id, &acted.note) {
        (None, note) => format!(
            "{} {}\n",
            style.paint(Ink::Warning, "nothing changed:"),
            note.as_deref().unwrap_or_default()
        ),
        (Some(id), Some(note)) => format!("{done} {}: {note} ({id})\n", acted.service),
        (Some(id), None) => format!(
            "{done} all instances of {} run {} after {:.1} s ({id})\n",
            acted.service,
            style.paint(Ink::Strong, &acted.release),
            acted.seconds,
        ),
    }
}
