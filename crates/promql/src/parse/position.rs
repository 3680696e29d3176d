//! Where in an expression the parser's refusal applies.
//!
//! The parser names no place. For a syntax error it is the first token that cannot follow by PromQL's grammar; for an error
//! about a call, an operator or a matcher it is that one, if the expression has only one that can be meant.

use super::token::{Kind, Token};
use super::walk::{Callee, Shape, Stop, Walk};

/// What the parser says of any syntax error.
const SYNTAX: &str = "invalid promql query";

/// The place of an error, if it can be told, and its text in Prometheus's words.
pub(super) fn locate(text: &str, tokens: &[Token], message: &str) -> (Option<usize>, String) {
    let mut walk = Walk::new(tokens);
    let unexpected = walk.all().err();
    let lexical = lexical_place(text, tokens, message, &unexpected);
    // The parser looks at brackets before it looks at the grammar; the first place is the more useful one.
    if let Some(unexpected) = unexpected {
        let is_first = lexical.is_none_or(|place| unexpected.start + 1 < place);
        if message == SYNTAX || is_first && is_lexical(message) {
            return (Some(unexpected.start), unexpected.message);
        }
    }
    let place = lexical.or_else(|| walk.place_of(message));
    (place, reword(message))
}

fn is_lexical(message: &str) -> bool {
    let starts = ["unexpected", "unclosed", "unterminated"];
    starts.iter().any(|start| message.starts_with(start))
}

/// The place of an error that the parser found before it looked at the grammar.
fn lexical_place(
    text: &str,
    tokens: &[Token],
    message: &str,
    unexpected: &Option<Stop>,
) -> Option<usize> {
    let is_at_end = ["unclosed left", "unexpected end of input", "no expression"];
    if is_at_end.iter().any(|start| message.starts_with(start)) {
        return Some(text.len());
    }
    if message.starts_with("unexpected right parenthesis") {
        let mut depth = 0;
        let closing = tokens.iter().find(|token| {
            depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            depth < 0
        });
        // Prometheus names the place behind it.
        return closing.map(|token| token.start + 1);
    }
    if let Some(number) = message.strip_prefix("bad number or duration syntax: ") {
        let is_it = |token: &&Token| token.kind == Kind::Number && token.text.starts_with(number);
        return tokens.iter().find(is_it).map(|token| token.start);
    }
    // The grammar may stumble earlier, over something else than what the message is about.
    let place = unexpected.as_ref()?.start;
    let is_about = text[place..].starts_with(|c| message.contains(c));
    (is_lexical(message) && is_about).then_some(place)
}

/// The parser's words in those of Prometheus.
fn reword(message: &str) -> String {
    let mut text = message.replace('\'', "\"");
    // A character is quoted singly there too.
    if message.starts_with("unexpected") {
        text = message.to_owned();
    }
    for (from, to) in [
        ("type vector", "type instant vector"),
        ("type matrix", "type range vector"),
        ("got vector", "got instant vector"),
        ("got matrix", "got range vector"),
    ] {
        text = text.replace(from, to);
    }
    text
}

impl Walk<'_> {
    /// The place of an error that is not one of syntax, if only one thing in the expression can be meant.
    fn place_of(&self, message: &str) -> Option<usize> {
        let quoted = message.split('\'').nth(1).unwrap_or_default();
        let is_of_call = message.contains("call to");
        if is_of_call || message.contains("aggregat") {
            let calls = self.calls.iter().filter(|call| {
                if is_of_call {
                    call.name == quoted
                } else {
                    call.is_aggregation
                }
            });
            let calls: Vec<&Callee> = calls.collect();
            return argument_place(&calls, message)
                .or_else(|| only(calls.iter().map(|call| call.start)));
        }
        if message.starts_with("unknown function") {
            return only(
                self.calls
                    .iter()
                    .filter(|call| call.name == quoted)
                    .map(|call| call.start),
            );
        }
        if message == "duration must be greater than 0" {
            let is_zero = |token: &&Token| {
                let digits = token
                    .text
                    .trim_end_matches(|c: char| c.is_ascii_alphabetic());
                token.kind == Kind::Number && digits.parse() == Ok(0.0)
            };
            return only(self.tokens.iter().filter(is_zero).map(|token| token.start));
        }
        if message.starts_with("vector selector must") {
            return only(self.nameless.iter().copied());
        }
        let (left, operator) = only(self.operations.iter().copied())?;
        let of_operator = [
            "comparisons between",
            "bool modifier",
            "label",
            "vector matching",
        ];
        let of_operation = ["set operator", "no grouping allowed", "binary expression"];
        if of_operator.iter().any(|start| message.starts_with(start)) {
            return Some(operator);
        }
        of_operation
            .iter()
            .any(|start| message.starts_with(start))
            .then_some(left)
    }
}

/// The one argument that a message about a type can mean.
fn argument_place(calls: &[&Callee], message: &str) -> Option<usize> {
    let got = match message.split("got ").nth(1)? {
        "scalar" => Shape::Number,
        "string" => Shape::Text,
        "matrix" => Shape::Range,
        "vector" => Shape::Other,
        _ => return None,
    };
    let arguments = calls.iter().flat_map(|call| &call.arguments);
    only(
        arguments
            .filter(|(_, shape)| *shape == got)
            .map(|(start, _)| *start),
    )
}

/// The only item, if there is just one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    if items.next().is_some() { None } else { first }
}
