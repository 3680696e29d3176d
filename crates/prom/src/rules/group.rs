//! A group of rules: evaluated in order, at one moment, into the store.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use super::alert::{self, Alert, Alerts, Delays, Finding, State};
use super::template::{Scope, Template};
use crate::store::{Batch, Store};
use promql::{Labels, METRIC_NAME, STALE, Sample, Value, VectorSample};

/// Rules that are evaluated together, in order.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Unique within its file.
    pub name: String,
    /// The path of its file.
    pub file: String,
    /// From evaluation to evaluation.
    pub interval: Duration,
    /// How far back from the moment of evaluation the expressions look.
    pub offset: Duration,
    /// Series or alerts that a rule may yield; 0 for any number.
    pub limit: usize,
    /// The rules.
    pub rules: Vec<Rule>,
    /// When it was evaluated last, Unix milliseconds.
    pub last_ms: Option<i64>,
    /// How long that took.
    pub duration: Duration,
}

/// One rule and what its last evaluation brought.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Name of the alert or of the recorded metric.
    pub name: String,
    /// The expression.
    pub query: String,
    /// Labels that it adds, as written in the file.
    pub labels: Labels,
    /// What it is for.
    pub kind: RuleKind,
    /// How the last evaluation went.
    pub health: Health,
    /// When it was evaluated last, Unix milliseconds.
    pub last_ms: Option<i64>,
    /// How long that took.
    pub duration: Duration,
    alerts: Alerts,
    /// The series that it wrote last.
    written: HashSet<Labels>,
}

/// What a rule is for.
#[derive(Debug, Clone)]
pub enum RuleKind {
    /// It writes its result as a metric.
    Record,
    /// It raises alerts.
    Alert(Box<AlertRule>),
}

/// What only alerting rules have.
#[derive(Debug, Clone)]
pub struct AlertRule {
    /// How long the expression must yield the alert before it fires.
    pub hold: Duration,
    /// How long it goes on firing afterwards.
    pub keep_firing_for: Duration,
    /// Annotations as written in the file.
    pub annotation_sources: Vec<(String, String)>,
    pub(super) labels: Vec<(String, Template)>,
    pub(super) annotations: Vec<(String, Template)>,
}

/// How an evaluation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// There was no evaluation.
    Unknown,
    /// It succeeded.
    Good,
    /// It failed, and why.
    Failed(String),
}

impl Group {
    /// Evaluates all rules at `t_ms`; what one writes the next ones see.
    pub(super) fn evaluate(&mut self, store: &Store, options: &promql::Options, t_ms: i64) {
        let started = Instant::now();
        let offset_ms = i64::try_from(self.offset.as_millis()).unwrap_or(i64::MAX);
        for rule in &mut self.rules {
            let started = Instant::now();
            let query_ms = t_ms.saturating_sub(offset_ms);
            let result = promql::instant(store, &rule.query, query_ms, options)
                .map_err(|error| error.to_string())
                .and_then(|answer| vector(answer.value))
                .and_then(|found| rule.take(store, found, self.limit, t_ms));
            rule.health = match result {
                Ok(()) => Health::Good,
                Err(error) => Health::Failed(error),
            };
            rule.last_ms = Some(t_ms);
            rule.duration = started.elapsed();
        }
        self.last_ms = Some(t_ms);
        self.duration = started.elapsed();
    }
}

impl Rule {
    pub(super) fn new(name: String, query: String, labels: Labels, kind: RuleKind) -> Rule {
        Rule {
            name,
            query,
            labels,
            kind,
            health: Health::Unknown,
            last_ms: None,
            duration: Duration::ZERO,
            alerts: Alerts::new(),
            written: HashSet::new(),
        }
    }

    /// The active alerts.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The furthest state of any of its alerts.
    pub fn state(&self) -> State {
        let states = self.alerts.values().map(|alert| alert.state);
        states.max().unwrap_or(State::Inactive)
    }

