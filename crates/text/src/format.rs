//! Numbers, durations, sizes, times and counts as people read them, and text from outside made harmless.

use std::borrow::Cow;
use std::fmt::Display;

use time::OffsetDateTime;
use time::macros::format_description;

/// A duration with three digits and its unit: `950 µs`, `12.3 ms`, `4.05 s`, `2m 05s`.
pub fn duration(micros: f64) -> String {
    match micros {
        us if us < 999.5 => format!("{us:.0} µs"),
        us if us < 999_500.0 => format!("{} ms", three_digits(us / 1e3)),
        us if us < 60e6 => format!("{} s", three_digits(us / 1e6)),
        us => elapsed((us / 1e6) as u64),
    }
}

/// Whole seconds as `45s`, `2m 05s`, `1h 02m`, `2d 03h`.
pub fn elapsed(seconds: u64) -> String {
    match seconds {
        s if s < 60 => format!("{s}s"),
        s if s < 3600 => format!("{}m {:02}s", s / 60, s % 60),
        s if s < 86_400 => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
        s => format!("{}d {:02}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A size in bytes: `512 B`, `4.00 KiB`, `37.5 MiB`.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes.abs();
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let sign = if bytes < 0.0 { "-" } else { "" };
    if unit == 0 {
        format!("{sign}{value:.0} B")
    } else {
        format!("{sign}{} {}", three_digits(value), UNITS[unit])
    }
}

/// A sample value: whole numbers whole, others with four digits that count.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if value == value.trunc() && size < 1e15 {
        format!("{value:.0}")
    } else if !(1e-4..1e15).contains(&size) {
        format!("{value:.3e}")
    } else {
        // Digits after the point so that four count; never more than needed.
        let decimals = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
        let text = format!("{value:.decimals$}");
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}

/// A count and what is counted: `1 problem`, `3 problems`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// RFC 3339 in UTC with milliseconds, such as `2026-11-23T10:00:00.000Z`: three digits always, so that lines sort and align.
pub fn rfc3339(at: OffsetDateTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    // The format has no part that a UTC time lacks.
    at.to_offset(time::UtcOffset::UTC)
        .format(&format)
        .unwrap_or_default()
}

/// A time of day in UTC with milliseconds: `14:05:10.250`.
pub fn clock(at: OffsetDateTime) -> String {
    let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    // The components are those of a time of day, which every instant has.
    at.to_offset(time::UtcOffset::UTC)
        .format(&format)
        .unwrap_or_default()
}

/// Date and time in UTC: `2026-11-23 14:05:10`.
pub fn date_time(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    at.to_offset(time::UtcOffset::UTC)
        .format(&format)
        .unwrap_or_default()
}

/// The text with control characters shown, and those that turn a line around or take no room, so that text of others
/// neither drives the terminal nor reads as something else than it is.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text
        .chars()
        .any(|char| char != '\t' && (char.is_control() || is_invisible(char)))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push('\t'),
            char if char.is_control() || is_invisible(char) => shown.extend(char.escape_unicode()),
            char => shown.push(char),
        }
    }
    Cow::Owned(shown)
}

/// The same for a text of several lines, whose breaks stay.
pub fn harmless_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(harmless).collect();
    lines.join("\n")
}

/// What a program is about to write to a terminal, with everything harmless but its line breaks and its own colours:
/// the last look at text of others, which may have come by any way.
pub fn harmless_output(text: &str) -> Cow<'_, str> {
    let is_odd =
        |char: char| !matches!(char, '\t' | '\n') && (char.is_control() || is_invisible(char));
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(is_odd) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = colour(rest);
        let (odd, after) = rest.split_at(length.max(rest.chars().next().map_or(0, char::len_utf8)));
        match length {
            0 => shown.push_str(&harmless(odd)),
            _ => shown.push_str(odd),
        }
        rest = after;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// The length of the colour or weight that a text begins with: `ESC [ codes m`. Other codes could hide what follows.
fn colour(text: &str) -> usize {
    let codes = text
        .strip_prefix("\x1b[")
        .and_then(|rest| rest.split_once('m'));
    let is_colour = |code| {
        matches!(
            code,
            "0" | "1" | "2" | "32" | "33" | "34" | "35" | "36" | "37" | "31" | "96"
        )
    };
    match codes {
        Some((codes, _)) if codes.split(';').all(is_colour) => "\x1b[m".len() + codes.len(),
        _ => 0,
    }
}

