//! `alerts`: what the alert rules say now, or said at the end of a run.

use grader::evidence::prometheus::Alert;
use grader::evidence::{Look, LookKind};
use text::format;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::source::Evidence;
use crate::cli::evidence::Alerts as Args;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Prints the alerts that are pending or firing, the oldest first.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, None)?;
    let mut alerts = evidence.ask(evidence.sources.prometheus.alerts())?;
    alerts.sort_by(|a, b| a.active_at.cmp(&b.active_at));
    evidence
        .place
        .note(&Look::by_command(LookKind::Promql, "ALERTS", context.now));
    if args.format.json {
        context.terminal.json(&alerts)?;
    } else if alerts.is_empty() {
        context.terminal.note("no alert is pending or firing");
    } else {
        let text = render(&alerts, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn render(alerts: &[Alert], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("SINCE (UTC)", Align::Left),
        ("STATE", Align::Left),
        ("ALERT", Align::Left),
        ("SUMMARY", Align::Left),
    ]);
    for alert in alerts {
        let since = alert.active_at.as_deref();
        let since = since.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        let ink = match alert.state.as_str() {
            "firing" => Ink::Error,
            _ => Ink::Warning,
        };
        let of = |labels: &grader::evidence::Labels, key: &str| labels.get(key).cloned();
        table.row([
            Cell::new(Ink::Faint, since.map(format::clock).unwrap_or_default()),
            Cell::new(ink, alert.state.as_str()),
            Cell::new(
                Ink::Heading,
                of(&alert.labels, "alertname").unwrap_or_default(),
            ),
            of(&alert.annotations, "summary").unwrap_or_default().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_shows_since_when_and_why() {
        let alerts: Vec<Alert> = serde_json::from_str(
            r#"[
            {"labels": {"alertname": "ErrorBudgetBurn", "http_route": "/v1/orders"}, "state": "firing",
             "annotations": {"summary": "Requests to /v1/orders are failing"}, "activeAt": "2026-11-23T14:05:10.25Z", "value": "0.2"},
            {"labels": {"alertname": "HeapGrowth"}, "state": "pending", "value": "1"}]"#,
        )
        .expect("the API's own shape");
        insta::assert_snapshot!(render(&alerts, Style::PLAIN, 100), @r"
        SINCE (UTC)   STATE    ALERT            SUMMARY
        14:05:10.250  firing   ErrorBudgetBurn  Requests to /v1/orders are failing
                      pending  HeapGrowth
        ");
    }
}
