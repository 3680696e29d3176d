//! Durations as Prometheus writes them: `1h30m`, `15s`, `500ms`.

use std::time::Duration;

/// Units from large to small, in milliseconds; a text names them in this order, each once.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration; `0` needs no unit.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        // The iterator goes on where the last unit stood, which enforces their order.
        let (_, unit_ms) = units.find(|(unit, _)| *unit == &after[..end])?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = &after[end..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

/// Writes a duration in the largest units that express it exactly.
pub(crate) fn format(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, unit_ms) in UNITS {
        // Years and weeks only when nothing is left over, as in `1w` but `8d`.
        let is_exact = !matches!(unit, "y" | "w") || rest % unit_ms == 0;
        if is_exact && rest >= unit_ms {
            text.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(parse(text), ms.map(Duration::from_millis), "{text}");
        };
        check("0", Some(0));
        check("15s", Some(15_000));
        check("1h30m", Some(5_400_000));
        check("1m500ms", Some(60_500));
        check("2w", Some(1_209_600_000));
        check("", None);
        check("5", None);
        check("1s1m", None);
        check("1s1s", None);
        check("1.5s", None);
        check("99999999999999999y", None);
        assert_eq!(format(Duration::from_millis(5_400_500)), "1h30m500ms");
        assert_eq!(format(Duration::from_secs(7 * 86_400)), "1w");
        assert_eq!(format(Duration::ZERO), "0s");
    }
}