    fn take(
        &mut self,
        store: &Store,
        found: Vec<VectorSample>,
        limit: usize,
        t_ms: i64,
    ) -> Result<(), String> {
        let series = match &self.kind {
            RuleKind::Record => self.record(found)?,
            RuleKind::Alert(rule) => {
                let findings = rule.findings(&self.name, &found)?;
                let holds = Delays {
                    before: rule.hold,
                    after: rule.keep_firing_for,
                };
                alert::advance(&mut self.alerts, findings, holds, t_ms);
                self.alert_series()
            }
        };
        let count = match &self.kind {
            RuleKind::Record => series.len(),
            RuleKind::Alert(_) => self.alerts.len(),
        };
        if limit > 0 && count > limit {
            self.alerts.clear();
            self.write(store.batch(), Vec::new(), t_ms);
            return Err(format!("{count} results; the limit is {limit}"));
        }
        self.write(store.batch(), series, t_ms);
        Ok(())
    }

    fn record(&self, found: Vec<VectorSample>) -> Result<Vec<(Labels, f64)>, String> {
        let mut known = HashSet::with_capacity(found.len());
        let mut series = Vec::with_capacity(found.len());
        for sample in found {
            let own = self.labels.iter();
            let labels = own.fold(sample.labels, |labels, (name, value)| {
                labels.with(name, value)
            });
            let labels = labels.with(METRIC_NAME, &self.name);
            if !known.insert(labels.clone()) {
                return Err(format!("two results have the labels `{labels}`"));
            }
            series.push((labels, sample.sample.value));
        }
        Ok(series)
    }

    fn alert_series(&self) -> Vec<(Labels, f64)> {
        let both = self.alerts.values().flat_map(|alert| {
            let state = alert.labels.with("alertstate", alert.state.name());
            let since_s = (alert.active_at_ms / 1_000) as f64;
            [
                (state.with(METRIC_NAME, "ALERTS"), 1.0),
                (alert.labels.with(METRIC_NAME, "ALERTS_FOR_STATE"), since_s),
            ]
        });
        both.collect()
    }

    /// Writes the series of this evaluation, and markers for those of the last one that are gone.
    fn write(&mut self, mut batch: Batch<'_>, series: Vec<(Labels, f64)>, t_ms: i64) {
        let mut written = HashSet::with_capacity(series.len());
        for (labels, value) in series {
            append(&mut batch, &labels, Sample { t_ms, value });
            written.insert(labels);
        }
        for labels in self.written.difference(&written) {
            let value = STALE;
            append(&mut batch, labels, Sample { t_ms, value });
        }
        self.written = written;
    }
}

fn append(batch: &mut Batch<'_>, labels: &Labels, sample: Sample) {
    // A store that is full refuses new series and counts that itself.
    if let Some(id) = batch.series(labels) {
        batch.append(id, sample);
    }
}

impl AlertRule {
    fn findings(
        &self,
        name: &str,
        found: &[VectorSample],
    ) -> Result<BTreeMap<Labels, Finding>, String> {
        let mut findings = BTreeMap::new();
        for sample in found {
            let base = sample.labels.without_name();
            let scope = Scope {
                labels: &base,
                value: sample.sample.value,
            };
            let own = self.labels.iter();
            let labels = own.fold(base.clone(), |labels, (name, template)| {
                labels.with(name, &template.expand(scope))
            });
            let labels = labels.with("alertname", name);
            let annotations = self.annotations.iter();
            let finding = Finding {
                annotations: annotations
                    .map(|(name, template)| (name.clone(), template.expand(scope)))
                    .collect(),
                value: sample.sample.value,
            };
            if findings.insert(labels.clone(), finding).is_some() {
                return Err(format!("two alerts have the labels `{labels}`"));
            }
        }
        Ok(findings)
    }
}

/// The result of a rule's expression as a vector.
fn vector(value: Value) -> Result<Vec<VectorSample>, String> {
    match value {
        Value::Vector(found) => Ok(found),
        Value::Scalar(sample) => Ok(vec![VectorSample {
            labels: Labels::empty(),
            sample,
        }]),
        Value::String(..) | Value::Matrix(_) => {
            Err("the expression yields neither a vector nor a scalar".to_owned())
        }
    }
}
