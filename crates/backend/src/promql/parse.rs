//! From text to a checked expression.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

use super::{Error, METRIC_NAME};

/// Parses an expression and checks what the parser leaves unchecked.
pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    promql_parser::parser::parse(text)
        .map_err(|message| Error::BadData(format!("parse error: {message}")))
}

/// All matchers of a selector, that of the metric's name among them.
pub(super) fn matchers_of(selector: &VectorSelector) -> Vec<Matcher> {
    let name = selector.name.as_ref();
    let name = name.map(|name| Matcher::new(MatchOp::Equal, METRIC_NAME, name));
    let mut matchers: Vec<Matcher> = name.into_iter().collect();
    matchers.extend(selector.matchers.matchers.iter().cloned());
    matchers
}
