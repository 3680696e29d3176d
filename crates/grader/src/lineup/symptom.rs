//! What the page itself says. Everybody who was paged knows that, so it is no evidence for a cause.

use std::collections::BTreeSet;

use crate::effect::Change;
use crate::effect::expression::Expression;
use crate::reference::Reference;

/// The expression of an alert, as far as it says what a page shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Symptom {
    expr: String,
    /// Its metrics, a histogram by the name that its three have in common.
    metrics: BTreeSet<String>,
    /// The services that it is about; empty where it is about all.
    services: BTreeSet<String>,
}

impl Symptom {
    /// Of an alert's expression; one that cannot be read says nothing.
    pub fn of(expr: &str) -> Self {
        let mut services = BTreeSet::new();
        for selector in ::promql::selectors(expr).unwrap_or_default() {
            let equals = selector
                .into_iter()
                .filter(|one| one.op == ::promql::MatchOp::Equal && one.name == "service");
            services.extend(equals.map(|one| one.value));
        }
        Self {
            expr: expr.to_owned(),
            metrics: metrics(expr),
            services,
        }
    }

    /// Whether a change that an expression shows is what the page says: of the same metric, at the service that pages.
    pub(super) fn tells(&self, expression: &Expression, change: &Change) -> bool {
        let metrics = metrics(&expression.text);
        !metrics.is_empty()
            && metrics.is_subset(&self.metrics)
            && (self.services.is_empty() || change.owners().all(|one| self.services.contains(one)))
    }

    /// Whether a recording raises the alert as well, whatever else pages there.
    pub(super) fn is_raised_in(&self, reference: &Reference) -> bool {
        let expression = Expression::read(&self.expr, reference.baseline.length_s());
        expression
            .and_then(|expression| reference.promql(&expression))
            .is_ok_and(|effect| !effect.changes.is_empty())
    }
}

/// The metrics of an expression. The age of a process is none: it says since when there are samples.
fn metrics(expr: &str) -> BTreeSet<String> {
    let selectors = ::promql::selectors(expr).unwrap_or_default();
    let names = selectors.iter().flatten();
    let names = names.filter(|one| one.name == ::promql::METRIC_NAME);
    let names = names.filter(|one| one.value != "process_start_time_seconds");
    names.map(|one| base(&one.value).to_owned()).collect()
}

fn base(metric: &str) -> &str {
    let ends = ["_bucket", "_count", "_sum"];
    let ends = ends.iter().find_map(|end| metric.strip_suffix(end));
    ends.unwrap_or(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "sum by (http_route) (rate(x_seconds_count{service=\"gateway\", code=~\"5..\"}[30s])) / \
                        sum by (http_route) (rate(x_seconds_count{service=\"gateway\"}[30s])) > 0.1";

    #[test]
    fn what_the_page_says_is_its_metric_at_its_service() {
        for (page, expr, service, expected) in [
            (
                PAGE,
                "sum by (route) (rate(x_seconds_count[20s]))",
                "gateway",
                true,
            ),
            (
                PAGE,
                "histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[20s])))",
                "gateway",
                true,
            ),
            (
                PAGE,
                "sum by (route) (rate(x_seconds_count[20s]))",
                "checkout",
                false,
            ),
            (PAGE, "sum(rate(y_total[20s]))", "gateway", false),
            (
                PAGE,
                "sum(rate(x_seconds_count[20s])) / sum(rate(y_total[20s]))",
                "gateway",
                false,
            ),
            (
                "deriv(heap[20s]) > 9 and on (instance) time() - process_start_time_seconds > 20",
                "max(heap)",
                "checkout",
                true,
            ),
            ("", "max(heap)", "checkout", false),
        ] {
            let change = Change {
                services: [service.to_owned()].into(),
                ..Change::default()
            };
            let expression = Expression::read(expr, 20.0).expect(expr);
            assert_eq!(
                Symptom::of(page).tells(&expression, &change),
                expected,
                "{expr} {service}"
            );
        }
    }
}
