//! An expression, read as evidence: what may change an answer without a change of the system is refused or taken out.
//!
//! Windows are shortened to fit into a baseline of some seconds, and counters that are not looked at by their rate are.
//! Both are done here and for every reference alike, so that the comparison is fair, whatever window was written.

use std::collections::BTreeSet;

use ::promql::{Expr, LabelModifier};

use super::promql::{IDENTITY, LABELLING};

/// An expression as it is evaluated for its effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What is evaluated over the windows.
    pub text: String,
    /// What its answers come from: one sum for each selector, by the labels that say where and those of its answers.
    pub origins: Vec<String>,
    /// Whether its answers' labels are the ones that were scraped.
    pub is_labelled: bool,
    /// Whether its answers are events a second, so that their number says how likely chance is.
    pub is_rate: bool,
    /// Changes smaller than this are noise, in the unit of the answer; 0 where no such size is known.
    pub floor: f64,
    /// How far its answers look back, in seconds; 0 for one that looks at a moment.
    pub looks_back_s: f64,
}

/// Functions that tell the date or the time of day, whatever the system does.
pub(crate) const CALENDAR: [&str; 8] = [
    "minute",
    "hour",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
];
/// Metrics that say what ran, what fired, and how the scrape went.
const NEVER: [&str; 5] = [
    "ALERTS",
    "ALERTS_FOR_STATE",
    "up",
    "build_info",
    "process_start_time_seconds",
];
/// Smaller changes of a latency are noise, in seconds: a cleanup query varies by as much on a busy machine.
const LATENCY_FLOOR_S: f64 = 0.01;
/// Labels that say where a series comes from.
const ORIGIN: [&str; 2] = ["service", "target"];
/// Shortest and longest window of a rate, in seconds; a quarter of the baseline lies between.
const WINDOW_S: (f64, f64) = (10.0, 30.0);

impl Expression {
    /// Reads an expression for a run with so long a baseline; or why it can have no effect, in one sentence without its
    /// full stop.
    pub fn read(text: &str, baseline_s: f64) -> Result<Self, String> {
        let window_s = (baseline_s / 4.0).clamp(WINDOW_S.0, WINDOW_S.1).round() as u64;
        let mut expr = ::promql::parse(text).map_err(|error| error.to_string())?;
        without_ages(&mut expr);
        let mut reading = Reading {
            window: std::time::Duration::from_secs(window_s),
            ..Reading::default()
        };
        reading.walk(&mut expr, false)?;
        Ok(Self {
            text: expr.to_string(),
            origins: reading.origins,
            is_labelled: !reading.relabels,
            is_rate: is_rate(&expr),
            floor: if is_latency(&mut expr) {
                LATENCY_FLOOR_S
            } else {
                0.0
            },
            looks_back_s: reading.longest.as_secs_f64(),
        })
    }

    /// From when on the answers in a baseline between two times are about nothing earlier, such as the first seconds of
    /// traffic; half of the baseline is kept at least.
    pub fn settled_s(&self, from_s: f64, to_s: f64) -> f64 {
        from_s + self.looks_back_s.min((to_s - from_s) / 2.0)
    }
}

/// Whether the answer is in seconds: a quantile of a histogram of seconds, or the sum of one divided by its count.
fn is_latency(expr: &mut Expr) -> bool {
    let end_with = |expr: &mut Expr, ends: &[&str]| {
        let metrics = metrics(expr);
        let is_of = |metric: &String| ends.iter().any(|end| metric.ends_with(end));
        !metrics.is_empty() && metrics.iter().all(is_of)
    };
    match expr {
        Expr::Paren(paren) => is_latency(&mut paren.expr),
        Expr::Aggregate(aggregate) => {
            let op = aggregate.op.to_string();
            ["max", "min", "avg", "topk", "bottomk"].contains(&op.as_str())
                && is_latency(&mut aggregate.expr)
        }
        Expr::Call(call) if call.func.name == "histogram_quantile" => {
            end_with(expr, &["_seconds_bucket", "_seconds"])
        }
        Expr::Binary(binary) if binary.op.to_string() == "/" => {
            end_with(&mut binary.lhs, &["_seconds_sum"])
                && end_with(&mut binary.rhs, &["_seconds_count"])
        }
        _ => false,
    }
}

