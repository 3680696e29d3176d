//! Single values: what they are, and what they are not.

use toml::de::DeValue;

use crate::nearest;

pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(value) => format!("the date {value}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

pub(super) fn text(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A text, or a date of TOML as a text; a local one counts as UTC.
pub(super) fn time(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Datetime(at) if at.offset.is_none() && at.date.is_some() && at.time.is_some() => {
            Some(format!("{at}Z"))
        }
        DeValue::Datetime(at) => Some(at.to_string()),
        value => text(value),
    }
}

pub(super) fn whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

pub(super) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(_) => whole(value)? as f64,
        DeValue::Float(float) => float.as_str().parse().ok()?,
        _ => return None,
    };
    Some(number).filter(|number| number.is_finite())
}

/// ``"`x` is not one of `a`, `b`; did you mean `a`?"``.
pub fn unknown_word(word: &str, known: &[&str]) -> String {
    let list = one_of(known);
    match nearest(word, known.iter().copied()).first() {
        Some(near) => format!("`{word}` is not {list}; did you mean `{near}`?"),
        None => format!("`{word}` is not {list}"),
    }
}

pub(super) fn one_of(words: &[&str]) -> String {
    format!("one of {}", quoted(words))
}

pub(super) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
