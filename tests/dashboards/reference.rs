//! What `docs/telemetry.md` says that services emit, and whether an expression names only that.

use std::collections::{BTreeMap, BTreeSet};

use promql::{Expr, MatchOp, Matcher, parse};
use serde::Deserialize;

use crate::telemetry::{rows, words};

/// Labels of every target.
const OF_TARGETS: [&str; 3] = ["job", "service", "instance"];

/// Labels of the series of alerts, beside those of what the alert's expression gave.
const OF_ALERTS: [&str; 3] = ["alertname", "alertstate", "severity"];

pub(super) struct Reference {
    /// Labels by the name of a series.
    series: BTreeMap<String, BTreeSet<String>>,
    /// The values of those labels that have few, by label.
    values: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Reference {
    pub(super) fn read() -> Self {
        let mut series = BTreeMap::new();
        let mut all: BTreeSet<String> = OF_TARGETS.map(str::to_owned).into();
        for row in rows(&["metric", "kind", "labels"]) {
            let name = row[0].trim_matches('`');
            let mut labels: BTreeSet<String> = words(row[2])
                .into_iter()
                .chain(OF_TARGETS)
                .map(str::to_owned)
                .collect();
            all.extend(labels.clone());
            if row[1] != "histogram" {
                series.insert(name.to_owned(), labels);
                continue;
            }
            for end in ["_sum", "_count"] {
                series.insert(format!("{name}{end}"), labels.clone());
            }
            labels.insert("le".to_owned());
            series.insert(format!("{name}_bucket"), labels);
        }
        for row in rows(&["metric", "meaning"]) {
            for name in words(row[0]) {
                let mut labels: BTreeSet<String> = OF_TARGETS.map(str::to_owned).into();
                if name.starts_with("ALERTS") {
                    labels.extend(OF_ALERTS.map(str::to_owned));
                    labels.extend(all.clone());
                }
                series.insert(name.to_owned(), labels);
            }
        }
        let mut values = BTreeMap::new();
        for row in rows(&["label", "values"]) {
            let labels = words(row[0]);
            // Those of the others are examples.
            let is_listed = !row[1].contains("such as") && !row[1].contains('…');
            let found = words(row[1]);
            if is_listed && !found.is_empty() && !row[0].contains("http_") {
                let labels = labels.into_iter();
                values.extend(labels.map(|label| (label, found.clone())));
            }
        }
        assert!(
            series.len() > 50 && values.len() > 5,
            "{} series, {values:?}",
            series.len()
        );
        Self { series, values }
    }

    /// Whether any series has that label.
    pub(super) fn has_label(&self, label: &str) -> bool {
        self.series.values().any(|labels| labels.contains(label))
    }

    /// Says what an expression names that nothing emits.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let expr = parse(text).map_err(|error| format!("{error}: {text}"))?;
        let mut walk = Walk {
            reference: self,
            at_hand: BTreeSet::new(),
            named: BTreeSet::new(),
        };
        walk.expr(&expr)?;
        match walk.named.difference(&walk.at_hand).next() {
            Some(label) => Err(format!("nothing here has the label `{label}`: {text}")),
            None => Ok(()),
        }
    }
}

struct Walk<'a> {
    reference: &'a Reference,
    /// Labels that what is selected has, or that are made on the way.
    at_hand: BTreeSet<String>,
    /// Labels that are grouped or matched by.
    named: BTreeSet<String>,
}

impl Walk<'_> {
    fn expr(&mut self, expr: &Expr) -> Result<(), String> {
        match expr {
            Expr::Aggregate(found) => {
                let modifier = found.modifier.iter();
                let labels = modifier.flat_map(|modifier| modifier.labels().labels.clone());
                self.named.extend(labels);
                found.param.iter().try_for_each(|param| self.expr(param))?;
                self.expr(&found.expr)
            }
            Expr::Binary(found) => {
                if let Some(modifier) = &found.modifier {
                    let matching = modifier.matching.iter();
                    let matched = matching.flat_map(|one| one.labels().labels.clone());
                    let carried = modifier.card.labels().into_iter();
                    let carried = carried.flat_map(|labels| labels.labels.clone());
                    self.named.extend(matched.chain(carried));
                }
                self.expr(&found.lhs)?;
                self.expr(&found.rhs)
            }
            Expr::Unary(found) => self.expr(&found.expr),
            Expr::Paren(found) => self.expr(&found.expr),
            Expr::Subquery(found) => self.expr(&found.expr),
            Expr::VectorSelector(found) => self.select(&found.name, &found.matchers.matchers),
            Expr::MatrixSelector(found) => self.select(&found.vs.name, &found.vs.matchers.matchers),
            Expr::Call(found) => {
                if let ("label_replace" | "label_join", [_, made, ..]) =
                    (found.func.name, found.args.args.as_slice())
                    && let Expr::StringLiteral(made) = &**made
                {
                    self.at_hand.insert(made.val.clone());
                }
                found.args.args.iter().try_for_each(|arg| self.expr(arg))
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(()),
            Expr::Extension(_) => Err("an extension of the language".to_owned()),
        }
    }

    fn select(&mut self, name: &Option<String>, matchers: &[Matcher]) -> Result<(), String> {
        let name = name.as_deref().ok_or("a selector without a name")?;
        let labels = self.reference.series.get(name);
        let labels = labels.ok_or(format!("nothing emits `{name}`"))?;
        for matcher in matchers {
            let (label, value) = (matcher.name.as_str(), matcher.value.as_str());
            if !labels.contains(label) {
                return Err(format!("`{name}` has no label `{label}`"));
            }
            let listed = self.reference.values.get(label);
            if matcher.op == MatchOp::Equal && listed.is_some_and(|all| !all.contains(value)) {
                return Err(format!("`{label}` of `{name}` is never `{value}`"));
            }
        }
        self.at_hand.extend(labels.clone());
        Ok(())
    }
}

/// An alert rule.
#[derive(Deserialize)]
pub(super) struct Rule {
    pub(super) alert: String,
    pub(super) expr: String,
    pub(super) annotations: BTreeMap<String, String>,
}

/// The alert rules of the shop.
pub(super) fn rules() -> Vec<Rule> {
    #[derive(Deserialize)]
    struct Group {
        rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct File {
        groups: Vec<Group>,
    }
    let text = include_str!("../../compose/prometheus/rules/shop.yml");
    let file: File = serde_yaml_ng::from_str(text).expect("rules");
    let rules: Vec<Rule> = file.groups.into_iter().flat_map(|one| one.rules).collect();
    assert!(rules.len() >= 6, "{} rules", rules.len());
    rules
}
