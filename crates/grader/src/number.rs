//! Numbers for people.

/// Four significant digits.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    match digits {
        _ if value.abs() >= 1e15 || value.abs() < 1e-6 => format!("{value:.3e}"),
        digits if digits <= 0 => format!("{value:.0}"),
        digits => {
            let text = format!("{value:.*}", digits as usize);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        fn check(value: f64, expected: &str) {
            assert_eq!(number(value), expected);
        }
        check(0.0, "0");
        check(0.48321, "0.4832");
        check(12345.6, "12346");
        check(-3.0, "-3");
        check(1.0e-9, "1.000e-9");
    }
}
