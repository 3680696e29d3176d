//! The query language of `firedrill logs` and of `log:` pointers.
//!
//! ```text
//! service=checkout level=error since=10:02 -target=hyper "no such column"
//! ```
//!
//! Terms are joined by *and*. `key=value` is equal, `key!=value` and `-key=value` are not, `key~value`
//! contains, `key=a,b` is either. A bare word or quoted text is contained in any field's text, without
//! regard to case; with `-` before it, in none. `since=` and `until=` take times as pointers do.
//! `level>=warn` takes that level and worse; `key>8`, `>=`, `<` and `<=` compare numbers.

mod parse;

use std::fmt;

use serde_json::Value;
use time::OffsetDateTime;

pub use self::parse::{ParseError, terms};
use crate::log_line::LogLine;
use crate::moment::{Frame, Moment};

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
    Equals {
        key: String,
        any: Vec<String>,
    },
    Contains {
        key: String,
        text: String,
    },
    /// A level against the rank of another.
    Level {
        order: Order,
        rank: usize,
    },
    Number {
        key: String,
        order: Order,
        than: f64,
    },
    Text(String),
}

/// How a line's value has to lie to the query's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Above,
    AtLeast,
    Below,
    AtMost,
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
        self.wanted("service").unwrap_or_default().to_vec()
    }

    /// The values of which a field must have one, if it says so.
    pub fn wanted(&self, field: &str) -> Option<&[String]> {
        let mut asked = self.terms.iter().filter(|term| !term.negated);
        asked.find_map(|term| match &term.test {
            Test::Equals { key, any } if key == field => Some(any.as_slice()),
            _ => None,
        })
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
            Self::Equals { key, .. } | Self::Contains { key, .. } | Self::Number { key, .. } => {
                KEYS.contains(&key.as_str())
            }
            Self::Level { .. } => false,
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
                Self::Equals { key, .. } | Self::Number { key, .. } => !is_place(key),
                Self::Level { .. } => false,
            }
    }

    /// Whether it asks for warnings and errors.
    fn is_warning(&self) -> bool {
        match self {
            Self::Level { order, rank } => (0..WARN).all(|milder| !order.holds(&milder, rank)),
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
            Self::Level { order, rank } => {
                let level = line.text("level").to_lowercase();
                let of_line = LEVELS.iter().position(|name| *name == level);
                of_line.is_some_and(|of_line| order.holds(&of_line, rank))
            }
            Self::Number { key, order, than } => {
                let value = line.text(key).parse::<f64>();
                value.is_ok_and(|value| order.holds(&value, than))
            }
            Self::Text(text) => line
                .fields
                .iter()
                .any(|(key, value)| key != "timestamp" && mentions(value, text)),
        }
    }
}

impl Order {
    const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    fn holds<T: PartialOrd>(self, value: &T, than: &T) -> bool {
        match self {
            Self::Above => value > than,
            Self::AtLeast => value >= than,
            Self::Below => value < than,
            Self::AtMost => value <= than,
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
                Test::Level { order, rank } => {
                    format!("{sign}level{}{}", order.as_str(), LEVELS[*rank])
                }
                Test::Number { key, order, than } => format!("{sign}{key}{}{than}", order.as_str()),
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
