//! Text of a template -> nodes.

use super::function::Function;
use super::{Error, Expression, Node};

pub(super) fn template(text: &str) -> Result<Vec<Node>, Error> {
    let mut pieces = split(text)?.into_iter().peekable();
    let nodes = block(&mut pieces)?;
    match pieces.next() {
        None => Ok(nodes),
        Some(Piece::Action(action)) if action == "else" => Err(Error::Unbalanced("else")),
        Some(_) => Err(Error::Unbalanced("end")),
    }
}

enum Piece {
    Text(String),
    Action(String),
}

type Pieces = std::iter::Peekable<std::vec::IntoIter<Piece>>;

/// Cuts a template at its actions; `{{-` and `-}}` take the blanks next to them away.
fn split(text: &str) -> Result<Vec<Piece>, Error> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trims = false;
    while let Some(start) = rest.find("{{") {
        let end = rest[start..].find("}}").ok_or(Error::Unclosed)? + start;
        let mut before = &rest[..start];
        let mut action = &rest[start + 2..end];
        if trims {
            before = before.trim_start();
        }
        if let Some(inner) = action.strip_prefix("- ") {
            before = before.trim_end();
            action = inner;
        }
        trims = action.ends_with(" -");
        let action = action.strip_suffix(" -").unwrap_or(action).trim();
        pieces.push(Piece::Text(before.to_owned()));
        if !(action.starts_with("/*") && action.ends_with("*/")) {
            pieces.push(Piece::Action(action.to_owned()));
        }
        rest = &rest[end + 2..];
    }
    let rest = if trims { rest.trim_start() } else { rest };
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    Ok(pieces)
}

/// Nodes up to the `end` or `else` that closes the block, which stays.
fn block(pieces: &mut Pieces) -> Result<Vec<Node>, Error> {
    let mut nodes = Vec::new();
    loop {
        let is_close = |piece: &Piece| match piece {
            Piece::Action(action) => {
                action == "end" || action == "else" || action.starts_with("else if ")
            }
            Piece::Text(_) => false,
        };
        match pieces.next_if(|piece| !is_close(piece)) {
            None => return Ok(nodes),
            Some(Piece::Text(text)) => nodes.push(Node::Text(text)),
            Some(Piece::Action(action)) => nodes.push(match action.strip_prefix("if ") {
                Some(condition) => branch(condition, pieces)?,
                None => Node::Print(expression(&action)?),
            }),
        }
    }
}

/// What follows `if`, up to and including its `end`.
fn branch(condition: &str, pieces: &mut Pieces) -> Result<Node, Error> {
    let condition = expression(condition)?;
    let then = block(pieces)?;
    let otherwise = match pieces.next() {
        Some(Piece::Action(action)) if action == "end" => Vec::new(),
        Some(Piece::Action(action)) if action == "else" => {
            let nodes = block(pieces)?;
            match pieces.next() {
                Some(Piece::Action(action)) if action == "end" => nodes,
                _ => return Err(Error::Unbalanced("if")),
            }
        }
        Some(Piece::Action(action)) => match action.strip_prefix("else if ") {
            Some(condition) => vec![branch(condition, pieces)?],
            None => return Err(Error::Unbalanced("if")),
        },
        _ => return Err(Error::Unbalanced("if")),
    };
    Ok(Node::If {
        condition,
        then,
        otherwise,
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Pipe,
}

fn expression(text: &str) -> Result<Expression, Error> {
    let tokens = tokens(text)?;
    let mut rest = &tokens[..];
    let found = pipeline(&mut rest)?;
    if rest.is_empty() {
        Ok(found)
    } else {
        Err(Error::Unexpected(text.to_owned()))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '|' => (Token::Pipe, 1),
            '"' | '`' => quoted(rest, first)?,
            _ => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|' | '"');
                let end = rest.find(is_end).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn quoted(rest: &str, quote: char) -> Result<(Token, usize), Error> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            found if found == quote => return Ok((Token::Text(text), at + 1)),
            '\\' if quote == '"' => match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, other)) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    Err(Error::Unexpected(rest.to_owned()))
}

/// `call | call | …`: each result is the last argument of the next call.
fn pipeline(rest: &mut &[Token]) -> Result<Expression, Error> {
    let mut result = call(rest, None)?;
    while let Some((Token::Pipe, after)) = rest.split_first() {
        *rest = after;
        result = call(rest, Some(result))?;
    }
    Ok(result)
}

fn call(rest: &mut &[Token], piped: Option<Expression>) -> Result<Expression, Error> {
    if let Some((Token::Word(word), after)) = rest.split_first()
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(word.as_str(), "true" | "false")
    {
        let function = Function::named(word)?;
        *rest = after;
        let mut arguments = Vec::new();
        while !matches!(rest.first(), None | Some(Token::Pipe | Token::Close)) {
            arguments.push(operand(rest)?);
        }
        arguments.extend(piped);
        function.check(arguments.len())?;
        return Ok(Expression::Call(function, arguments));
    }
    let found = operand(rest)?;
    match piped {
        None => Ok(found),
        Some(_) => Err(Error::Unexpected("|".to_owned())),
    }
}

fn operand(rest: &mut &[Token]) -> Result<Expression, Error> {
    let (token, after) = rest
        .split_first()
        .ok_or_else(|| Error::Unexpected("{{ }}".to_owned()))?;
    *rest = after;
    match token {
        Token::Text(text) => Ok(Expression::Text(text.clone())),
        Token::Open => {
            let inner = pipeline(rest)?;
            match rest.split_first() {
                Some((Token::Close, after)) => *rest = after,
                _ => return Err(Error::Unexpected("(".to_owned())),
            }
            Ok(inner)
        }
        Token::Word(word) => operand_word(word),
        Token::Close => Err(Error::Unexpected(")".to_owned())),
        Token::Pipe => Err(Error::Unexpected("|".to_owned())),
    }
}

fn operand_word(word: &str) -> Result<Expression, Error> {
    if matches!(word, "$value" | ".Value") {
        return Ok(Expression::Value);
    }
    if matches!(word, "$labels" | ".Labels") {
        return Ok(Expression::Labels);
    }
    for prefix in ["$labels.", ".Labels."] {
        if let Some(name) = word.strip_prefix(prefix) {
            return Ok(Expression::Label(name.to_owned()));
        }
    }
    // There are no external labels and no external address here; rules written for elsewhere still load.
    if word.starts_with("$externalLabels") || word.starts_with("$externalURL") {
        return Ok(Expression::Text(String::new()));
    }
    let number = word.parse().map(Expression::Number);
    number.map_err(|_| Error::Unexpected(word.to_owned()))
}
