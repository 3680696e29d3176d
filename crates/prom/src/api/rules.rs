//! Rules and alerts.

use axum::extract::State;
use serde_json::{Value, json};

use super::answer::{Answer, Error, Pairs, success};
use super::form::Form;
use super::time_param::rfc3339;
use super::{App, selector};
use crate::number;
use crate::rules::{Alert, Group, Health, Rule, RuleKind};
use promql::Matcher;

/// `/alerts`.
pub(super) async fn alerts(State(app): State<App>) -> Answer {
    let groups = app.rules.groups();
    let alerts = groups
        .iter()
        .flat_map(|group| &group.rules)
        .flat_map(Rule::alerts);
    let alerts: Vec<Value> = alerts.map(alert).collect();
    success(&json!({ "alerts": alerts }))
}

fn alert(alert: &Alert) -> Value {
    let mut value = json!({
        "labels": Pairs(&alert.labels),
        "annotations": pairs(&alert.annotations),
        "state": alert.state.name(),
        "activeAt": rfc3339(Some(alert.active_at_ms)),
        "value": number::exponent(alert.value),
    });
    if let Some(since_ms) = alert.keep_firing_since_ms {
        value["keepFiringSince"] = rfc3339(Some(since_ms)).into();
    }
    value
}

fn pairs(pairs: &[(String, String)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    Value::Object(pairs.collect())
}

/// Which rules a request wants.
struct Filter {
    with_alerting: bool,
    with_recording: bool,
    with_alerts: bool,
    names: Vec<String>,
    sets: Vec<Vec<Matcher>>,
}

impl Filter {
    fn of(form: &Form) -> Result<Filter, Error> {
        let kind = form.get("type").to_lowercase();
        if !matches!(kind.as_str(), "" | "alert" | "record") {
            let what = format!("not supported value {kind:?}");
            return Err(Error::parameter("type", what));
        }
        let without_alerts = match form.get("exclude_alerts").to_lowercase().as_str() {
            "" | "false" | "0" | "f" => false,
            "true" | "1" | "t" => true,
            other => {
                let what = format!("{other:?} is neither true nor false");
                return Err(Error::parameter("exclude_alerts", what));
            }
        };
        Ok(Filter {
            with_alerting: kind != "record",
            with_recording: kind != "alert",
            with_alerts: !without_alerts,
            names: form.all("rule_name[]").map(str::to_owned).collect(),
            sets: selector::sets(form)?,
        })
    }

    fn wants(&self, rule: &Rule) -> bool {
        let is_kind = match rule.kind {
            RuleKind::Alert(_) => self.with_alerting,
            RuleKind::Record => self.with_recording,
        };
        let holds = |matcher: &Matcher| {
            matcher.is_match(rule.labels.get(&matcher.name).unwrap_or_default())
        };
        is_kind
            && (self.names.is_empty() || self.names.contains(&rule.name))
            && (self.sets.is_empty() || self.sets.iter().any(|set| set.iter().all(holds)))
    }
}

/// `/rules`.
pub(super) async fn rules(State(app): State<App>, form: Form) -> Answer {
    let filter = Filter::of(&form)?;
    let wanted = |name: &str, value: &str| {
        let mut all = form.all(name).peekable();
        all.peek().is_none() || all.any(|known| known == value)
    };
    let mut groups = app.rules.groups();
    // Prometheus answers in this order, whatever that of the configuration.
    groups.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    let groups: Vec<Value> = groups
        .iter()
        .filter(|group| wanted("rule_group[]", &group.name) && wanted("file[]", &group.file))
        .filter_map(|group| group_json(group, &filter))
        .collect();
    success(&json!({ "groups": groups }))
}

fn group_json(group: &Group, filter: &Filter) -> Option<Value> {
    let rules = group.rules.iter().filter(|rule| filter.wants(rule));
    let rules: Vec<Value> = rules.map(|rule| rule_json(rule, filter)).collect();
    let value = json!({
        "name": group.name,
        "file": group.file,
        "rules": rules,
        "interval": group.interval.as_secs_f64(),
        "limit": group.limit,
        "evaluationTime": group.duration.as_secs_f64(),
        "lastEvaluation": rfc3339(group.last_ms),
    });
    (!rules.is_empty()).then_some(value)
}

fn rule_json(rule: &Rule, filter: &Filter) -> Value {
    let query =
        promql::parse(&rule.query).map_or_else(|_| rule.query.clone(), |query| query.to_string());
    let mut value = json!({
        "name": rule.name,
        "query": query,
        "labels": Pairs(&rule.labels),
        "health": match rule.health {
            Health::Unknown => "unknown",
            Health::Good => "ok",
            Health::Failed(_) => "err",
        },
        "evaluationTime": rule.duration.as_secs_f64(),
        "lastEvaluation": rfc3339(rule.last_ms),
        "type": "recording",
    });
    if let Health::Failed(error) = &rule.health {
        value["lastError"] = error.as_str().into();
    }
    if let RuleKind::Alert(own) = &rule.kind {
        let alerts = rule.alerts().filter(|_| filter.with_alerts).map(alert);
        value["type"] = "alerting".into();
        value["state"] = rule.state().name().into();
        value["duration"] = own.hold.as_secs_f64().into();
        value["keepFiringFor"] = own.keep_firing_for.as_secs_f64().into();
        value["annotations"] = pairs(&own.annotation_sources);
        value["alerts"] = alerts.collect();
    }
    value
}
