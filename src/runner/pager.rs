//! The pager: every alert of severity `page` that fires in Prometheus is a page. Nothing else pages.

use std::sync::Arc;
use std::time::Duration;

use grader::evidence::prometheus::Alert;
use record::{Event, instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{MissedTickBehavior, interval};

use super::drill::{Drill, Phase};
use crate::clock::now;
use crate::control::Page;

/// How often Prometheus is asked.
const EVERY: Duration = Duration::from_millis(500);

/// Watches the alerts until the drill ends.
pub(super) async fn watch(drill: Arc<Drill>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A Prometheus that does not answer now is asked again at the next tick.
        let alerts = drill.sources.prometheus.alerts().await;
        drill.update(|state| state.is_blind = alerts.is_err());
        let Ok(alerts) = alerts else {
            continue;
        };
        for alert in &alerts {
            hear(&drill, alert);
        }
    }
}

/// Pages if the alert is one that does, by whatever way it came here; each name once.
pub(super) fn hear(drill: &Drill, alert: &Alert) {
    let began = drill.moments().traffic;
    if is_page(alert) && began.is_none_or(|began| is_of_this_run(alert, began)) {
        page(drill, alert);
    }
}

/// A Prometheus that outlives the runs may still tell of what an earlier one did.
fn is_of_this_run(alert: &Alert, began: OffsetDateTime) -> bool {
    let since = alert.active_at.as_deref().unwrap_or_default();
    OffsetDateTime::parse(since, &Rfc3339).is_ok_and(|since| since >= began)
}

fn is_page(alert: &Alert) -> bool {
    alert.state == "firing"
        && alert
            .labels
            .get("severity")
            .is_some_and(|severity| severity == "page")
}

fn name(alert: &Alert) -> &str {
    alert.labels.get("alertname").map_or("", String::as_str)
}

/// The first of its name is a page.
fn page(drill: &Drill, alert: &Alert) {
    let annotation = |key| alert.annotations.get(key).cloned().unwrap_or_default();
    let at = now();
    let page = Page {
        at: instant::text(at),
        alert: name(alert).to_owned(),
        summary: annotation("summary"),
        description: annotation("description"),
    };
    let is_new = drill.update(|state| {
        if state.pages.iter().any(|before| before.alert == page.alert) {
            return false;
        }
        state.moments.page.get_or_insert(at);
        state.pages.push(page.clone());
        if matches!(state.phase, Phase::Baseline | Phase::Traffic) {
            state.phase = Phase::Paged;
        }
        true
    });
    if !is_new {
        return;
    }
    drill.say(Event::Page {
        at,
        alert: page.alert,
        labels: alert.labels.clone(),
        summary: page.summary,
        description: page.description,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_before_the_run_is_not_of_this_run() {
        let began = time::macros::datetime!(2026-11-23 14:00:00 UTC);
        for (since, expected) in [
            (Some("2026-11-23T14:00:30.123Z"), true),
            (Some("2026-11-23T14:00:00Z"), true),
            (Some("2026-11-23T15:59:59+02:00"), false),
            (Some("2026-11-23T13:59:59Z"), false),
            (Some("yesterday"), false),
            (None, false),
        ] {
            let alert = Alert {
                labels: Default::default(),
                annotations: Default::default(),
                state: "firing".to_owned(),
                active_at: since.map(str::to_owned),
                value: String::new(),
            };
            assert_eq!(is_of_this_run(&alert, began), expected, "{since:?}");
        }
    }
}
