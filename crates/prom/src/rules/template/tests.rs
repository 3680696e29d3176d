use super::*;

fn check(template: &str, value: f64, expected: &str) {
    let labels = Labels::new([("service", "checkout"), ("le", "0.3")]);
    let scope = Scope {
        labels: &labels,
        value,
    };
    let template = Template::parse(template).unwrap();
    assert_eq!(template.expand(scope), expected);
}

#[test]
fn values_and_labels_are_filled_in() {
    check("plain", 0.0, "plain");
    check("{{ $labels.service }}: {{$value}}", 0.25, "checkout: 0.25");
    check("[{{ $labels.absent }}]", 2.0, "[]");
}

#[test]
fn numbers_become_readable() {
    check("{{ $value | humanize }}", 1_234_567.0, "1.235M");
    check("{{ humanize $value }}", 0.12, "120m");
    check("{{ humanize1024 $value }}", 1_048_576.0, "1Mi");
    check("{{ humanizePercentage $value }}", 0.123_456, "12.35%");
    check("{{ humanizeDuration $value }}", 0.123_45, "123.5ms");
    check("{{ humanizeDuration $value }}", 899.99, "14m 59s");
    check("{{ humanizeDuration $value }}", -183_845.0, "-2d 3h 4m 5s");
    check("{{ humanizeDuration $value }}", 12.345, "12.35s");
    check(
        "{{ humanizeTimestamp $value }}",
        1_435_065_584.128,
        "2015-06-23 13:19:44.128 +0000 UTC",
    );
    check("{{ humanize $value }}", f64::NAN, "NaN");
    check("{{ $labels.le | humanizeDuration }}", 0.0, "300ms");
    check("{{ $labels.service | humanize }}", 0.0, "checkout");
}

#[test]
fn printf_formats() {
    check("{{ printf \"%.2f\" $value }}", 1.005_1, "1.01");
    check("{{ $value | printf \"%.1f %%\" }}", 2.25, "2.2 %");
    check(
        "{{ printf \"%s=%v|%f|%.2g\" $labels.service $value $value $value }}",
        1.25,
        "checkout=1.25|1.250000|1.2",
    );
    check(
        "{{ $value | humanize | printf \"\\\"%s\\\"\" }}",
        1e3,
        "\"1k\"",
    );
}

/// The expected texts are those of Prometheus's own `promtool`.
#[test]
fn printf_agrees_with_prometheus() {
    let template = "{{ printf \"%.0f\" $value }}|{{ printf \"%.3f\" $value }}|{{ printf \"%v\" $value }}|\
        {{ printf \"%.2g\" $value }}|{{ $value | printf \"%.1f %%\" }}|{{ $value | humanize | printf \"%s\" }}";
    for (value, expected) in [
        (0.5, "0|0.500|0.5|0.5|0.5 %|500m"),
        (1.5, "2|1.500|1.5|1.5|1.5 %|1.5"),
        (2.5, "2|2.500|2.5|2.5|2.5 %|2.5"),
        (-0.3, "-0|-0.300|-0.3|-0.3|-0.3 %|-300m"),
        (
            1_234_567.0,
            "1234567|1234567.000|1.234567e+06|1.2e+06|1234567.0 %|1.235M",
        ),
        (1.234e-5, "0|0.000|1.234e-05|1.2e-05|0.0 %|12.34u"),
        (100_000.0, "100000|100000.000|100000|1e+05|100000.0 %|100k"),
        (-7.25, "-7|-7.250|-7.25|-7.2|-7.2 %|-7.25"),
    ] {
        check(template, value, expected);
    }
}

#[test]
fn everything_else_is_refused_when_a_template_is_read() {
    let unsupported = |what: &str| {
        format!(
            "`{what}` is not supported; a template may use $value, $labels.NAME and the functions \
             humanize, humanize1024, humanizeDuration, humanizePercentage, humanizeTimestamp and printf"
        )
    };
    for (text, what) in [
        ("{{ $labels.queue | title }}", "title"),
        ("{{ humanise $value }}", "humanise"),
        ("{{ if gt $value 8.0 }}page{{ end }}", "if"),
        ("x{{ end }}", "end"),
        ("{{- $value -}}", "-"),
        ("{{/* a remark */}}", "/*"),
        ("{{ $labelz.x }}", "$labelz.x"),
        ("{{ $labels }}", "$labels"),
        ("{{ $externalURL }}", "$externalURL"),
        ("{{ .Value }}", ".Value"),
        ("{{ humanize (printf \"%v\" $value) }}", "(printf"),
        ("{{ humanize 3 }}", "3"),
        ("{{ $value $value }}", "$value"),
        ("{{ \"text\" }}", "text"),
        ("{{ }}", "{{ }}"),
        ("{{ $value | }}", "{{ }}"),
    ] {
        let error = Template::parse(text).unwrap_err().to_string();
        assert_eq!(error, unsupported(what), "{text}");
    }
    for (text, expected) in [
        ("{{ $value", "`{{` is not closed"),
        ("{{ humanize }}", "`humanize` takes one argument"),
        (
            "{{ $value | humanize $value }}",
            "`humanize` takes one argument",
        ),
        (
            "{{ printf \"%d\" $value }}",
            "printf: `%d` is not supported, only %s, %v, %f, %.2f, %g, %.2g and %% are",
        ),
        (
            "{{ printf \"%5.1f\" $value }}",
            "printf: `%5.1f` is not supported, only %s, %v, %f, %.2f, %g, %.2g and %% are",
        ),
        (
            "{{ printf \"%s\" $value }}",
            "printf: `%s` does not fit its argument: $value is a number, everything else is text",
        ),
        (
            "{{ printf \"%s\" }}",
            "printf: the number of verbs differs from the number of arguments",
        ),
        (
            "{{ printf \"x\" $value }}",
            "printf: the number of verbs differs from the number of arguments",
        ),
    ] {
        let error = Template::parse(text).unwrap_err().to_string();
        assert_eq!(error, expected, "{text}");
    }
}
