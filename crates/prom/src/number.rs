//! Numbers as Go writes them, because Prometheus's clients and templates expect that.

/// Significant digits and decimal exponent of a finite number other than zero.
fn digits(value: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{:.*e}", precision.max(1) - 1, value.abs()),
        None => format!("{:e}", value.abs()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "");
    (digits, exponent.parse().unwrap_or_default())
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// Shortest notation of a value in the API: decimal, with an exponent only for very large and very small values.
pub(crate) fn api(value: f64) -> String {
    let size = value.abs();
    if !size.is_finite() || size != 0.0 && !(1e-6..1e21).contains(&size) {
        return exponent(value);
    }
    // Rust's notation of a double is the shortest decimal one that reads back.
    value.to_string()
}

/// Like `%e` with as few digits as needed: `1.5e+00`.
pub(crate) fn exponent(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() {
            "-0e+00"
        } else {
            "0e+00"
        }
        .to_owned();
    }
    let (digits, exponent) = digits(value, None);
    scientific(value, &digits, exponent)
}

fn scientific(value: f64, digits: &str, exponent: i32) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{sign}{first}{point}{rest}e{exponent_sign}{:02}",
        exponent.abs()
    )
}

/// Like `%g`: with that many significant digits, or as few as needed.
pub(crate) fn general(value: f64, precision: Option<usize>) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let (found, exponent) = digits(value, precision);
    let kept = found.trim_end_matches('0');
    let kept = if kept.is_empty() { "0" } else { kept };
    // Go decides as if for six digits when it may take as few as needed.
    let limit = precision.map_or(6, |precision| precision.max(1) as i32);
    if exponent < -4 || exponent >= limit {
        return scientific(value, kept, exponent);
    }
    let decimals = (kept.len() as i32 - 1 - exponent).max(0) as usize;
    format!("{value:.decimals$}")
}

/// A bound of a histogram or a quantile as OpenMetrics recommends it: never without a point or an exponent.
pub(crate) fn open_metrics(value: f64) -> String {
    let mut text = general(value, None);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_go() {
        let check = |value: f64, shortest: &str, four: &str| {
            assert_eq!(general(value, None), shortest);
            assert_eq!(general(value, Some(4)), four);
        };
        check(100_000.0, "100000", "1e+05");
        check(1_234_567.0, "1.234567e+06", "1.235e+06");
        check(0.0001, "0.0001", "0.0001");
        check(0.00001, "1e-05", "1e-05");
        check(-0.025, "-0.025", "-0.025");
        check(123.456, "123.456", "123.5");
        check(0.0, "0", "0");
        check(f64::INFINITY, "+Inf", "+Inf");
        assert_eq!(exponent(1.0), "1e+00");
        assert_eq!(exponent(0.0123), "1.23e-02");
    }

    #[test]
    fn bounds_have_a_point_or_an_exponent() {
        let check = |value: f64, text: &str| assert_eq!(open_metrics(value), text);
        check(1.0, "1.0");
        check(0.0, "0.0");
        check(-10.0, "-10.0");
        check(0.25, "0.25");
        check(0.000_025, "2.5e-05");
        check(100_000.0, "100000.0");
        check(1e6, "1e+06");
        check(f64::INFINITY, "+Inf");
    }

    #[test]
    fn the_api_avoids_exponents() {
        let check = |value: f64, text: &str| assert_eq!(api(value), text);
        check(1e20, "100000000000000000000");
        check(1e21, "1e+21");
        check(0.000001, "0.000001");
        check(0.00000012, "1.2e-07");
        check(f64::NEG_INFINITY, "-Inf");
        check(f64::NAN, "NaN");
        check(-0.5, "-0.5");
    }
}
