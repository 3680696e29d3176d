//! `printf`: the verbs `%s`, `%v`, `%f`, `%g` and `%%`, the two of numbers also with a precision.

use super::{Expression, Node};

/// Why a format is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A verb, flag or width that is not supported.
    #[error("`%{0}` is not supported, only %s, %v, %f, %.2f, %g, %.2g and %% are")]
    Verb(String),
    /// A verb for another type.
    #[error("`%{0}` does not fit its argument: $value is a number, everything else is text")]
    Type(String),
    /// Too many or too few arguments.
    #[error("the number of verbs differs from the number of arguments")]
    Count,
}

/// The format with its arguments in place.
pub(super) fn nodes(format: &str, arguments: Vec<Expression>) -> Result<Vec<Node>, Error> {
    let mut nodes = Vec::new();
    let mut arguments = arguments.into_iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        let is_end = |c: char| c == '%' || c.is_ascii_alphabetic();
        let end = after.find(is_end).map_or(after.len(), |at| at + 1);
        let verb = &after[..end];
        nodes.push(Node::Text(before.to_owned()));
        nodes.push(match verb {
            "%" => Node::Text("%".to_owned()),
            _ => Node::Print(formatted(verb, arguments.next().ok_or(Error::Count)?)?),
        });
        rest = &after[end..];
    }
    nodes.push(Node::Text(rest.to_owned()));
    arguments.next().map_or(Ok(nodes), |_| Err(Error::Count))
}

fn formatted(verb: &str, argument: Expression) -> Result<Expression, Error> {
    let unsupported = || Error::Verb(verb.to_owned());
    let precision = |text: &str| match text.strip_prefix('.') {
        Some(digits) => digits.parse().map(Some).map_err(|_| unsupported()),
        None if text.is_empty() => Ok(None),
        None => Err(unsupported()),
    };
    let is_number = matches!(argument, Expression::Value);
    let (expression, fits) = match (verb, verb.strip_suffix('f'), verb.strip_suffix('g')) {
        ("v", ..) => (argument, true),
        ("s", ..) => (argument, !is_number),
        (_, Some(size), _) => {
            let decimals = precision(size)?.unwrap_or(6);
            (Expression::Decimals(decimals), is_number)
        }
        (_, _, Some(size)) => (Expression::Digits(precision(size)?), is_number),
        _ => return Err(unsupported()),
    };
    match fits {
        true => Ok(expression),
        false => Err(Error::Type(verb.to_owned())),
    }
}
