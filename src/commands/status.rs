//! `firedrill status`: what runs, since when, how it does, what was paged.

use text::format;

use crate::cli::drill::Status as Args;
use crate::context::Context;
use crate::control::{Control, Status};
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Asks the running drill.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let session = context.state.load()?;
    let status = Control::new(&session)?.status()?;
    if args.format.json {
        context.console.json(&status)?;
    } else {
        let urls = &session.urls;
        let links = format!(
            "jaeger {}   prometheus {}   shop {}\n",
            urls.jaeger, urls.prometheus, urls.gateway
        );
        context
            .console
            .print(&(text(&status, context.console.out, context.console.width) + &links))?;
    }
    Ok(Outcome::Done)
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
        ("p99", Align::Right),
    ]);
    for sli in &status.slis {
        slis.row([
            sli.service.clone().into(),
            or_dash(sli.rate, |rate| format!("{rate:.1}")),
            or_dash(sli.errors, |errors| format!("{:.2} %", errors * 100.0)),
            or_dash(sli.p99_s, |p99| format::duration(p99 * 1e6)),
        ]);
    }
    text += &slis.render(style, width);
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
    for page in &status.pages {
        let at = page.at.get(11..19).unwrap_or(&page.at);
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
    for action in &status.actions {
        let at = action.at.get(11..19).unwrap_or(&action.at);
        text += &format!("did   {at}  {}\n", action.what);
    }
    if !status.blocked.is_empty() {
        text += &format!("blocked clients: {}\n", status.blocked.join(", "));
    }
    text + "\n"
}

fn or_dash(value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    value.map_or_else(|| "-".to_owned(), show).into()
}
