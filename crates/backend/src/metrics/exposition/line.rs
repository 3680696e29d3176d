//! The parts of a line: series, labels, values, times.

use std::borrow::Cow;

use super::{Label, What};
use crate::metrics::store::Kind;
use crate::promql::METRIC_NAME;

/// How much of a line an error quotes, in characters.
const QUOTE: usize = 40;

fn expected(what: &'static str, at: &str) -> What {
    What::Expected(what, at.chars().take(QUOTE).collect())
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// The first word after blanks, and what follows it.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = skip_blanks(text);
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    text.split_at(end)
}

/// The name of a metric family in a `#` line: plain, or in quotes if it is not plain.
pub(super) fn family(text: &str) -> Result<(Cow<'_, str>, &str), What> {
    let text = skip_blanks(text);
    if let Some(rest) = text.strip_prefix('"') {
        return quoted(rest);
    }
    let (name, rest) = metric_name(text).ok_or_else(|| expected("a metric name", text))?;
    Ok((Cow::Borrowed(name), rest))
}

/// The series at the start of a line, and what follows it.
pub(super) fn series(content: &str) -> Result<(Vec<Label<'_>>, &str), What> {
    let mut labels: Vec<Label<'_>> = Vec::with_capacity(8);
    let rest = match metric_name(content) {
        Some((name, rest)) => {
            labels.push((METRIC_NAME.into(), name.into()));
            rest
        }
        None => content,
    };
    let rest = match skip_blanks(rest).strip_prefix('{') {
        Some(inside) => braces(inside, &mut labels)?,
        None => rest,
    };
    if labels.iter().all(|(name, _)| name != METRIC_NAME) {
        return Err(expected("a metric name", content));
    }
    Ok((labels, rest))
}

/// What stands between braces, up to and including the closing one.
fn braces<'a>(inside: &'a str, labels: &mut Vec<Label<'a>>) -> Result<&'a str, What> {
    let mut rest = skip_blanks(inside);
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        rest = skip_blanks(label(rest, labels)?);
        if let Some(after) = rest.strip_prefix(',') {
            rest = skip_blanks(after);
        } else if !rest.starts_with('}') {
            return Err(expected("`,` or `}`", rest));
        }
    }
}

/// `name="value"`, or a metric name in quotes on its own.
fn label<'a>(text: &'a str, labels: &mut Vec<Label<'a>>) -> Result<&'a str, What> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(rest) => {
            let (name, rest) = quoted(rest)?;
            let after = skip_blanks(rest);
            if after.starts_with([',', '}']) {
                return push(labels, METRIC_NAME.into(), name).map(|()| after);
            }
            (name, after)
        }
        None => {
            let (name, rest) = label_name(text).ok_or_else(|| expected("a label name", text))?;
            (Cow::Borrowed(name), skip_blanks(rest))
        }
    };
    let rest = rest
        .strip_prefix('=')
        .ok_or_else(|| expected("`=`", rest))?;
    let rest = skip_blanks(rest);
    let rest = rest
        .strip_prefix('"')
        .ok_or_else(|| expected("`\"`", rest))?;
    let (value, rest) = quoted(rest)?;
    push(labels, name, value).map(|()| rest)
}

fn push<'a>(
    labels: &mut Vec<Label<'a>>,
    name: Cow<'a, str>,
    value: Cow<'a, str>,
) -> Result<(), What> {
    if labels.iter().any(|(known, _)| *known == name) {
        return Err(What::Twice(name.into_owned()));
    }
    labels.push((name, value));
    Ok(())
}

/// Text up to the closing quote, unescaped, and what follows the quote.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), What> {
    let end = text
        .find(['"', '\\'])
        .ok_or_else(|| expected("a closing `\"`", text))?;
    if text[end..].starts_with('"') {
        return Ok((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = text[..end].to_owned();
    let mut characters = text[end..].char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((Cow::Owned(value), &text[end + at + 1..])),
            '\\' => match characters.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some(same @ ('\\' | '"')) => value.push(same),
                Some(other) => return Err(What::Escape(other)),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err(expected("a closing `\"`", text))
}

/// The help text with its escapes undone.
pub(super) fn help(text: &str) -> Result<Cow<'_, str>, What> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, false) => plain.push(character),
            (_, true) => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(same @ ('\\' | '"')) => plain.push(same),
                Some(other) => return Err(What::Escape(other)),
                None => plain.push('\\'),
            },
        }
    }
    Ok(Cow::Owned(plain))
}

pub(super) fn kind(text: &str) -> Result<Kind, What> {
    Ok(match text {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "gaugehistogram" => Kind::GaugeHistogram,
        "summary" => Kind::Summary,
        "info" => Kind::Info,
        "stateset" => Kind::Stateset,
        "unknown" | "untyped" => Kind::Unknown,
        other => return Err(What::NotAType(other.to_owned())),
    })
}

/// Value and optional time in milliseconds at the end of a line of Prometheus text.
pub(super) fn text_value(rest: &str) -> Result<(f64, Option<i64>), What> {
    let (value, rest) = value(rest)?;
    let (time, rest) = word(rest);
    if !skip_blanks(rest).is_empty() {
        return Err(expected("the end of the line", skip_blanks(rest)));
    }
    if time.is_empty() {
        return Ok((value, None));
    }
    let t_ms = time.parse();
    let t_ms = t_ms.map_err(|_| What::NotATimestamp(time.to_owned()))?;
    Ok((value, Some(t_ms)))
}

/// Value, optional time in seconds and optional exemplar at the end of a line of OpenMetrics text.
pub(super) fn open_metrics_value(rest: &str) -> Result<(f64, Option<i64>), What> {
    let (value, rest) = value(rest)?;
    let (time, after) = word(rest);
    let (t_ms, rest) = match time {
        "" | "#" => (None, rest),
        _ => (Some(seconds(time)?), after),
    };
    let rest = skip_blanks(rest);
    if rest.is_empty() {
        return Ok((value, t_ms));
    }
    let exemplar = rest.strip_prefix("# {");
    exemplar_end(exemplar.ok_or_else(|| expected("the end of the line", rest))?)?;
    Ok((value, t_ms))
}

/// An exemplar is checked and not kept.
fn exemplar_end(inside: &str) -> Result<(), What> {
    let rest = braces(inside, &mut Vec::new())?;
    let (_, rest) = value(rest)?;
    let (time, rest) = word(rest);
    if !time.is_empty() {
        seconds(time)?;
    }
    if !rest.is_empty() {
        return Err(expected("the end of the line", rest));
    }
    Ok(())
}

fn seconds(time: &str) -> Result<i64, What> {
    match number(time) {
        Some(seconds) if seconds.is_finite() => Ok((seconds * 1_000.0).round() as i64),
        _ => Err(What::NotATimestamp(time.to_owned())),
    }
}

fn value(rest: &str) -> Result<(f64, &str), What> {
    if !rest.starts_with([' ', '\t']) && !rest.is_empty() {
        return Err(expected("a blank before the value", rest));
    }
    let (text, rest) = word(rest);
    let value = number(text).ok_or_else(|| What::NotANumber(text.to_owned()))?;
    Ok((value, rest))
}

/// Digits that a double holds exactly, whatever they are.
const EXACT_DIGITS: usize = 15;

fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if (1..=EXACT_DIGITS).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let whole = bytes
            .iter()
            .fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        return Some(whole as f64);
    }
    text.parse().ok()
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
