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

use crate::evidence::LogLine;
use crate::moment::{Frame, Moment};

/// Longest query and most terms; nobody needs more to find a line.
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

    /// Whether it names a kind of line, and not only who wrote it: every process writes lines when it starts.
    pub fn names_a_kind(&self) -> bool {
        let warn = LEVELS.iter().position(|level| *level == "warn");
        self.terms.iter().any(|term| {
            !term.negated
                && match &term.test {
                    Test::Text(_) | Test::Contains { .. } => true,
                    Test::LevelAtLeast(level) => Some(*level) >= warn,
                    Test::Equals { key, any } if key == "level" => {
                        any.iter().all(|level| level == "warn" || level == "error")
                    }
                    Test::Equals { key, .. } => key != "service" && key != "instance",
                }
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
            Self::Equals { key, .. } | Self::Contains { key, .. } => KEYS.contains(&key.as_str()),
            Self::LevelAtLeast(_) => false,
            Self::Text(text) => {
                let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
                text.len() >= 16 && text.chars().all(is_id)
            }
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
mod tests {
    use super::*;
    use time::macros::datetime;

    const LINE: &str = r#"{"timestamp":"2026-11-23T10:02:30.5Z","level":"error","service":"checkout",
        "message":"cannot read `held`","target":"checkout::order","attempt":3,"trace_id":"4bf92f35"}"#;

    fn frame() -> Frame {
        Frame {
            started: datetime!(2026-11-23 10:00:00 UTC),
            page: Some(datetime!(2026-11-23 10:02:00 UTC)),
            ended: datetime!(2026-11-23 10:10:00 UTC),
            windows: None,
        }
    }

    #[test]
    fn who_wrote_a_line_is_no_kind_of_line() {
        for (query, expected) in [
            ("service=inventory level=info", false),
            ("service=inventory", false),
            ("-warehouse instance=checkout-1", false),
            ("level>=info", false),
            ("level>=warn", true),
            ("service=inventory level=error", true),
            ("service=inventory \"unknown variant\"", true),
            ("message~full", true),
            ("code=internal", true),
        ] {
            let query: Query = query.parse().expect("a query");
            assert_eq!(query.names_a_kind(), expected, "{query:?}");
        }
    }

    #[test]
    fn a_line_matches_when_every_term_holds() {
        fn check(query: &str, expected: bool) {
            let line = LogLine::parse(LINE).expect("the line is JSON");
            let parsed: Query = query.parse().expect(query);
            assert_eq!(parsed.within(&frame()).matches(&line), expected, "{query}");
            let again: Query = parsed
                .to_string()
                .parse()
                .expect("what is shown can be read");
            assert_eq!(again, parsed, "{query} is shown as {parsed}");
        }
        check("", true);
        check("service=checkout level=error", true);
        check("service=gateway", false);
        check("service=gateway,checkout", true);
        check("service!=gateway", true);
        check("-service=checkout", false);
        check("target~ORDER", true);
        check("\"Read `held`\"", true);
        check("-\"read `held`\"", false);
        check("held", true);
        check("attempt=3", true);
        check("attempt=4", false);
        check("missing!=x", true);
        check("level>=warn", true);
        check("-level>=warn", false);
        check("since=page+30s", true);
        check("since=page+31s", false);
        check("since=10:02 until=10:02:31", true);
        check("until=10:02:30", false);
    }

    #[test]
    fn a_malformed_query_says_where() {
        fn check(query: &str, expected: &str) {
            let error = query.parse::<Query>().expect_err(query);
            assert_eq!(error.to_string(), expected);
        }
        check(
            "level=error \"open",
            "the quote is never closed at character 13 of the query",
        );
        check(
            "a= b",
            "a value is missing after `a=` at character 3 of the query",
        );
        check(
            "=b",
            "a key is missing before `=` at character 1 of the query",
        );
        check(
            "size>=3",
            "`>=` is for `level` only, not for `size` at character 7 of the query",
        );
        check(
            "level>=x",
            "`x` is not a level; one of trace, debug, info, warn, error at character 8 of the query",
        );
        check(
            "since=soon",
            "`soon` is not a time; write `10:02:30` (UTC), `page+30s` or `2026-11-23T10:02:30Z` at character 7 of the query",
        );
        check("< x", "a term was expected at character 1 of the query");
    }
}
