//! The functions of templates.

use time::OffsetDateTime;

use super::{Error, Value};
use crate::number::{exponent, general};

/// A function of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Humanize,
    Humanize1024,
    HumanizeDuration,
    HumanizePercentage,
    HumanizeTimestamp,
    Printf,
    Print,
    ToUpper,
    ToLower,
    Title,
    Compare(Order),
    Not,
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

const FUNCTIONS: [(&str, Function, usize); 19] = [
    ("humanize", Function::Humanize, 1),
    ("humanize1024", Function::Humanize1024, 1),
    ("humanizeDuration", Function::HumanizeDuration, 1),
    ("humanizePercentage", Function::HumanizePercentage, 1),
    ("humanizeTimestamp", Function::HumanizeTimestamp, 1),
    ("printf", Function::Printf, 1),
    ("print", Function::Print, 0),
    ("toUpper", Function::ToUpper, 1),
    ("toLower", Function::ToLower, 1),
    ("title", Function::Title, 1),
    ("eq", Function::Compare(Order::Equal), 2),
    ("ne", Function::Compare(Order::NotEqual), 2),
    ("lt", Function::Compare(Order::Less), 2),
    ("le", Function::Compare(Order::LessEqual), 2),
    ("gt", Function::Compare(Order::Greater), 2),
    ("ge", Function::Compare(Order::GreaterEqual), 2),
    ("not", Function::Not, 1),
    ("and", Function::And, 2),
    ("or", Function::Or, 2),
];

impl Function {
    pub(super) fn named(name: &str) -> Result<Function, Error> {
        let found = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        found
            .map(|(_, function, _)| *function)
            .ok_or_else(|| Error::UnknownFunction(name.to_owned()))
    }

    /// Whether it can take that many arguments.
    pub(super) fn check(self, count: usize) -> Result<(), Error> {
        let Some((name, _, wanted)) = FUNCTIONS.iter().find(|(_, known, _)| *known == self) else {
            return Ok(());
        };
        let takes_more = matches!(self, Function::Printf | Function::Print);
        if count == *wanted || (takes_more && count > *wanted) {
            Ok(())
        } else {
            Err(Error::Arity(name, *wanted))
        }
    }

    pub(super) fn call(self, arguments: &[Value]) -> Value {
        let text = |index: usize| arguments.get(index).map(Value::show).unwrap_or_default();
        let with_number = |write: fn(f64) -> String| {
            let number = arguments.first().and_then(Value::number);
            Value::Text(number.map_or_else(|| text(0), write))
        };
        let truth = |index: usize| arguments.get(index).is_some_and(Value::is_true);
        match self {
            Function::Humanize => with_number(humanize),
            Function::Humanize1024 => with_number(humanize_1024),
            Function::HumanizeDuration => with_number(humanize_duration),
            Function::HumanizePercentage => {
                with_number(|value| format!("{}%", general(value * 100.0, Some(4))))
            }
            Function::HumanizeTimestamp => with_number(humanize_timestamp),
            Function::Printf => Value::Text(printf(&text(0), &arguments[1..])),
            Function::Print => Value::Text((0..arguments.len()).map(text).collect()),
            Function::ToUpper => Value::Text(text(0).to_uppercase()),
            Function::ToLower => Value::Text(text(0).to_lowercase()),
            Function::Title => Value::Text(title(&text(0))),
            Function::Compare(order) => Value::Truth(order.holds(&arguments[0], &arguments[1])),
            Function::Not => Value::Truth(!truth(0)),
            Function::And => Value::Truth(truth(0) && truth(1)),
            Function::Or => Value::Truth(truth(0) || truth(1)),
        }
    }
}

impl Order {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => Some(left.show().cmp(&right.show())),
        };
        let Some(order) = order else {
            return self == Order::NotEqual;
        };
        match self {
            Order::Equal => order.is_eq(),
            Order::NotEqual => order.is_ne(),
            Order::Less => order.is_lt(),
            Order::LessEqual => order.is_le(),
            Order::Greater => order.is_gt(),
            Order::GreaterEqual => order.is_ge(),
        }
    }
}

fn four(value: f64, unit: &str) -> String {
    format!("{}{unit}", general(value, Some(4)))
}