/// Whether the answer is a rate, or the sum of some.
fn is_rate(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_rate(&paren.expr),
        Expr::Aggregate(aggregate) => aggregate.op.to_string() == "sum" && is_rate(&aggregate.expr),
        Expr::Call(call) => call.func.name == "rate",
        _ => false,
    }
}

/// Takes out `… and on (instance) time() - process_start_time_seconds > 20`: it says how long processes have run.
fn without_ages(expr: &mut Expr) {
    for child in children(expr) {
        without_ages(child);
    }
    let Expr::Binary(binary) = expr else { return };
    let is_filter = ["and", "unless"].contains(&binary.op.to_string().as_str());
    if is_filter && tells_time(&binary.rhs) {
        let kept = binary.lhs.as_ref().clone();
        *expr = kept;
    }
}

fn tells_time(expr: &Expr) -> bool {
    let mut expr = expr.clone();
    is_clock(&expr)
        || children(&mut expr)
            .into_iter()
            .any(|child| tells_time(child))
}

/// Whether a function's answer differs from one moment to the next.
fn tells_clock(function: &str) -> bool {
    ["time", "timestamp"].contains(&function) || CALENDAR.contains(&function)
}

fn is_clock(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => tells_clock(call.func.name),
        Expr::VectorSelector(selector) => {
            selector.name.as_deref() == Some("process_start_time_seconds")
        }
        _ => false,
    }
}

/// The expressions that one is made of.
fn children(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Paren(paren) => vec![&mut paren.expr],
        Expr::Unary(unary) => vec![&mut unary.expr],
        Expr::Subquery(subquery) => vec![&mut subquery.expr],
        Expr::Binary(binary) => vec![&mut binary.lhs, &mut binary.rhs],
        Expr::Aggregate(aggregate) => {
            let parameter = aggregate.param.as_deref_mut();
            parameter
                .into_iter()
                .chain([aggregate.expr.as_mut()])
                .collect()
        }
        Expr::Call(call) => call.args.args.iter_mut().map(Box::as_mut).collect(),
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Reading {
    window: std::time::Duration,
    /// The longest window that was met.
    longest: std::time::Duration,
    origins: Vec<String>,
    relabels: bool,
    /// Labels by which the aggregations around a selector group.
    grouped: BTreeSet<String>,
}

impl Reading {
    /// Reads one node; `in_range` where a function of a range is around it.
    fn walk(&mut self, expr: &mut Expr, in_range: bool) -> Result<(), String> {
        match expr {
            Expr::VectorSelector(selector) => {
                if selector.at.is_some() {
                    return Err(fixed());
                }
                let name = metric(selector.name.as_deref(), &selector.matchers.matchers)?;
                let is_rate = is_counter(&name) && !in_range;
                let text = selector.to_string();
                if is_rate {
                    self.longest = self.longest.max(self.window);
                    let rate = format!("rate({text}[{}s])", self.window.as_secs());
                    *expr = ::promql::parse(&rate).map_err(|error| error.to_string())?;
                }
                self.origin(&name, &text);
                Ok(())
            }
            Expr::MatrixSelector(matrix) => {
                if matrix.vs.at.is_some() {
                    return Err(fixed());
                }
                matrix.range = matrix.range.min(self.window);
                self.longest = self.longest.max(matrix.range);
                let name = metric(matrix.vs.name.as_deref(), &matrix.vs.matchers.matchers)?;
                let text = matrix.vs.to_string();
                self.origin(&name, &text);
                Ok(())
            }
            Expr::Subquery(subquery) => {
                if subquery.at.is_some() {
                    return Err(fixed());
                }
                subquery.range = subquery.range.min(self.window);
                self.longest = self.longest.max(subquery.range);
                // Prometheus's own default is as long as a whole incident.
                subquery.step = subquery
                    .step
                    .map(|step| step.min(std::time::Duration::from_secs(1)))
                    .or(Some(std::time::Duration::from_secs(1)));
                self.walk(&mut subquery.expr, false)
            }
            _ => {
                self.check(expr)?;
                for child in children(expr) {
                    self.walk(child, false)?;
                }
                Ok(())
            }
        }
    }

    fn check(&mut self, expr: &Expr) -> Result<(), String> {
        match expr {
            Expr::Call(call) if tells_clock(call.func.name) => Err(format!(
                "`{}()` differs from one moment to the next, whatever happens",
                call.func.name
            )),
            Expr::Call(call) => {
                self.relabels |= LABELLING.contains(&call.func.name);
                Ok(())
            }
            Expr::Aggregate(aggregate) if aggregate.op.to_string() == "count_values" => {
                Err("`count_values` makes a series of every value".to_owned())
            }
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(labels)) = &aggregate.modifier {
                    self.grouped.extend(labels.labels.iter().cloned());
                }
                Ok(())
            }
            // With `on` or `ignoring`, labels may come from one side and values from the other.
            Expr::Binary(binary) if binary.op.to_string() != "or" => {
                let modifier = binary.modifier.as_ref();
                self.relabels |= modifier.is_some_and(|modifier| modifier.matching.is_some());
                Ok(())
            }
            Expr::Binary(binary) => {
                let mut sides = (binary.lhs.as_ref().clone(), binary.rhs.as_ref().clone());
                let (left, right) = (metrics(&mut sides.0), metrics(&mut sides.1));
                match right.is_empty() || (left == right && left.len() == 1) {
                    true => Ok(()),
                    false => Err(
                        "it joins several metrics with `or`; one pointer shows one thing"
                            .to_owned(),
                    ),
                }
            }
            _ => Ok(()),
        }
    }

    fn origin(&mut self, name: &str, selector: &str) {
        let range = self.window.as_secs();
        let says_more = |label: &&String| {
            !ORIGIN.contains(&label.as_str())
                && !IDENTITY.contains(&label.as_str())
                && *label != "le"
        };
        let labels = self.grouped.iter().filter(says_more).map(String::as_str);
        let by: Vec<&str> = ORIGIN.into_iter().chain(labels).collect();
        let by = by.join(", ");
        let origin = match is_counter(name) {
            true => format!("sum by ({by}) (rate({selector}[{range}s]))"),
            false => format!("max by ({by}) ({selector})"),
        };
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }
}

