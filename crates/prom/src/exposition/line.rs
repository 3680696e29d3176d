//! The parts of a line: series, labels, values, times.

use std::borrow::Cow;

use super::{Exemplar, Format, Label};
use crate::store::Kind;
use promql::METRIC_NAME;

/// How much of a line an error quotes, in characters.
const QUOTE: usize = 40;

/// The mistake that something else was due here.
pub(super) fn expected(what: &str, at: &str) -> String {
    let quote: String = at.chars().take(QUOTE).collect();
    format!("expected {what} at `{quote}`")
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// What follows blanks, where the format allows any.
fn skip(text: &str, format: Format) -> &str {
    match format {
        Format::Text => skip_blanks(text),
        Format::OpenMetrics => text,
    }
}

/// The first word after blanks, and what follows it.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = skip_blanks(text);
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    text.split_at(end)
}

/// The name of a metric family in a `#` line: plain, or in quotes if it is not plain.
pub(super) fn family(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    if let Some(rest) = text.strip_prefix('"') {
        return quoted(rest);
    }
    let (name, rest) = metric_name(text).ok_or_else(|| expected("a metric name", text))?;
    Ok((Cow::Borrowed(name), rest))
}

/// The series at the start of a line, and what follows it.
pub(super) fn series(content: &str, format: Format) -> Result<(Vec<Label<'_>>, &str), String> {
    let mut labels: Vec<Label<'_>> = Vec::with_capacity(8);
    let rest = match metric_name(content) {
        Some((name, rest)) => {
            labels.push((METRIC_NAME.into(), name.into()));
            rest
        }
        None => content,
    };
    let rest = match skip(rest, format).strip_prefix('{') {
        Some(inside) => braces(inside, format, Owner::Series, &mut labels)?,
        None => rest,
    };
    if labels.iter().all(|(name, _)| name != METRIC_NAME) {
        return Err(expected("a metric name", content));
    }
    Ok((labels, rest))
}

/// Whose labels stand between braces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// A series: its name may be among them, and no name occurs twice.
    Series,
    /// An exemplar.
    Exemplar,
}

/// What stands between braces, up to and including the closing one.
fn braces<'a>(
    inside: &'a str,
    format: Format,
    owner: Owner,
    labels: &mut Vec<Label<'a>>,
) -> Result<&'a str, String> {
    let mut rest = skip(inside, format);
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        rest = skip(label(rest, format, owner, labels)?, format);
        if let Some(after) = rest.strip_prefix(',') {
            rest = skip(after, format);
        } else if !rest.starts_with('}') {
            return Err(expected("`,` or `}`", rest));
        }
    }
}

/// `name="value"`, or a metric name in quotes on its own.
fn label<'a>(
    text: &'a str,
    format: Format,
    owner: Owner,
    labels: &mut Vec<Label<'a>>,
) -> Result<&'a str, String> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(rest) => {
            let (name, rest) = quoted(rest)?;
            let after = skip(rest, format);
            if owner == Owner::Series && after.starts_with([',', '}']) {
                return push(labels, METRIC_NAME.into(), name).map(|()| after);
            }
            (name, after)
        }
        None => {
            let (name, rest) = label_name(text).ok_or_else(|| expected("a label name", text))?;
            (Cow::Borrowed(name), skip(rest, format))
        }
    };
    let rest = rest
        .strip_prefix('=')
        .ok_or_else(|| expected("`=`", rest))?;
    let rest = skip(rest, format);
    let rest = rest
        .strip_prefix('"')
        .ok_or_else(|| expected("`\"`", rest))?;
    let (value, rest) = quoted(rest)?;
    match owner {
        Owner::Series => push(labels, name, value)?,
        Owner::Exemplar => labels.push((name, value)),
    }
    Ok(rest)
}

fn push<'a>(
    labels: &mut Vec<Label<'a>>,
    name: Cow<'a, str>,
    value: Cow<'a, str>,
) -> Result<(), String> {
    if labels.iter().any(|(known, _)| *known == name) {
        return Err(format!("label `{name}` occurs twice"));
    }
    labels.push((name, value));
    Ok(())
}

/// Text up to the closing quote, unescaped, and what follows the quote.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    let end = end.ok_or_else(|| expected("a closing `\"`", text))?;
    Ok((unescaped(&text[..end], true), &text[end + 1..]))
}

/// The help text with its escapes undone.
pub(super) fn help(text: &str, format: Format) -> Cow<'_, str> {
    unescaped(text, format == Format::OpenMetrics)
}

