//! Reads a query as it is typed.

use super::{LEVELS, Order, Query, Term, Test};
use crate::moment::Moment;

/// Longest query and most terms; more is not needed to find a line.
const MAX_BYTES: usize = 2048;
const MAX_TERMS: usize = 32;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position} of the query")]
pub struct ParseError {
    /// In words.
    pub message: String,
    /// Counted from 1.
    pub position: usize,
}

impl std::str::FromStr for Query {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            let message = format!("the query is longer than {MAX_BYTES} bytes");
            return Err(ParseError {
                message,
                position: MAX_BYTES,
            });
        }
        let mut query = Self::default();
        let mut cursor = Cursor::new(text);
        while cursor.skip_blank() {
            if query.terms.len() == MAX_TERMS {
                return Err(cursor.error(format!("more than {MAX_TERMS} terms")));
            }
            term(&mut cursor, &mut query)?;
        }
        Ok(query)
    }
}

/// The terms of a query as they are written, each of which is a query of its own.
pub fn terms(text: &str) -> Result<Vec<String>, ParseError> {
    let mut cursor = Cursor::new(text);
    let mut terms = Vec::new();
    while cursor.skip_blank() {
        let start = cursor.at;
        term(&mut cursor, &mut Query::default())?;
        terms.push(cursor.chars[start..cursor.at].iter().collect());
    }
    Ok(terms)
}

fn term(cursor: &mut Cursor, query: &mut Query) -> Result<(), ParseError> {
    let start = cursor.at;
    let negated = cursor.take('-');
    if cursor.peek() == Some('"') {
        let text = cursor.quoted()?.to_lowercase();
        query.terms.push(Term {
            negated,
            test: Test::Text(text),
        });
        return Ok(());
    }
    let key = cursor.word(|c| !c.is_whitespace() && !"=~!<>\"".contains(c));
    let Some(operator) = cursor.operator() else {
        if key.is_empty() {
            return Err(cursor.error("a term was expected".to_owned()));
        }
        let test = Test::Text(key.to_lowercase());
        query.terms.push(Term { negated, test });
        return Ok(());
    };
    if key.is_empty() {
        return Err(ParseError {
            message: format!("a key is missing before `{operator}`"),
            position: start + 1,
        });
    }
    let value_at = cursor.at;
    let value = cursor.value()?;
    let fail = |message: String| ParseError {
        message,
        position: value_at + 1,
    };
    if value.is_empty() {
        return Err(fail(format!("a value is missing after `{key}{operator}`")));
    }
    if matches!(key.as_str(), "since" | "until") && operator == "=" && !negated {
        let moment: Moment = value.parse().map_err(|e| fail(format!("{e}")))?;
        let slot = if key == "since" {
            &mut query.since
        } else {
            &mut query.until
        };
        *slot = Some(moment);
        return Ok(());
    }
    let test = test(&key, operator, &value).map_err(fail)?;
    query.terms.push(Term {
        negated: negated != (operator == "!="),
        test,
    });
    Ok(())
}

fn test(key: &str, operator: &str, value: &str) -> Result<Test, String> {
    let key = key.to_owned();
    match operator {
        "=" | "!=" if key == "level" => {
            let named = value
                .split(',')
                .map(|name| Ok(LEVELS[rank(name)?].to_owned()));
            let any = named.collect::<Result<_, String>>()?;
            Ok(Test::Equals { key, any })
        }
        "=" | "!=" => Ok(Test::Equals {
            key,
            any: value.split(',').map(str::to_owned).collect(),
        }),
        "~" => Ok(Test::Contains {
            key,
            text: value.to_lowercase(),
        }),
        _ => compared(key, operator, value),
    }
}

/// A level or a number that is more or less than another.
fn compared(key: String, operator: &str, value: &str) -> Result<Test, String> {
    let order = Order::ALL
        .into_iter()
        .find(|order| order.as_str() == operator)
        .expect("every other operator was told apart before");
    match key.as_str() {
        "level" => rank(value).map(|rank| Test::Level { order, rank }),
        "timestamp" => Err("times are compared with `since=` and `until=`".to_owned()),
        _ => match value.parse::<f64>() {
            Ok(than) if than.is_finite() => Ok(Test::Number { key, order, than }),
            _ => Err(format!(
                "`{value}` is not a number; `{key}{operator}` compares numbers, such as `{key}{operator}8`"
            )),
        },
    }
}

/// The rank of a level; in the error, the level that was probably meant.
fn rank(name: &str) -> Result<usize, String> {
    let lower = name.to_lowercase();
    let meant = match lower.as_str() {
        "fatal" | "critical" | "crit" | "panic" | "err" => vec!["error"],
        "warning" => vec!["warn"],
        _ => text::nearest(&lower, LEVELS),
    };
    LEVELS
        .iter()
        .position(|level| *level == lower)
        .ok_or_else(|| match meant.first() {
            Some(nearest) => format!(
                "`{name}` is not a level; did you mean `{nearest}`? Levels are {}",
                LEVELS.join(", ")
            ),
            None => format!("`{name}` is not a level; one of {}", LEVELS.join(", ")),
        })
}

struct Cursor {
    chars: Vec<char>,
    at: usize,
}

impl Cursor {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Moves to the next term; `false` at the end.
    fn skip_blank(&mut self) -> bool {
        self.word(char::is_whitespace);
        self.peek().is_some()
    }

    fn word(&mut self, accept: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&accept) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn operator(&mut self) -> Option<&'static str> {
        let rest: String = self.chars[self.at..].iter().take(2).collect();
        let operator = ["!=", "=", "~"]
            .into_iter()
            .chain(Order::ALL.map(Order::as_str))
            .find(|op| rest.starts_with(op))?;
        self.at += operator.len();
        Some(operator)
    }

    fn value(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Some('"') => self.quoted(),
            _ => Ok(self.word(|c| !c.is_whitespace())),
        }
    }

    /// A quoted text; `\"` and `\\` are the only escapes.
    fn quoted(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '"' => return Ok(text),
                '\\' if matches!(self.peek(), Some('"' | '\\')) => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                other => text.push(other),
            }
        }
        Err(ParseError {
            message: "the quote is never closed".to_owned(),
            position: start + 1,
        })
    }

    fn error(&self, message: String) -> ParseError {
        ParseError {
            message,
            position: self.at + 1,
        }
    }
}
