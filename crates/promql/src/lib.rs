//! PromQL over any source of samples, with the semantics of Prometheus 3.
//!
//! ```text
//! text -> parse (promql-parser, checks, positions) -> evaluate over all steps at once -> Answer
//!                                                        |
//!                                                     Source::select, once per selector
//! ```
//!
//! It knows nothing of scraping, storage or HTTP. Native histograms are out of scope.

mod aggregate;
mod annotation;
mod binary;
mod error;
mod eval;
mod function;
mod kahan;
mod label;
mod parse;
mod quantile;
mod range;
mod re2;
mod row;
mod select;
mod source;
mod tree;
mod value;
mod window;

pub use error::Error;
pub use label::{Labels, METRIC_NAME};
pub use promql_parser::label::{MatchOp, Matcher};
pub use promql_parser::parser::{Expr, LabelModifier};
pub use source::{Options, Source};
pub use value::{Answer, STALE, Sample, Series, Value, VectorSample, is_stale};

use eval::Evaluator;
use promql_parser::parser::value::ValueType;
use row::Steps;

/// Parses an expression and checks it, without evaluating it.
///
/// An expression from outside must pass here and not go to the parser directly: that panics on some input and recurses
/// without a bound on other.
pub fn parse(expression: &str) -> Result<Expr, Error> {
    parse::parse(expression)
}

/// The matchers of a series selector such as `up{job="shop"}`, that of the name among them.
pub fn selector(text: &str) -> Result<Vec<Matcher>, Error> {
    match parse::parse(text)? {
        Expr::VectorSelector(found) if found.offset.is_none() && found.at.is_none() => {
            Ok(tree::matchers_of(&found))
        }
        _ => Err(Error::BadData(format!(
            "`{text}` is not a series selector without modifiers"
        ))),
    }
}

/// The matchers of every series selector in an expression, in the order in which they stand there.
pub fn selectors(expression: &str) -> Result<Vec<Vec<Matcher>>, Error> {
    let mut expr = parse::parse(expression)?;
    let mut found = Vec::new();
    tree::visit_selectors(&mut expr, &mut |selector| {
        found.push(tree::matchers_of(selector))
    });
    Ok(found)
}

/// Evaluates an expression at one moment, `at_ms` in Unix milliseconds.
pub fn instant(
    source: &dyn Source,
    expression: &str,
    at_ms: i64,
    options: &Options,
) -> Result<Answer, Error> {
    let expr = parse::parse(expression)?;
    let steps = Steps {
        start_ms: within_bounds(at_ms)?,
        step_ms: 1,
        count: 1,
    };
    let evaluator = Evaluator::new(source, options, steps, at_ms);
    let (value, annotations) = evaluator.instant(&expr)?;
    Ok(annotations.answer(value, || parse::positions(expression, &expr)))
}

/// Evaluates an expression at `start_ms`, `start_ms + step_ms`, … up to and including `end_ms`; the value is a matrix.
///
/// Prometheus's API refuses more than 11,000 steps itself; here only [`Options::max_samples`] bounds them.
pub fn range(
    source: &dyn Source,
    expression: &str,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &Options,
) -> Result<Answer, Error> {
    let expr = parse::parse(expression)?;
    let kind = match expr.value_type() {
        ValueType::Vector | ValueType::Scalar => None,
        ValueType::Matrix => Some("range vector"),
        ValueType::String => Some("string"),
    };
    if let Some(kind) = kind {
        let text = "for range query, must be Scalar or instant Vector";
        return Err(Error::BadData(format!(
            "invalid expression type \"{kind}\" {text}"
        )));
    }
    if step_ms <= 0 {
        return Err(Error::BadData(
            "the step of a range query must be positive".to_owned(),
        ));
    }
    let start_ms = within_bounds(start_ms)?;
    let end_ms = within_bounds(end_ms)?;
    if end_ms < start_ms {
        return Err(Error::BadData(
            "the end of a range query must not be before its start".to_owned(),
        ));
    }
    let steps = Steps {
        start_ms,
        step_ms,
        count: ((end_ms - start_ms) / step_ms) as usize + 1,
    };
    let evaluator = Evaluator::new(source, options, steps, end_ms);
    let (value, annotations) = evaluator.range(&expr)?;
    Ok(annotations.answer(value, || parse::positions(expression, &expr)))
}

fn within_bounds(time_ms: i64) -> Result<i64, Error> {
    if time_ms.unsigned_abs() > select::FAR_MS.unsigned_abs() {
        return Err(Error::BadData(format!(
            "the time {time_ms} ms is out of bounds"
        )));
    }
    Ok(time_ms)
}

#[cfg(test)]
mod tests;
