//! `deploys`: the deploy log of a run, and one entry of it.

pub(super) mod show;

use grader::evidence::{Deploy, DeployKind, Deploys, Look, LookKind};
use text::format;

use super::source::{self, Place};
use crate::cli::evidence::{Deploys as Args, DeploysCommand};
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Prints the entries, oldest first.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    if let Some(DeploysCommand::Show(args)) = &args.command {
        return show::run(context, args);
    }
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let mut deploys = Deploys::open(&place.folder)
        .all()
        .map_err(source::explain)?;
    let service = args
        .service
        .map_or_else(|| "all".to_owned(), |service| service.to_string());
    let look = Look::by_command(LookKind::Deploys, service, context.now);
    place.note(&look);
    let since = args.since.map(|since| since.resolve(place.now));
    deploys.retain(|deploy| {
        args.service
            .is_none_or(|service| deploy.service == service.name())
            && since.is_none_or(|since| deploy.at >= since)
    });
    if args.recorded.format.json {
        context.terminal.json(&deploys)?;
    } else if deploys.is_empty() {
        context.terminal.note("no matching deploys");
    } else {
        context.terminal.print(&render(
            &deploys,
            context.terminal.out,
            context.terminal.width,
        ))?;
    }
    Ok(Outcome::Done)
}

fn render(deploys: &[Deploy], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("TIME (UTC)", Align::Left),
        ("ID", Align::Left),
        ("SERVICE", Align::Left),
        ("KIND", Align::Left),
        ("BY", Align::Left),
        ("SUMMARY", Align::Left),
    ]);
    for deploy in deploys {
        let ink = match deploy.kind {
            DeployKind::Deploy => Ink::Plain,
            DeployKind::Config => Ink::Hue(0),
            DeployKind::Rollback
            | DeployKind::Restart
            | DeployKind::Flush
            | DeployKind::Skip
            | DeployKind::Replay
            | DeployKind::Revert
            | DeployKind::Block
            | DeployKind::Unblock
            | DeployKind::Scale => Ink::Warning,
        };
        table.row([
            Cell::new(Ink::Faint, format::date_time(deploy.at)),
            Cell::new(Ink::Heading, deploy.id.as_str()),
            deploy.service.as_str().into(),
            Cell::new(ink, deploy.kind.to_string()),
            deploy.role.as_str().into(),
            deploy.summary.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deploy_shows_when_what_who_and_why() {
        let deploy =
            |minute: u8, service: &str, release: &str, kind: DeployKind, summary: &str| Deploy {
                id: format!("{service}@{release}"),
                service: service.to_owned(),
                release: release.to_owned(),
                at: time::macros::datetime!(2026-11-23 14:00:00 UTC)
                    + time::Duration::minutes(minute.into()),
                role: format!("{service} engineer"),
                summary: summary.to_owned(),
                kind,
                diff: String::new(),
                changes: Vec::new(),
                command: None,
            };
        let deploys = [
            deploy(
                1,
                "checkout",
                "2026.11.3",
                DeployKind::Deploy,
                "Store the delivery address with each order",
            ),
            deploy(9, "inventory", "2026.11.10", DeployKind::Rollback, ""),
        ];
        insta::assert_snapshot!(render(&deploys, Style::PLAIN, 120), @r"
        TIME (UTC)           ID                    SERVICE    KIND      BY                  SUMMARY
        2026-11-23 14:01:00  checkout@2026.11.3    checkout   deploy    checkout engineer   Store the delivery address with each order
        2026-11-23 14:09:00  inventory@2026.11.10  inventory  rollback  inventory engineer
        ");
    }
}