fn fixed() -> String {
    "an `@` within the expression holds it fast at one moment".to_owned()
}

/// Metrics that an expression names.
fn metrics(expr: &mut Expr) -> BTreeSet<String> {
    let own = match expr {
        Expr::VectorSelector(selector) => selector.name.clone(),
        Expr::MatrixSelector(matrix) => matrix.vs.name.clone(),
        _ => None,
    };
    let below = children(expr).into_iter().flat_map(metrics);
    own.into_iter().chain(below).collect()
}

/// The metric of a selector; or why it can be none that shows something.
fn metric(name: Option<&str>, matchers: &[::promql::Matcher]) -> Result<String, String> {
    let by_label = matchers.iter().find(|matcher| {
        matcher.name == ::promql::METRIC_NAME && matcher.op == ::promql::MatchOp::Equal
    });
    let name = name
        .or_else(|| by_label.map(|matcher| matcher.value.as_str()))
        .ok_or("a selector names no metric, so it points at everything")?;
    if NEVER.contains(&name) || name.starts_with("scrape_") {
        return Err(format!(
            "`{name}` says what ran, what fired or how the scrape went, not how the system behaved"
        ));
    }
    Ok(name.to_owned())
}

/// Whether a metric counts since its process began; histograms are told by their unit.
pub(crate) fn is_counter(name: &str) -> bool {
    let of_histogram = ["_bucket", "_count", "_sum"].iter().any(|end| {
        let base = name.strip_suffix(end);
        base.is_some_and(|base| base.ends_with("_seconds") || base.ends_with("_bytes"))
    });
    of_histogram || name.ends_with("_total")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Expression, String> {
        Expression::read(text, 20.0)
    }

    #[test]
    fn windows_are_shortened_and_counters_are_looked_at_by_their_rate() {
        for (text, expected) in [
            ("rate(x_total[5m])", "rate(x_total[10s])"),
            ("rate(x_total[5s])", "rate(x_total[5s])"),
            ("sum(x_total)", "sum(rate(x_total[10s]))"),
            ("x_seconds_count", "rate(x_seconds_count[10s])"),
            ("db_client_connection_count", "db_client_connection_count"),
            (
                "histogram_quantile(0.9, sum by (le) (x_seconds_bucket))",
                "histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[10s])))",
            ),
            (
                "max_over_time(sum(rate(x_total[1m]))[1m:5s])",
                "max_over_time(sum(rate(x_total[10s]))[10s:1s])",
            ),
            (
                "max(deriv(x[20s]) and on (instance) time() - process_start_time_seconds > 20) or vector(0)",
                "max(deriv(x[10s])) or vector(0)",
            ),
            ("x # up", "x"),
        ] {
            assert_eq!(read(text).expect(text).text, expected, "{text}");
        }
    }

    #[test]
    fn what_changes_whatever_happens_has_no_effect() {
        for (text, why) in [
            ("ALERTS{alertstate=\"firing\"}", "`ALERTS` says"),
            ("sum(ALERTS_FOR_STATE)", "`ALERTS_FOR_STATE` says"),
            (
                "up{x=\"http_server_request_duration_seconds\"}",
                "`up` says",
            ),
            ("{__name__=\"up\"}", "`up` says"),
            ("build_info", "`build_info` says"),
            ("scrape_duration_seconds", "`scrape_duration_seconds` says"),
            ("time() - process_start_time_seconds", "`time()` differs"),
            (
                "process_start_time_seconds",
                "`process_start_time_seconds` says",
            ),
            ("x and on () (hour() > 3) or y", "joins several metrics"),
            ("vector(1) + on () hour()", "`hour()` differs"),
            ("{__name__=~\".+\"}", "names no metric"),
            ("{service=\"gateway\"}", "names no metric"),
            ("count_values(\"v\", x)", "series of every value"),
            ("x - x @ 17", "holds it fast"),
            ("rate(x_total[1m] @ 17)", "holds it fast"),
            ("x or y", "joins several metrics"),
            (
                "x + on () group_left () 0 * y or y + on () group_left () 0 * x",
                "joins several metrics",
            ),
        ] {
            let said = read(text).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
        for text in ["x or vector(0)", "rate(x_total[1m]) or x_total * 0"] {
            assert!(read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_answer_comes_from_what_is_selected_and_not_from_what_is_written() {
        let ratio = read("sum(rate(a_total{service=\"x\"}[1m])) / sum(b{job=\"y\"})")
            .expect("it can be read");
        assert_eq!(
            ratio.origins,
            [
                "sum by (service, target) (rate(a_total{service=\"x\"}[10s]))",
                "max by (service, target) (b{job=\"y\"})",
            ]
        );
        let grouped = read("sum by (code, instance, le, target) (rate(a_total[1m]))");
        assert_eq!(
            grouped.expect("it can be read").origins,
            ["sum by (service, target, code) (rate(a_total[10s]))"]
        );
        assert!(ratio.is_labelled);
        assert!(!ratio.is_rate && read("(sum(x_total))").expect("it can be read").is_rate);
        assert_eq!(ratio.floor, 0.0);
        for text in [
            "histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[1m])))",
            "max by (service) (rate(x_seconds_sum[1m]) / rate(x_seconds_count[1m]))",
        ] {
            assert_eq!(read(text).expect(text).floor, LATENCY_FLOOR_S, "{text}");
        }
        let renamed =
            read("label_replace(a, \"service\", \"x\", \"\", \"\")").expect("it can be read");
        assert!(!renamed.is_labelled);
        // The labels of one side with the values of the other.
        let borrowed = read(
            "max by (service) (x{service=\"a\"}) * 0 + on () group_left () sum(y{service=\"b\"})",
        );
        assert!(!borrowed.expect("it can be read").is_labelled);
    }
}
