//! The query language of `firedrill logs` and of `log:` pointers.
//!
//! ```text
//! service=checkout level=error since=10:02 -target=hyper "no such column"
//! ```
//!
//! Terms are joined by *and*. `key=value` is equal, `key!=value` and `-key=value` are not, `key~value`
//! contains, `key=a,b` is either. A bare word or quoted text is contained in any field's text, without
//! regard to case; with `-` before it, in none. `since=` and `until=` take times as pointers do.
//! `level>=warn` takes that level and worse.

use std::fmt;

use serde_json::Value;
use time::OffsetDateTime;

use crate::log_line::LogLine;
use crate::moment::{Frame, Moment};

/// Longest query and most terms; more is not needed to find a line.
const MAX_BYTES: usize = 2048;
const MAX_TERMS: usize = 32;

/// A parsed query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    terms: Vec<Term>,
    since: Option<Moment>,
    until: Option<Moment>,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals { key: String, any: Vec<String> },
    Contains { key: String, text: String },
    LevelAtLeast(usize),
    Text(String),
}

/// What a query says about the lines that it looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Who wrote them, or nothing: every process writes lines when it starts.
    Writers,
    /// That they are warnings or errors.
    Level,
    /// What they say.
    Content,
}

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position} of the query")]
pub struct ParseError {
    /// In words.
    pub message: String,
    /// Counted from 1.
    pub position: usize,
}

/// A query whose times are fixed to one run.
#[derive(Debug, Clone)]
pub struct Matcher<'a> {
    terms: &'a [Term],
    since: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
}

const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];
/// The rank of the first level that is more than information.
const WARN: usize = 3;
/// A shorter text is in lines of every kind.
const MIN_CONTENT: usize = 3;

impl Query {
    /// Adds `key=value` as if it had been written; for command line flags.
    #[must_use]
    pub fn and(mut self, key: &str, value: &str) -> Self {
        self.terms.push(Term {
            negated: false,
            test: Test::Equals {
                key: key.to_owned(),
                any: vec![value.to_owned()],
            },
        });
        self
    }

    /// Keeps lines of this time and later.
    #[must_use]
    pub fn since(mut self, at: Moment) -> Self {
        self.since = Some(at);
        self
    }

    /// Keeps lines of this time and earlier.
    #[must_use]
    pub fn until(mut self, at: Moment) -> Self {
        self.until = Some(at);
        self
    }

    /// The query without what singles out a moment, a request or a release: what remains names a symptom.
    #[must_use]
    pub fn general(&self) -> Self {
        let terms = self
            .terms
            .iter()
            .filter(|term| !term.test.is_single())
            .cloned();
        Self {
            terms: terms.collect(),
            since: None,
            until: None,
        }
    }

    /// What it says about the lines that it looks for.
    pub fn scope(&self) -> Scope {
        let tests = || self.terms.iter().filter(|term| !term.negated);
        if tests().any(|term| term.test.is_content()) {
            Scope::Content
        } else if tests().any(|term| term.test.is_warning()) {
            Scope::Level
        } else {
            Scope::Writers
        }
    }

    /// The services that it asks for; empty where it asks for all.
    pub fn services(&self) -> Vec<String> {
        let mut named = self.terms.iter().filter(|term| !term.negated);
        named
            .find_map(|term| match &term.test {
                Test::Equals { key, any } if key == "service" => Some(any.clone()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Whether it matches every line.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.since.is_none() && self.until.is_none()
    }

    /// Fixes relative times to a run.
    pub fn within(&self, frame: &Frame) -> Matcher<'_> {
        Matcher {
            terms: &self.terms,
            since: self.since.map(|at| at.resolve(frame)),
            until: self.until.map(|at| at.resolve(frame)),
        }
    }
}

impl Matcher<'_> {
    /// Whether a line matches. With `since` or `until` a line without a time does not.
    pub fn matches(&self, line: &LogLine) -> bool {
        let in_time = self
            .since
            .is_none_or(|since| line.at.is_some_and(|at| at >= since))
            && self
                .until
                .is_none_or(|until| line.at.is_some_and(|at| at <= until));
        in_time
            && self
                .terms
                .iter()
                .all(|term| term.test.holds(line) != term.negated)
    }
}

impl Test {
    fn is_single(&self) -> bool {
        const KEYS: [&str; 6] = [
            "trace_id",
            "span_id",
            "request_id",
            "version",
            "timestamp",
            "order",
        ];
        match self {
            Self::Equals { key, .. } | Self::Contains { key, .. } => KEYS.contains(&key.as_str()),
            Self::LevelAtLeast(_) => false,
            Self::Text(text) => {
                let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
                text.len() >= 16 && text.chars().all(is_id)
            }
        }
    }

