//! `printf`: the verbs `%s`, `%v`, `%f`, `%g` and `%%`, the two of numbers also with a precision.

use super::{Expression, Node};

const COUNT: &str = "the number of verbs differs from the number of arguments";

/// The format with its arguments in place.
pub(super) fn nodes(format: &str, arguments: Vec<Expression>) -> Result<Vec<Node>, String> {
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
            _ => Node::Print(formatted(verb, arguments.next().ok_or(COUNT)?)?),
        });
        rest = &after[end..];
    }
    nodes.push(Node::Text(rest.to_owned()));
    arguments
        .next()
        .map_or(Ok(nodes), |_| Err(COUNT.to_owned()))
}

fn formatted(verb: &str, argument: Expression) -> Result<Expression, String> {
    let unsupported = || {
        let known = "%s, %v, %f, %.2f, %g, %.2g and %%";
        format!("`%{verb}` is not supported, only {known} are")
    };
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
        false => Err(format!(
            "`%{verb}` does not fit its argument: $value is a number, everything else is text"
        )),
    }
}
