//! The pager: whatever alert of severity `page` fires in Prometheus is a page. The runner pages nobody by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use grader::evidence::prometheus::Alert;
use tokio::time::{MissedTickBehavior, interval};

use super::drill::{Drill, Phase};
use super::event::Event;
use crate::clock::{now, rfc3339};
use crate::control::Page;

/// How often Prometheus is asked.
const EVERY: Duration = Duration::from_millis(500);

/// Watches the alerts until the drill ends. Each alert name pages once.
pub(super) async fn watch(drill: Arc<Drill>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut paged = BTreeSet::new();
    loop {
        ticks.tick().await;
        // A Prometheus that does not answer now is asked again at the next tick.
        let Ok(alerts) = drill.sources.prometheus.alerts().await else {
            continue;
        };
        for alert in alerts.iter().filter(|alert| is_page(alert)) {
            if paged.insert(name(alert).to_owned()) {
                page(&drill, alert);
            }
        }
    }
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

fn page(drill: &Drill, alert: &Alert) {
    let annotation = |key| alert.annotations.get(key).cloned().unwrap_or_default();
    let at = now();
    let page = Page {
        at: rfc3339(at),
        alert: name(alert).to_owned(),
        summary: annotation("summary"),
        description: annotation("description"),
    };
    drill.update(|state| {
        state.moments.page.get_or_insert(at);
        state.pages.push(page.clone());
        if matches!(state.phase, Phase::Baseline | Phase::Traffic) {
            state.phase = Phase::Paged;
        }
    });
    drill.say(Event::Page {
        at: page.at,
        alert: page.alert,
        labels: serde_json::to_value(&alert.labels).unwrap_or_default(),
        summary: page.summary,
        description: page.description,
    });
}
