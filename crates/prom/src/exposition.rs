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

/// An example of what a sample counts, such as the trace of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar<'a> {
    /// What names it; a name may occur twice.
    pub labels: Vec<Label<'a>>,
    /// What was measured.
    pub value: f64,
    /// When, in Unix milliseconds, if the line says.
    pub t_ms: Option<i64>,
}

/// Takes what the parser finds.
pub trait Visitor {
    /// If `line` starts with the text of a series seen before, how long that text is; [`Visitor::sample`] follows.
    fn recall(&mut self, line: &str) -> Option<usize>;

    /// A series and its raw text, which `recall` did not know; [`Visitor::sample`] follows.
    fn series(&mut self, text: &str, labels: &[Label<'_>]);

    /// A sample of the series recalled or found last, with its time in Unix milliseconds if the line has one.
    fn sample(&mut self, value: f64, t_ms: Option<i64>);

    /// An exemplar of the sample found last.
    fn exemplar(&mut self, exemplar: Exemplar<'_>);

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
    pub what: String,
}

/// Reads a whole text.
pub fn parse(body: &[u8], format: Format, visitor: &mut impl Visitor) -> Result<(), Error> {
    let text = std::str::from_utf8(body).map_err(|error| Error {
        line: 1 + body[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        what: "not UTF-8".to_owned(),
    })?;
    let mut has_ended = false;
    let mut count = 0;
    for (index, content) in text.split_terminator('\n').enumerate() {
        count = index + 1;
        let read = if has_ended {
            Err("text after `# EOF`".to_owned())
        } else {
            one(content, format, visitor)
        };
        has_ended = read.map_err(|what| Error { line: count, what })?;
    }
    if format == Format::OpenMetrics && !has_ended {
        return Err(Error {
            line: count + 1,
            what: "the text ends without `# EOF`".to_owned(),
        });
    }
    Ok(())
}

/// Reads one line; the answer is whether it was the last one.
fn one(content: &str, format: Format, visitor: &mut impl Visitor) -> Result<bool, String> {
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
            let (labels, rest) = line::series(content, format)?;
            visitor.series(&content[..content.len() - rest.len()], &labels);
            rest
        }
    };
    match format {
        Format::Text => {
            let (value, t_ms) = line::text_value(rest)?;
            visitor.sample(value, t_ms);
        }
        Format::OpenMetrics => {
            let (value, t_ms, exemplar) = line::open_metrics_value(rest)?;
            visitor.sample(value, t_ms);
            if let Some(exemplar) = exemplar {
                visitor.exemplar(exemplar);
            }
        }
    }
    Ok(false)
}

/// Reads a `#` line; the answer is whether it was the last one.
fn describe(comment: &str, format: Format, visitor: &mut impl Visitor) -> Result<bool, String> {
    if format == Format::OpenMetrics {
        return describe_strictly(comment, visitor);
    }
    let (word, rest) = line::word(comment);
    // Prometheus text allows comments anywhere.
    if !matches!(word, "HELP" | "TYPE") {
        return Ok(false);
    }
    let (family, rest) = line::family(rest.trim_start_matches([' ', '\t']))?;
    let description = match word {
        "HELP" => {
            let text = rest.strip_prefix([' ', '\t']).unwrap_or(rest);
            Description::Help(line::help(text, format))
        }
        _ => Description::Kind(line::kind(rest.trim(), format)?),
    };
    visitor.describe(&family, description);
    Ok(false)
}

/// OpenMetrics has no remarks, and one blank between two words.
fn describe_strictly(comment: &str, visitor: &mut impl Visitor) -> Result<bool, String> {
    if comment == " EOF" {
        return Ok(true);
    }
    let unknown = || line::expected("HELP, TYPE, UNIT or EOF", comment);
    let words = comment
        .strip_prefix(' ')
        .and_then(|text| text.split_once(' '));
    let (word, rest) = words.ok_or_else(unknown)?;
    if !matches!(word, "HELP" | "TYPE" | "UNIT") {
        return Err(unknown());
    }
    let (family, rest) = line::family(rest)?;
    let text = rest.strip_prefix(' ');
    let text = text.ok_or_else(|| line::expected("a blank and a text", rest))?;
    let description = match word {
        "HELP" => Description::Help(line::help(text, Format::OpenMetrics)),
        "TYPE" => Description::Kind(line::kind(text, Format::OpenMetrics)?),
        _ => {
            let stem = family.strip_suffix(text);
            if !text.is_empty() && !stem.is_some_and(|stem| stem.ends_with('_')) {
                return Err(format!("unit `{text}` is not the end of `{family}`"));
            }
            Description::Unit(text)
        }
    };
    visitor.describe(&family, description);
    Ok(false)
}
