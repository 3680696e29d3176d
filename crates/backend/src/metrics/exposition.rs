//! The text that targets expose: Prometheus text 0.0.4 and OpenMetrics text 1.0.
//!
//! The parser is strict: the first line that breaks the format fails the whole text, with its number. It hands
//! what it finds to a [`Visitor`] and keeps nothing, so that a scraper which has seen a series before can
//! recognise its raw text and skip taking it apart.

mod line;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::store::Kind;

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics text 1.0: ends with `# EOF`, times in seconds, exemplars.
    OpenMetrics,
}

impl Format {
    /// The format that a `Content-Type` header names; anything unknown is read as Prometheus text.
    pub fn of_content_type(content_type: &str) -> Format {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }
}

/// What a `#` line says about a metric family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Description<'a> {
    /// Its type.
    Kind(Kind),
    /// Its help text, unescaped.
    Help(Cow<'a, str>),
    /// Its unit.
    Unit(&'a str),
}

/// One label as found: name and unescaped value; the metric's name is the label `__name__`.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Takes what the parser finds.
pub trait Visitor {
    /// If `line` starts with the text of a series seen before, how long that text is; [`Visitor::sample`] follows.
    fn recall(&mut self, line: &str) -> Option<usize>;

    /// A series and its raw text, which `recall` did not know; [`Visitor::sample`] follows.
    fn series(&mut self, text: &str, labels: &[Label<'_>]);

    /// A sample of the series recalled or found last, with its time in Unix milliseconds if the line has one.
    fn sample(&mut self, value: f64, t_ms: Option<i64>);

    /// Something about a metric family.
    fn describe(&mut self, family: &str, description: Description<'_>);
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Error {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: What,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The line is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Something else was due here.
    #[error("expected {0} at `{1}`")]
    Expected(&'static str, String),
    /// A number that is none.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// A timestamp that is none.
    #[error("`{0}` is not a timestamp")]
    NotATimestamp(String),
    /// A label that occurs twice.
    #[error("label `{0}` occurs twice")]
    Twice(String),
    /// An unknown type of metric.
    #[error("`{0}` is not a type of metric")]
    NotAType(String),
    /// An escape that the format does not know.
    #[error("unknown escape `\\{0}`")]
    Escape(char),
    /// OpenMetrics without the last line.
    #[error("the text ends without `# EOF`")]
    NoEnd,
    /// OpenMetrics with something after the last line.
    #[error("text after `# EOF`")]
    AfterEnd,
}

/// Reads a whole text.
pub fn parse(body: &[u8], format: Format, visitor: &mut impl Visitor) -> Result<(), Error> {
    let text = std::str::from_utf8(body).map_err(|error| Error {
        line: 1 + body[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        what: What::NotUtf8,
    })?;
    let mut has_ended = false;
    let mut count = 0;
    for (index, content) in text.split_terminator('\n').enumerate() {
        count = index + 1;
        let read = if has_ended {
            Err(What::AfterEnd)
        } else {
            one(content, format, visitor)
        };
        has_ended = read.map_err(|what| Error { line: count, what })?;
    }
    if format == Format::OpenMetrics && !has_ended {
        return Err(Error {
            line: count + 1,
            what: What::NoEnd,
        });
    }
    Ok(())
}

/// Reads one line; the answer is whether it was the last one.
fn one(content: &str, format: Format, visitor: &mut impl Visitor) -> Result<bool, What> {
    if let Some(comment) = content.strip_prefix('#') {
        return describe(comment, format, visitor);
    }
    let content = match format {
        Format::Text => content.trim_start_matches([' ', '\t']),
        Format::OpenMetrics => content,
    };
    if content.is_empty() && format == Format::Text {
        return Ok(false);
    }
    let rest = match visitor.recall(content) {
        Some(length) => &content[length..],
        None => {
            let (labels, rest) = line::series(content)?;
            visitor.series(&content[..content.len() - rest.len()], &labels);
            rest
        }
    };
    let (value, t_ms) = match format {
        Format::Text => line::text_value(rest)?,
        Format::OpenMetrics => line::open_metrics_value(rest)?,
    };
    visitor.sample(value, t_ms);
    Ok(false)
}

fn describe(comment: &str, format: Format, visitor: &mut impl Visitor) -> Result<bool, What> {
    if format == Format::OpenMetrics && comment == " EOF" {
        return Ok(true);
    }
    let (word, rest) = line::word(comment);
    let describes = match word {
        "HELP" | "TYPE" => true,
        "UNIT" => format == Format::OpenMetrics,
        _ => false,
    };
    if !describes {
        // Prometheus text allows comments anywhere; OpenMetrics has none.
        return match format {
            Format::Text => Ok(false),
            Format::OpenMetrics => Err(What::Expected(
                "HELP, TYPE, UNIT or EOF",
                comment.to_owned(),
            )),
        };
    }
    let (family, rest) = line::family(rest)?;
    let description = match word {
        "HELP" => Description::Help(line::help(rest.strip_prefix([' ', '\t']).unwrap_or(rest))?),
        "TYPE" => Description::Kind(line::kind(rest.trim())?),
        _ => Description::Unit(rest.trim()),
    };
    visitor.describe(&family, description);
    Ok(false)
}