/// JSON with the characters escaped that JSON allows and [`harmless`] does not: to a program it is the same text.
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    let is_odd = |char: char| char != '\n' && (char.is_control() || is_invisible(char));
    if !json.contains(is_odd) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for char in json.chars() {
        if is_odd(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

/// Marks of direction, characters of no width, separators of lines, and tags: nobody sees them.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn three_digits(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let table = [
            (0.0, "0 µs"),
            (950.0, "950 µs"),
            (999.7, "1.00 ms"),
            (12_345.0, "12.3 ms"),
            (999_600.0, "1.00 s"),
            (4_051_000.0, "4.05 s"),
            (125e6, "2m 05s"),
        ];
        for (micros, expected) in table {
            assert_eq!(duration(micros), expected);
        }
    }

    #[test]
    fn times_have_three_digits_of_milliseconds() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_763_892_000_120, "2025-11-23T10:00:00.120Z"),
        ] {
            let at = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(millis);
            assert_eq!(rfc3339(at), expected);
        }
    }

    #[test]
    fn one_is_counted_without_a_plural() {
        assert_eq!(counted(1_usize, "problem"), "1 problem");
        assert_eq!(counted(0_u64, "problem"), "0 problems");
        assert_eq!(counted(12_usize, "problem"), "12 problems");
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(harmless("plain"), "plain");
        assert_eq!(harmless("größer ✓ 日本 😀"), "größer ✓ 日本 😀");
        assert_eq!(harmless("a\x1b[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert_eq!(harmless_lines("a\n\tb\x07"), "a\n\tb\\u{7}");
        assert_eq!(harmless("\u{7f}\u{9b}"), "\\u{7f}\\u{9b}");
        assert_eq!(
            harmless("x\u{202e}y\u{200b}\u{2066}"),
            "x\\u{202e}y\\u{200b}\\u{2066}"
        );
    }

    #[test]
    fn colours_of_ours_are_obeyed_and_nothing_else_is() {
        for (text, expected) in [
            ("plain\n\tlines\n", "plain\n\tlines\n"),
            ("\x1b[1;31merror\x1b[0m", "\x1b[1;31merror\x1b[0m"),
            ("\x1b[2J\x1b[3", "\\u{1b}[2J\\u{1b}[3"),
            ("\x1b[8mhidden\x1b[1;8m", "\\u{1b}[8mhidden\\u{1b}[1;8m"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("a\rb\u{7f}\u{9b}31mc", "a\\rb\\u{7f}\\u{9b}31mc"),
            ("x\u{202e}y\u{200b}", "x\\u{202e}y\\u{200b}"),
        ] {
            assert_eq!(harmless_output(text), expected);
        }
    }

    #[test]
    fn json_stays_the_same_text_to_a_program() {
        for (json, expected) in [
            (
                "{\n  \"a\": \"größer 日本\"\n}\n",
                "{\n  \"a\": \"größer 日本\"\n}\n",
            ),
            ("\"\u{7f}\u{9b}\"", "\"\\u007f\\u009b\""),
            ("\"\u{202e}\u{200b}\u{feff}\"", "\"\\u202e\\u200b\\ufeff\""),
            // Beyond 16 bits JSON has pairs.
            ("\"\u{e0041}\"", "\"\\udb40\\udc41\""),
        ] {
            assert_eq!(harmless_json(json), expected);
        }
    }

    #[test]
    fn sizes_are_binary() {
        let table = [
            (0.0, "0 B"),
            (512.0, "512 B"),
            (4096.0, "4.00 KiB"),
            (-39_321_600.0, "-37.5 MiB"),
        ];
        for (size, expected) in table {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn numbers_keep_four_digits_that_count() {
        let table = [
            (3.0, "3"),
            (0.5, "0.5"),
            (0.123_456, "0.1235"),
            (1234.5678, "1235"),
            (99.999_99, "100"),
            (0.000_012, "1.200e-5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expected) in table {
            assert_eq!(number(value), expected);
        }
    }
}
