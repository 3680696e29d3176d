//! The functions that make a number readable.

use time::OffsetDateTime;

use crate::number::general;

/// The text of a number.
pub(super) type Humanize = fn(f64) -> String;

/// All of them, by name.
pub(super) const HUMANIZE: [(&str, Humanize); 5] = [
    ("humanize", humanize),
    ("humanize1024", humanize_1024),
    ("humanizeDuration", humanize_duration),
    ("humanizePercentage", humanize_percentage),
    ("humanizeTimestamp", humanize_timestamp),
];

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

fn humanize_percentage(value: f64) -> String {
    four(value * 100.0, "%")
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
