//! The part of Go's text templates that alert rules use in labels and annotations.
//!
//! ```text
//! text {{ $value | humanizePercentage }} text {{ if gt $value 1.0 }}…{{ else }}…{{ end }}
//! ```
//!
//! Templates are read when a rule file is loaded, so that a mistake in one is reported there and not in the
//! middle of an incident. Queries inside templates, variables and loops are refused.

mod function;
mod parse;
#[cfg(test)]
mod tests;

use crate::number;
use function::Function;
use promql::Labels;

/// A template that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Node>);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Print(Expression),
    If {
        condition: Expression,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Text(String),
    Number(f64),
    Value,
    /// All labels.
    Labels,
    Label(String),
    Call(Function, Vec<Expression>),
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `{{` without `}}`.
    #[error("`{{{{` is not closed")]
    Unclosed,
    /// `{{ if }}` without `{{ end }}`, or the other way round.
    #[error("`{0}` has no counterpart")]
    Unbalanced(&'static str),
    /// A function that is not there.
    #[error("function `{0}` is not known")]
    UnknownFunction(String),
    /// Something that could not be read.
    #[error("`{0}` is not understood here")]
    Unexpected(String),
    /// A function with too few or too many arguments.
    #[error("`{0}` takes {1} arguments")]
    Arity(&'static str, usize),
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
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Template, Error> {
        parse::template(text).map(Template)
    }

    /// The text for one sample. What goes wrong then, say the number of a text, stands in its place.
    pub fn expand(&self, scope: Scope<'_>) -> String {
        let mut text = String::new();
        expand(&self.0, scope, &mut text);
        text
    }
}

/// What an expression evaluates to.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
    Truth(bool),
}

impl Value {
    fn show(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number::general(*number, None),
            Value::Truth(truth) => truth.to_string(),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Value::Text(text) => text.parse().ok(),
            Value::Number(number) => Some(*number),
            Value::Truth(_) => None,
        }
    }

    fn is_true(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Number(number) => *number != 0.0,
            Value::Truth(truth) => *truth,
        }
    }
}

fn expand(nodes: &[Node], scope: Scope<'_>, text: &mut String) {
    for node in nodes {
        match node {
            Node::Text(plain) => text.push_str(plain),
            Node::Print(expression) => text.push_str(&evaluate(expression, scope).show()),
            Node::If {
                condition,
                then,
                otherwise,
            } => {
                let is_true = evaluate(condition, scope).is_true();
                expand(if is_true { then } else { otherwise }, scope, text);
            }
        }
    }
}

fn evaluate(expression: &Expression, scope: Scope<'_>) -> Value {
    match expression {
        Expression::Text(text) => Value::Text(text.clone()),
        Expression::Number(number) => Value::Number(*number),
        Expression::Value => Value::Number(scope.value),
        Expression::Labels => Value::Text(scope.labels.to_string()),
        Expression::Label(name) => {
            Value::Text(scope.labels.get(name).unwrap_or_default().to_owned())
        }
        Expression::Call(function, arguments) => {
            let arguments: Vec<Value> = arguments
                .iter()
                .map(|argument| evaluate(argument, scope))
                .collect();
            function.call(&arguments)
        }
    }
}