/// Divides by `base` along the prefixes until the number is short.
fn scaled(value: f64, base: f64, prefixes: &[&str]) -> String {
    let (mut value, mut unit) = (value, "");
    for prefix in prefixes {
        if value.abs() < base {
            break;
        }
        value /= base;
        unit = prefix;
    }
    four(value, unit)
}

/// Multiplies along the small prefixes until the number is at least one.
fn enlarged(value: f64, unit: &str) -> String {
    let (mut value, mut chosen) = (value, "");
    for prefix in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        value *= 1_000.0;
        chosen = prefix;
    }
    four(value, &format!("{chosen}{unit}"))
}

fn is_plain(value: f64) -> bool {
    value == 0.0 || !value.is_finite()
}

fn humanize(value: f64) -> String {
    match value {
        _ if is_plain(value) => four(value, ""),
        _ if value.abs() >= 1.0 => {
            scaled(value, 1_000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"])
        }
        _ => enlarged(value, ""),
    }
}

fn humanize_1024(value: f64) -> String {
    if is_plain(value) || value.abs() <= 1.0 {
        return four(value, "");
    }
    scaled(
        value,
        1_024.0,
        &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"],
    )
}

fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return four(value, "");
    }
    if value == 0.0 {
        return "0s".to_owned();
    }
    if value.abs() < 1.0 {
        return enlarged(value, "s");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as u64;
    let (days, hours) = (whole / 86_400, whole / 3_600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}", four(value.abs(), "s")),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

fn humanize_timestamp(value: f64) -> String {
    match OffsetDateTime::from_unix_timestamp_nanos((value * 1e9) as i128) {
        Ok(moment) if value.is_finite() => {
            let (date, time) = (moment.date(), moment.time());
            let (hour, minute, second) = time.as_hms();
            let fraction = match moment.nanosecond() {
                0 => String::new(),
                nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
            };
            format!("{date} {hour:02}:{minute:02}:{second:02}{fraction} +0000 UTC")
        }
        _ => four(value, ""),
    }
}

fn title(text: &str) -> String {
    let mut starts_word = true;
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        if starts_word {
            result.extend(character.to_uppercase());
        } else {
            result.push(character);
        }
        starts_word = character.is_whitespace();
    }
    result
}

/// The verbs `%s %v %q %d %f %e %g %%` with flags `-` and `0`, width and precision.
fn printf(format: &str, arguments: &[Value]) -> String {
    let mut text = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic() || c == '%');
        let Some(end) = end else {
            text.push_str("%!(NOVERB)");
            return text;
        };
        let (flags, verb) = (&rest[..end], &rest[end..=end]);
        rest = &rest[end + 1..];
        match (verb != "%").then(|| arguments.next()) {
            None => text.push('%'),
            Some(None) => text.push_str(&format!("%!{verb}(MISSING)")),
            Some(Some(value)) => text.push_str(&formatted(flags, verb, value)),
        }
    }
    text.push_str(rest);
    text
}

fn formatted(flags: &str, verb: &str, value: &Value) -> String {
    let is_left = flags.contains('-');
    let size = flags.trim_start_matches(['-', '+', '0', ' ']);
    let is_padded = flags[..flags.len() - size.len()].contains('0') && !is_left;
    let (width, precision) = size.split_once('.').unwrap_or((size, "none"));
    let width = width.parse().unwrap_or(0);
    let precision: Option<usize> = match precision {
        "" => Some(0),
        digits => digits.parse().ok(),
    };
    let body = match (verb, value.number()) {
        ("f" | "F", Some(number)) if number.is_finite() => {
            format!("{number:.*}", precision.unwrap_or(6))
        }
        ("d", Some(number)) if number.is_finite() => format!("{number:.0}"),
        ("g", Some(number)) => general(number, precision),
        ("e", Some(number)) if precision.is_none() => exponent(number),
        ("q", _) => format!("{:?}", value.show()),
        ("s" | "v", _) => match precision {
            Some(most) => value.show().chars().take(most).collect(),
            None => value.show(),
        },
        ("f" | "F" | "d" | "e", Some(number)) => general(number, None),
        _ => format!("%!{verb}({})", value.show()),
    };
    match (is_left, is_padded) {
        (true, _) => format!("{body:<width$}"),
        (false, true) => format!("{body:0>width$}"),
        (false, false) => format!("{body:>width$}"),
    }
}
