//! What changes the running shop: `rollback`, `restart` and `deploy` swap processes, `flush`, `outbox`, `block` and
//! `unblock` act on those that run, `scale` starts and ends some.

use drill::api::{Action, Change};

use crate::cli::Format;
use crate::cli::act::{
    Block, Deploy, Flush, Outbox, OutboxCommand, Prices, PricesCommand, Restart, Rollback, Scale,
    Unblock,
};
use crate::context::Context;
use crate::control::Control;
use crate::error::Outcome;
use crate::terminal::{Ink, Style};

/// The release before.
pub(super) fn rollback(context: &Context, args: &Rollback) -> anyhow::Result<Outcome> {
    act(
        context,
        args.format,
        &Action::Rollback {
            service: args.service,
        },
    )
}

/// New processes of the same release.
pub(super) fn restart(context: &Context, args: &Restart) -> anyhow::Result<Outcome> {
    act(
        context,
        args.format,
        &Action::Restart {
            service: args.service,
        },
    )
}

/// A release by id.
pub(super) fn deploy(context: &Context, args: &Deploy) -> anyhow::Result<Outcome> {
    let request = Action::Deploy {
        service: args.service,
        release: args.release.clone(),
    };
    act(context, args.format, &request)
}

/// Caches emptied.
pub(super) fn flush(context: &Context, args: &Flush) -> anyhow::Result<Outcome> {
    let service = args.service;
    act(context, args.format, &Action::Flush { service })
}

/// Messages set aside, or tried again.
pub(super) fn outbox(context: &Context, args: &Outbox) -> anyhow::Result<Outcome> {
    match args.command {
        OutboxCommand::Skip(format) => act(context, format, &Action::Skip {}),
        OutboxCommand::Replay(format) => act(context, format, &Action::Replay {}),
    }
}

/// Prices as they were.
pub(super) fn prices(context: &Context, args: &Prices) -> anyhow::Result<Outcome> {
    match args.command {
        PricesCommand::Revert(format) => act(context, format, &Action::Revert {}),
    }
}

/// A client turned away.
pub(super) fn block(context: &Context, args: Block) -> anyhow::Result<Outcome> {
    let client = args.client;
    act(context, args.format, &Action::Block { client })
}

/// A client let in again.
pub(super) fn unblock(context: &Context, args: Unblock) -> anyhow::Result<Outcome> {
    let client = args.client;
    act(context, args.format, &Action::Unblock { client })
}

/// More or fewer replicas.
pub(super) fn scale(context: &Context, args: &Scale) -> anyhow::Result<Outcome> {
    let request = Action::Scale {
        service: args.service,
        replicas: args.replicas,
    };
    act(context, args.format, &request)
}

/// Has the runner do it, and tells what came of it.
pub(super) fn act(context: &Context, format: Format, request: &Action) -> anyhow::Result<Outcome> {
    let control = Control::new(&context.state.load()?)?;
    let progress = context.terminal.progress(request.what());
    let change = control.act(request)?;
    drop(progress);
    if format.json {
        context.terminal.json(&change)?;
    } else {
        let text = render(&change, context.terminal.out);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn render(change: &Change, style: Style) -> String {
    let done = style.paint(Ink::Good, "done:");
    match (&change.id, &change.note) {
        (None, note) => format!(
            "{} {}\n",
            style.paint(Ink::Warning, "nothing changed:"),
            note.as_deref().unwrap_or_default()
        ),
        (Some(id), Some(note)) => format!("{done} {}: {note} ({id})\n", change.service),
        (Some(id), None) => format!(
            "{done} all instances of {} run {} after {:.1} s ({id})\n",
            change.service,
            style.paint(Ink::Strong, &change.release),
            change.seconds,
        ),
    }
}
