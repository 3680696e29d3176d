//! `alerts`: what the alert rules say now. Of an ended run, only what they said is on record.

use std::collections::BTreeMap;

use grader::evidence::prometheus::Alert;
use grader::evidence::{Labels, Look, LookKind};
use text::format;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::source::Evidence;
use crate::cli::evidence::Alerts as Args;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Prints the alerts that are pending or firing, by the time since when they are.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, None)?;
    let alerts = evidence.ask(evidence.sources.prometheus.alerts())?;
    let waits = match args.format.json || alerts.is_empty() {
        true => BTreeMap::new(),
        false => evidence.ask(evidence.sources.prometheus.alert_waits())?,
    };
    evidence
        .place
        .note(&Look::by_command(LookKind::Promql, "ALERTS", context.now));
    if args.format.json {
        context.terminal.json(&alerts)?;
    } else if !evidence.place.is_live {
        context.terminal.note(&format!(
            "the rules of an ended run are no longer evaluated; what fired in it: firedrill query --run {} 'ALERTS{{alertstate=\"firing\"}}' --since 10m",
            record::run_of(&evidence.place.folder)
        ));
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
    let mut rows: Vec<(Option<OffsetDateTime>, &Alert)> = alerts
        .iter()
        .map(|alert| (since(alert, waits), alert))
        .collect();
    rows.sort_by_key(|(since, _)| *since);
    for (since, alert) in rows {
        let text = |of: &Labels, key: &str| of.get(key).cloned().unwrap_or_default();
        let ink = match alert.state.as_str() {
            FIRING => Ink::Error,
            _ => Ink::Warning,
        };
        table.row([
            Cell::new(Ink::Faint, since.map(format::clock).unwrap_or_default()),
            Cell::new(ink, alert.state.as_str()),
            Cell::new(Ink::Heading, text(&alert.labels, NAME)),
            text(&alert.annotations, "summary").into(),
        ]);
    }
    table.render(style, columns)
}

const FIRING: &str = "firing";
/// The label with an alert's name.
const NAME: &str = "alertname";

/// Since when an alert is in its state. Prometheus tells only when its condition began to hold.
fn since(alert: &Alert, waits: &BTreeMap<String, f64>) -> Option<OffsetDateTime> {
    let held = OffsetDateTime::parse(alert.active_at.as_deref()?, &Rfc3339).ok()?;
    let wait = waits.get(alert.labels.get(NAME)?);
    let wait = wait.filter(|_| alert.state == FIRING);
    Some(held + wait.map_or(Duration::ZERO, |wait| Duration::seconds_f64(*wait)))
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
        14:05:12.000  pending  HeapGrowth
        14:05:15.250  firing   ErrorBudgetBurn  Requests to /v1/orders are failing
        ");
    }
}