    /// Whether it says something about what a line says.
    fn is_content(&self) -> bool {
        let is_place = |key: &str| ["service", "instance", "level"].contains(&key);
        let is_word = |text: &str| {
            let letters = text.chars().filter(|c| c.is_alphanumeric());
            letters.count() >= MIN_CONTENT
        };
        !self.is_single()
            && match self {
                Self::Text(text) => is_word(text),
                Self::Contains { key, text } => !is_place(key) && is_word(text),
                Self::Equals { key, .. } => !is_place(key),
                Self::LevelAtLeast(_) => false,
            }
    }

    /// Whether it asks for warnings and errors.
    fn is_warning(&self) -> bool {
        match self {
            Self::LevelAtLeast(level) => *level >= WARN,
            Self::Equals { key, any } if key == "level" => any
                .iter()
                .all(|level| LEVELS[WARN..].contains(&level.as_str())),
            _ => false,
        }
    }

    fn holds(&self, line: &LogLine) -> bool {
        match self {
            Self::Equals { key, any } => {
                let text = line.text(key);
                any.contains(&text)
            }
            Self::Contains { key, text } => line.text(key).to_lowercase().contains(text),
            Self::LevelAtLeast(least) => {
                let level = line.text("level").to_lowercase();
                LEVELS
                    .iter()
                    .position(|name| *name == level)
                    .is_some_and(|rank| rank >= *least)
            }
            Self::Text(text) => line
                .fields
                .iter()
                .any(|(key, value)| key != "timestamp" && mentions(value, text)),
        }
    }
}

fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(field) => field.to_lowercase().contains(text),
        Value::Array(items) => items.iter().any(|item| mentions(item, text)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, text)),
        Value::Null => false,
        other => {
            let shown = other.to_string();
            shown == text
        }
    }
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
        let mut cursor = Cursor {
            chars: text.chars().collect(),
            at: 0,
        };
        while cursor.skip_blank() {
            if query.terms.len() == MAX_TERMS {
                return Err(cursor.error(format!("more than {MAX_TERMS} terms")));
            }
            term(&mut cursor, &mut query)?;
        }
        Ok(query)
    }
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
        "=" | "!=" => Ok(Test::Equals {
            key,
            any: value.split(',').map(str::to_owned).collect(),
        }),
        "~" => Ok(Test::Contains {
            key,
            text: value.to_lowercase(),
        }),
        _ if key == "level" => LEVELS
            .iter()
            .position(|name| *name == value.to_lowercase())
            .map(Test::LevelAtLeast)
            .ok_or_else(|| format!("`{value}` is not a level; one of {}", LEVELS.join(", "))),
        _ => Err(format!("`>=` is for `level` only, not for `{key}`")),
    }
}

struct Cursor {
    chars: Vec<char>,
    at: usize,
}

impl Cursor {
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
        let operator = ["!=", ">=", "=", "~"]
            .into_iter()
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

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.since.map(|at| format!("since={at}")));
        words.extend(self.until.map(|at| format!("until={at}")));
        for term in &self.terms {
            let sign = if term.negated { "-" } else { "" };
            words.push(match &term.test {
                Test::Equals { key, any } => format!("{sign}{key}={}", bare(&any.join(","))),
                Test::Contains { key, text } => format!("{sign}{key}~{}", bare(text)),
                Test::LevelAtLeast(least) => format!("{sign}level>={}", LEVELS[*least]),
                Test::Text(text) => format!("{sign}{text:?}"),
            });
        }
        f.write_str(&words.join(" "))
    }
}

fn bare(value: &str) -> String {
    if value.contains(char::is_whitespace) || value.contains('"') {
        format!("{value:?}")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests;
