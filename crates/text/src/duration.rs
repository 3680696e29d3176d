//! Durations as people type them: `250ms`, `1.5s`, `5m`, `1m30s`, `2d`.

use std::time::Duration;

/// The units, in seconds.
const UNITS: [(&str, f64); 7] = [
    ("us", 0.000_001),
    ("ms", 0.001),
    ("s", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];
/// Longer ones are typing errors.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads a duration: numbers, each with its unit, one after the other.
pub fn parse(text: &str) -> Result<Duration, String> {
    read(text).ok_or_else(|| {
        format!("`{text}` is not a duration, such as `250ms`, `30s`, `5m`, `2h` or `2d`")
    })
}

fn read(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_s = 0.0;
    while !rest.is_empty() {
        let is_number = |char: char| char.is_ascii_digit() || char == '.';
        let (number, after) = rest.split_at(rest.find(|char| !is_number(char))?);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, unit_s) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total_s += number.parse::<f64>().ok()? * unit_s;
        rest = after;
    }
    let duration = Duration::try_from_secs_f64(total_s).ok()?;
    (!text.is_empty() && duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_units() {
        let check = |text: &str, expected_us: Option<u64>| {
            let expected = expected_us.map(Duration::from_micros);
            assert_eq!(parse(text).ok(), expected, "{text}");
        };
        check("250ms", Some(250_000));
        check("0.5s", Some(500_000));
        check("7us", Some(7));
        check("1m30s", Some(90_000_000));
        check("2min", Some(120_000_000));
        check("2d", Some(172_800_000_000));
        for text in [
            "", "250", "ms", "5x", "1..5s", "-5s", "infs", "1m 30s", "9999999d",
        ] {
            check(text, None);
        }
    }
}
