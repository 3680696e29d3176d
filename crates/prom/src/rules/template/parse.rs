//! Text of a template -> nodes.

use super::humanize::HUMANIZE;
use super::{Expression, Node, printf};

const PRINTF: &str = "printf";

/// Cuts a template at its `{{ … }}`.
pub(super) fn template(text: &str) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or("`{{` is not closed")?;
        nodes.push(Node::Text(before.to_owned()));
        nodes.push(Node::Print(pipeline(action)?));
        rest = after;
    }
    nodes.push(Node::Text(rest.to_owned()));
    Ok(nodes)
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Text(String),
    Pipe,
}

/// `call | call | …`: each result is the last argument of the next call.
fn pipeline(action: &str) -> Result<Expression, String> {
    let tokens = tokens(action)?;
    let mut stages = tokens.split(|token| *token == Token::Pipe);
    let first = call(stages.next().unwrap_or_default(), None)?;
    stages.try_fold(first, |result, stage| call(stage, Some(result)))
}

fn tokens(action: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            '"' => quoted(rest).ok_or_else(|| unsupported(rest))?,
            _ => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '|' | '"');
                let end = rest.find(is_end).unwrap_or(rest.len());
                (Token::Word(&rest[..end]), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes at the start of `rest`, and its length there.
fn quoted(rest: &str) -> Option<(Token<'static>, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    loop {
        match characters.next()? {
            (at, '"') => return Some((Token::Text(text), at + 1)),
            (_, '\\') => match characters.next()?.1 {
                escaped @ ('"' | '\\') => text.push(escaped),
                _ => return None,
            },
            (_, plain) => text.push(plain),
        }
    }
}

/// A value, or a function with its arguments.
fn call(stage: &[Token<'_>], piped: Option<Expression>) -> Result<Expression, String> {
    match stage {
        [Token::Word(word)] if word.starts_with('$') && piped.is_none() => operand(word),
        [Token::Word(PRINTF), Token::Text(format), rest @ ..] => {
            let arguments = arguments(rest, piped)?;
            Ok(Expression::Printf(
                printf::nodes(format, arguments).map_err(|what| format!("{PRINTF}: {what}"))?,
            ))
        }
        [Token::Word(word), rest @ ..] => {
            let found = HUMANIZE.iter().find(|(name, _)| name == word);
            let (name, humanize) = found.ok_or_else(|| unsupported(word))?;
            match <[Expression; 1]>::try_from(arguments(rest, piped)?) {
                Ok([inner]) => Ok(Expression::Humanize(*humanize, Box::new(inner))),
                Err(_) => Err(format!("`{name}` takes one argument")),
            }
        }
        [Token::Text(text), ..] => Err(unsupported(text)),
        [] | [Token::Pipe, ..] => Err(unsupported("{{ }}")),
    }
}

fn arguments(tokens: &[Token<'_>], piped: Option<Expression>) -> Result<Vec<Expression>, String> {
    let operands = tokens.iter().map(|token| match token {
        Token::Word(word) => operand(word),
        Token::Text(text) => Err(unsupported(text)),
        Token::Pipe => Err(unsupported("|")),
    });
    operands.chain(piped.map(Ok)).collect()
}

fn operand(word: &str) -> Result<Expression, String> {
    if word == "$value" {
        return Ok(Expression::Value);
    }
    let label = word.strip_prefix("$labels.");
    let label = label.filter(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    let label = label.map(|name| Expression::Label(name.to_owned()));
    label.ok_or_else(|| unsupported(word))
}

fn unsupported(what: &str) -> String {
    let (what, names) = (what.trim(), HUMANIZE.map(|(name, _)| name).join(", "));
    format!(
        "`{what}` is not supported; a template may use $value, $labels.NAME and the functions {names} and {PRINTF}"
    )
}
