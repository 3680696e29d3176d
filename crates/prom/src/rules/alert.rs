//! The life of the alerts of one rule.
//!
//! ```text
//!            expression has it          for `for`            expression lacks it
//! (nothing) ------------------> pending ---------> firing ------------------------> (nothing)
//!                                  |                  \__ kept for `keep_firing_for`
//!                                  `-- expression lacks it --> (nothing)
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use promql::Labels;

/// Where an alert, or a rule with all its alerts, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The expression has nothing.
    Inactive,
    /// The expression has it, but not for long enough.
    Pending,
    /// Someone should act.
    Firing,
}

impl State {
    /// The word in the API and in the label `alertstate`.
    pub fn name(self) -> &'static str {
        match self {
            State::Inactive => "inactive",
            State::Pending => "pending",
            State::Firing => "firing",
        }
    }
}

/// One active alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its labels, `alertname` among them.
    pub labels: Labels,
    /// Its annotations, filled in for the last value.
    pub annotations: Vec<(String, String)>,
    /// Pending or firing.
    pub state: State,
    /// Since when the expression has had it, Unix milliseconds.
    pub active_at_ms: i64,
    /// Since when it only fires because it is kept, Unix milliseconds.
    pub keep_firing_since_ms: Option<i64>,
    /// The last value.
    pub value: f64,
}

/// What one evaluation found for one label set.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) annotations: Vec<(String, String)>,
    pub(super) value: f64,
}

/// The active alerts of a rule, by their labels.
pub(super) type Alerts = BTreeMap<Labels, Alert>;

/// How long an alert waits before it fires, and how long it stays after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    pub(super) before: Duration,
    pub(super) after: Duration,
}

/// Takes the findings of an evaluation at `t_ms` into account.
pub(super) fn advance(
    alerts: &mut Alerts,
    mut findings: BTreeMap<Labels, Finding>,
    holds: Delays,
    t_ms: i64,
) {
    let has_lasted =
        |since_ms: i64, hold: Duration| i128::from(t_ms - since_ms) >= hold.as_millis() as i128;
    alerts.retain(|labels, alert| match findings.remove(labels) {
        Some(finding) => {
            alert.value = finding.value;
            alert.annotations = finding.annotations;
            alert.keep_firing_since_ms = None;
            true
        }
        None if alert.state == State::Firing && !holds.after.is_zero() => {
            let since_ms = alert.keep_firing_since_ms.unwrap_or(t_ms).min(t_ms);
            alert.keep_firing_since_ms = Some(since_ms);
            !has_lasted(since_ms, holds.after)
        }
        None => false,
    });
    for (labels, finding) in findings {
        let alert = Alert {
            labels: labels.clone(),
            annotations: finding.annotations,
            state: State::Pending,
            active_at_ms: t_ms,
            keep_firing_since_ms: None,
            value: finding.value,
        };
        alerts.insert(labels, alert);
    }
    for alert in alerts.values_mut() {
        // After the clock went back, an alert cannot have begun later than this.
        alert.active_at_ms = alert.active_at_ms.min(t_ms);
        if alert.state == State::Pending && has_lasted(alert.active_at_ms, holds.before) {
            alert.state = State::Firing;
        }
    }
}
