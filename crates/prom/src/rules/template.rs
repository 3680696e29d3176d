//! The part of Go's text templates that rule files use in labels and annotations.
//!
//! ```text
//! text {{ $labels.service }} text {{ $value | humanizePercentage }} text {{ printf "%.2f" $value }}
//! ```
//!
//! A template is read when its rule file is loaded, and everything else that Go's templates can do is refused there:
//! a mistake must not wait for the middle of an incident.

mod humanize;
mod parse;
mod printf;
#[cfg(test)]
mod tests;

use crate::number;
use humanize::Humanize;
use promql::Labels;

/// A template that has been read.
#[derive(Debug, Clone)]
pub struct Template(Vec<Node>);

#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Print(Expression),
}

#[derive(Debug, Clone)]
enum Expression {
    Value,
    /// The value with that many decimals.
    Decimals(usize),
    /// The value with that many significant digits, or as few as needed.
    Digits(Option<usize>),
    Label(String),
    Humanize(Humanize, Box<Expression>),
    Printf(Vec<Node>),
}

/// What a template is expanded with.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Labels of the sample.
    pub labels: &'a Labels,
    /// Value of the sample.
    pub value: f64,
}

impl Template {
    /// Reads a template; the error says why it is refused.
    pub fn parse(text: &str) -> Result<Template, String> {
        parse::template(text).map(Template)
    }

    /// The text for one sample.
    pub fn expand(&self, scope: Scope<'_>) -> String {
        expand(&self.0, scope)
    }
}

fn expand(nodes: &[Node], scope: Scope<'_>) -> String {
    let texts = nodes.iter().map(|node| match node {
        Node::Text(text) => text.clone(),
        Node::Print(expression) => expression.text(scope),
    });
    texts.collect()
}

impl Expression {
    fn text(&self, scope: Scope<'_>) -> String {
        match self {
            Expression::Value => number::general(scope.value, None),
            Expression::Decimals(count) if scope.value.is_finite() => {
                format!("{:.count$}", scope.value)
            }
            Expression::Decimals(_) => number::general(scope.value, None),
            Expression::Digits(count) => number::general(scope.value, *count),
            Expression::Label(name) => scope.labels.get(name).unwrap_or_default().to_owned(),
            // A label that is not a number stays as it is.
            Expression::Humanize(humanize, inner) => match inner.number(scope) {
                Some(number) => humanize(number),
                None => inner.text(scope),
            },
            Expression::Printf(nodes) => expand(nodes, scope),
        }
    }

    fn number(&self, scope: Scope<'_>) -> Option<f64> {
        match self {
            Expression::Value => Some(scope.value),
            other => other.text(scope).parse().ok(),
        }
    }
}
