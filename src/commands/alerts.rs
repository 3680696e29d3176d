//! `alerts`: what the alert rules say now, or said at the end of a run.

use std::collections::BTreeMap;

use grader::evidence::prometheus::Alert;
use grader::evidence::{Look, LookKind};
use text::format;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

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
    let waits = match args.format.json || alerts.is_empty() {
        true => BTreeMap::new(),
        false => evidence.ask(evidence.sources.prometheus.alert_waits())?,
    };
    evidence
        .place
        .note(&Look::by_command(LookKind::Promql, "ALERTS", context.now));
    if args.format.json {
        context.terminal.json(&alerts)?;
    } else if alerts.is_empty() {
        context.terminal.note("no alert is pending or firing");
    } else {
        let text = render(
            &alerts,
            &waits,
            context.terminal.out,
            context.terminal.width,
        );
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

/// `waits` is how long the condition of each alert must last before it fires, in seconds.
fn render(alerts: &[Alert], waits: &BTreeMap<String, f64>, style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("SINCE (UTC)", Align::Left),
        ("STATE", Align::Left),
        ("ALERT", Align::Left),
        ("SUMMARY", Align::Left),
    ]);
    for alert in alerts {
        let name = alert.labels.get("alertname").cloned().unwrap_or_default();
        let since = alert.active_at.as_deref();
        let since = since.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
        // Prometheus tells when the condition began to hold.
        let is_firing = alert.state == "firing";
        let wait = waits.get(&name).filter(|_| is_firing);
        let wait = wait.map_or(Duration::ZERO, |wait| Duration::seconds_f64(*wait));
        let since = since.map(|at| at + wait);
        let ink = if is_firing { Ink::Error } else { Ink::Warning };
        let summary = alert
            .annotations
            .get("summary")
            .cloned()
            .unwrap_or_default();
        table.row([
            Cell::new(Ink::Faint, since.map(format::clock).unwrap_or_default()),
            Cell::new(ink, alert.state.as_str()),
            Cell::new(Ink::Heading, name),
            summary.into(),
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
            {"labels": {"alertname": "HeapGrowth"}, "state": "pending", "activeAt": "2026-11-23T14:05:12Z", "value": "1"}]"#,
        )
        .expect("the API's own shape");
        let waits = [
            ("ErrorBudgetBurn".to_owned(), 5.0),
            ("HeapGrowth".to_owned(), 8.0),
        ]
        .into();
        insta::assert_snapshot!(render(&alerts, &waits, Style::PLAIN, 100), @r"
        SINCE (UTC)   STATE    ALERT            SUMMARY
        14:05:15.250  firing   ErrorBudgetBurn  Requests to /v1/orders are failing
        14:05:12.000  pending  HeapGrowth
        ");
    }
}