/// A text with its escapes undone. Any other backslash stays.
fn unescaped(text: &str, has_quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let (character, length) = match rest.as_bytes().get(at + 1) {
            Some(b'n') => ('\n', 2),
            Some(b'\\') => ('\\', 2),
            Some(b'"') if has_quotes => ('"', 2),
            _ => ('\\', 1),
        };
        plain.push(character);
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// A type of metric; each format has its own.
pub(super) fn kind(text: &str, format: Format) -> Result<Kind, String> {
    Ok(match (text, format) {
        ("counter", _) => Kind::Counter,
        ("gauge", _) => Kind::Gauge,
        ("histogram", _) => Kind::Histogram,
        ("summary", _) => Kind::Summary,
        ("untyped", Format::Text) | ("unknown", Format::OpenMetrics) => Kind::Unknown,
        ("gaugehistogram", Format::OpenMetrics) => Kind::GaugeHistogram,
        ("info", Format::OpenMetrics) => Kind::Info,
        ("stateset", Format::OpenMetrics) => Kind::Stateset,
        (other, _) => return Err(format!("`{other}` is not a type of metric")),
    })
}

/// Value and optional time in milliseconds at the end of a line of Prometheus text.
pub(super) fn text_value(rest: &str) -> Result<(f64, Option<i64>), String> {
    let (value, rest) = value(rest)?;
    let (time, rest) = word(rest);
    if !skip_blanks(rest).is_empty() {
        return Err(expected("the end of the line", skip_blanks(rest)));
    }
    if time.is_empty() {
        return Ok((value, None));
    }
    let t_ms = time.parse().map_err(|_| not_a_timestamp(time))?;
    Ok((value, Some(t_ms)))
}

/// Value, optional time in seconds and optional exemplar at the end of a line of OpenMetrics text.
pub(super) fn open_metrics_value(
    rest: &str,
) -> Result<(f64, Option<i64>, Option<Exemplar<'_>>), String> {
    let (text, rest) = next(rest, "a blank and the value")?;
    let value = number(text)?;
    let (t_ms, rest) = match rest {
        "" => (None, rest),
        _ if rest.starts_with(EXEMPLAR) => (None, rest),
        _ => {
            let (time, rest) = next(rest, "a blank and the time")?;
            (Some(seconds(time)?), rest)
        }
    };
    if rest.is_empty() {
        return Ok((value, t_ms, None));
    }
    let inside = rest.strip_prefix(EXEMPLAR);
    let inside = inside.ok_or_else(|| expected("the end of the line", rest))?;
    Ok((value, t_ms, Some(exemplar(inside)?)))
}

/// What an exemplar begins with.
const EXEMPLAR: &str = " # {";

fn exemplar(inside: &str) -> Result<Exemplar<'_>, String> {
    let mut labels = Vec::with_capacity(2);
    let rest = braces(inside, Format::OpenMetrics, Owner::Exemplar, &mut labels)?;
    let (text, rest) = next(rest, "a blank and the value")?;
    let value = number(text)?;
    let t_ms = match rest {
        "" => None,
        _ => {
            let (time, rest) = next(rest, "a blank and the time")?;
            if !rest.is_empty() {
                return Err(expected("the end of the line", rest));
            }
            Some(seconds(time)?)
        }
    };
    Ok(Exemplar {
        labels,
        value,
        t_ms,
    })
}

/// One blank and the word behind it, as OpenMetrics has them.
fn next<'a>(rest: &'a str, what: &'static str) -> Result<(&'a str, &'a str), String> {
    let text = rest.strip_prefix(' ').ok_or_else(|| expected(what, rest))?;
    match text.split_at(text.find(' ').unwrap_or(text.len())) {
        ("", _) => Err(expected(what, rest)),
        found => Ok(found),
    }
}

/// A time in milliseconds, cut off as Prometheus does, so that both give it the same one.
fn seconds(time: &str) -> Result<i64, String> {
    match number(time) {
        Ok(seconds) if seconds.is_finite() => Ok((seconds * 1_000.0) as i64),
        _ => Err(not_a_timestamp(time)),
    }
}

fn not_a_timestamp(time: &str) -> String {
    format!("`{time}` is not a timestamp")
}

fn value(rest: &str) -> Result<(f64, &str), String> {
    if !rest.starts_with([' ', '\t']) && !rest.is_empty() {
        return Err(expected("a blank before the value", rest));
    }
    let (text, rest) = word(rest);
    let value = number(text)?;
    Ok((value, rest))
}

/// Digits that a double always represents exactly.
const EXACT_DIGITS: usize = 15;

fn number(text: &str) -> Result<f64, String> {
    let bytes = text.as_bytes();
    if (1..=EXACT_DIGITS).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let whole = bytes
            .iter()
            .fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        return Ok(whole as f64);
    }
    text.parse()
        .map_err(|_| format!("`{text}` is not a number"))
}

fn metric_name(text: &str) -> Option<(&str, &str)> {
    name(text, |byte| byte == b':')
}

fn label_name(text: &str) -> Option<(&str, &str)> {
    name(text, |_| false)
}

fn name(text: &str, is_extra: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || is_extra(byte);
    let end = bytes
        .iter()
        .position(|byte| !is_part(*byte))
        .unwrap_or(bytes.len());
    let starts_well = bytes.first().is_some_and(|byte| !byte.is_ascii_digit());
    (end > 0 && starts_well).then(|| text.split_at(end))
}
