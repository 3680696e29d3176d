//! `firedrill status`: what runs, since when, how it does, what was paged.

use std::time::Duration;

use drill::api::{Dropped, Status};
use text::format;
use time::OffsetDateTime;

use crate::cli::drill::Status as Args;
use crate::context::Context;
use crate::control::Control;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Between two looks of `--watch`.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks the running drill.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    loop {
        show(context, args)?;
        if !args.watch {
            return Ok(Outcome::Done);
        }
        std::thread::sleep(AGAIN);
        if context.state.find()?.is_none() {
            context.terminal.note("the drill has ended");
            return Ok(Outcome::Done);
        }
    }
}

fn show(context: &Context, args: &Args) -> anyhow::Result<()> {
    let session = context.state.load()?;
    let status = Control::new(&session)?.status()?;
    if args.format.json {
        context.terminal.json(&status)?;
    } else {
        let urls = &session.urls;
        let links = format!(
            "jaeger {}   prometheus {}   shop {}\n",
            urls.jaeger, urls.prometheus, urls.gateway
        );
        let text = text(&status, context.terminal.out, context.terminal.width);
        // Home, and clear to the end: what is shown again replaces what was shown.
        let clear = if args.watch && context.terminal.out.terminal {
            "\x1b[H\x1b[J"
        } else {
            ""
        };
        context.terminal.print(&format!("{clear}{text}{links}"))?;
    }
    Ok(())
}

fn text(status: &Status, style: Style, width: usize) -> String {
    let up = format::elapsed(status.up_s as u64);
    let mut text = format!(
        "run {}   {}   up {up}\n\n",
        status.run,
        style.paint(Ink::Strong, &status.phase)
    );
    let mut slis = Table::new(&[
        ("service", Align::Left),
        ("requests/s", Align::Right),
        ("errors", Align::Right),
        ("p50", Align::Right),
        ("p99", Align::Right),
    ]);
    for sli in &status.slis {
        slis.row([
            sli.service.clone().into(),
            or_dash(sli.red.rate, |rate| format!("{rate:.1}")),
            or_dash(sli.red.errors, |errors| format!("{:.2} %", errors * 100.0)),
            or_dash(sli.red.p50_s, |p50| format::duration(p50 * 1e6)),
            or_dash(sli.red.p99_s, |p99| format::duration(p99 * 1e6)),
        ]);
    }
    text += &slis.render(style, width);
    let windows = status.slis.iter().map(|sli| sli.red.window_s);
    let window_s = windows.fold(0.0, f64::max);
    text += &format!("over the last {window_s:.0} s\n");
    text += "\n";
    let mut services = Table::new(&[
        ("instance", Align::Left),
        ("release", Align::Left),
        ("process", Align::Right),
        ("address", Align::Left),
        ("admin", Align::Left),
    ]);
    for instance in &status.services {
        services.row([
            instance.instance.clone().into(),
            instance.release.clone().into(),
            instance.pid.to_string().into(),
            instance.public.to_string().into(),
            instance.admin.to_string().into(),
        ]);
    }
    text += &services.render(style, width);
    text += "\n";
    text + &happened(status, style) + "\n"
}

/// Pages, actions and what the backend has dropped.
fn happened(status: &Status, style: Style) -> String {
    let mut text = String::new();
    for page in &status.pages {
        let at = clock(page.at);
        text += &format!(
            "{} {at}  {}  {}\n",
            style.paint(Ink::Error, "paged"),
            page.alert,
            page.description
        );
    }
    if status.pages.is_empty() {
        text += "no pages\n";
    }
    text += &dropped(status.dropped.unwrap_or_default());
    for action in &status.actions {
        let at = clock(action.at);
        text += &format!("did   {at}  {}\n", action.what);
    }
    if !status.blocked.is_empty() {
        text += &format!("blocked clients: {}\n", status.blocked.join(", "));
    }
    text
}

fn dropped(Dropped { spans, samples }: Dropped) -> String {
    if spans + samples == 0 {
        return String::new();
    }
    let (spans, samples) = (
        format::counted(spans, "span"),
        format::counted(samples, "sample"),
    );
    format!("dropped, the oldest first, as memory for them is full: {spans} and {samples}\n")
}

fn or_dash(value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    value.map_or_else(|| "-".to_owned(), show).into()
}

/// The time of day, to the second.
fn clock(at: OffsetDateTime) -> String {
    let text = format::rfc3339(at);
    text.get(11..19).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_shown_and_nothing_where_all_is_there() {
        let check = |spans, samples, expected: &str| {
            assert_eq!(dropped(Dropped { spans, samples }), expected);
        };
        check(0, 0, "");
        let begins = "dropped, the oldest first, as memory for them is full:";
        check(1, 0, &format!("{begins} 1 span and 0 samples\n"));
        check(12, 1, &format!("{begins} 12 spans and 1 sample\n"));
    }
}
