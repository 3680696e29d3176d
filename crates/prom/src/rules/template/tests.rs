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

/// Cases as `template => text`, one a line.
fn check_all(value: f64, cases: &str) {
    for case in cases.trim().lines() {
        let (template, expected) = case.split_once(" => ").unwrap();
        check(template, value, expected);
    }
}

#[test]
fn values_and_labels_are_filled_in() {
    check_all(0.0, "plain => plain");
    check_all(0.25, "{{ $labels.service }}: {{$value}} => checkout: 0.25");
    check_all(2.0, "[{{ $labels.absent }}] => []");
}

#[test]
fn numbers_become_readable() {
    check_all(1_234_567.0, "{{ $value | humanize }} => 1.235M");
    check_all(0.12, "{{ humanize $value }} => 120m");
    check_all(1_048_576.0, "{{ humanize1024 $value }} => 1Mi");
    check_all(0.123_456, "{{ humanizePercentage $value }} => 12.35%");
    check_all(0.123_45, "{{ humanizeDuration $value }} => 123.5ms");
    check_all(899.99, "{{ humanizeDuration $value }} => 14m 59s");
    check_all(-183_845.0, "{{ humanizeDuration $value }} => -2d 3h 4m 5s");
    check_all(12.345, "{{ humanizeDuration $value }} => 12.35s");
    let moment = "{{ humanizeTimestamp $value }} => 2015-06-23 13:19:44.128 +0000 UTC";
    check_all(1_435_065_584.128, moment);
    check_all(f64::NAN, "{{ humanize $value }} => NaN");
    check_all(0.0, "{{ $labels.le | humanizeDuration }} => 300ms");
    check_all(0.0, "{{ $labels.service | humanize }} => checkout");
}

#[test]
fn printf_formats() {
    check_all(1.005_1, r#"{{ printf "%.2f" $value }} => 1.01"#);
    check_all(2.25, r#"{{ $value | printf "%.1f %%" }} => 2.2 %"#);
    let all = r#"{{ printf "%s=%v|%f|%.2g" $labels.service $value $value $value }}"#;
    check(all, 1.25, "checkout=1.25|1.250000|1.2");
    check_all(1e3, r#"{{ $value | humanize | printf "\"%s\"" }} => "1k""#);
}

/// The expected texts are those of Prometheus's own `promtool`.
#[test]
fn printf_agrees_with_prometheus() {
    let template = "{{ printf \"%.0f\" $value }}|{{ printf \"%.3f\" $value }}|{{ printf \"%v\" $value }}|\
        {{ printf \"%.2g\" $value }}|{{ $value | printf \"%.1f %%\" }}|{{ $value | humanize | printf \"%s\" }}";
    for case in [
        "0.5 => 0|0.500|0.5|0.5|0.5 %|500m",
        "1.5 => 2|1.500|1.5|1.5|1.5 %|1.5",
        "2.5 => 2|2.500|2.5|2.5|2.5 %|2.5",
        "-0.3 => -0|-0.300|-0.3|-0.3|-0.3 %|-300m",
        "1234567 => 1234567|1234567.000|1.234567e+06|1.2e+06|1234567.0 %|1.235M",
        "1.234e-5 => 0|0.000|1.234e-05|1.2e-05|0.0 %|12.34u",
        "100000 => 100000|100000.000|100000|1e+05|100000.0 %|100k",
        "-7.25 => -7|-7.250|-7.25|-7.2|-7.2 %|-7.25",
    ] {
        let (value, expected) = case.split_once(" => ").unwrap();
        check(template, value.parse().unwrap(), expected);
    }
}

#[test]
fn everything_else_is_refused_when_a_template_is_read() {
    let check = |text: &str, expected: &str| {
        let error = Template::parse(text).unwrap_err().to_string();
        assert_eq!(error, expected, "{text}");
    };
    let unsupported = r#"
{{ $labels.queue | title }} => title
{{ humanise $value }} => humanise
{{ if gt $value 8.0 }}page{{ end }} => if
x{{ end }} => end
{{- $value -}} => -
{{/* a remark */}} => /*
{{ $labelz.x }} => $labelz.x
{{ $labels }} => $labels
{{ $externalURL }} => $externalURL
{{ .Value }} => .Value
{{ humanize (printf "%v" $value) }} => (printf
{{ humanize 3 }} => 3
{{ $value $value }} => $value
{{ "text" }} => text
{{ }} => {{ }}
{{ $value | }} => {{ }}
"#;
    for case in unsupported.trim().lines() {
        let (text, what) = case.split_once(" => ").unwrap();
        let expected = format!(
            "`{what}` is not supported; a template may use $value, $labels.NAME and the functions \
             humanize, humanize1024, humanizeDuration, humanizePercentage, humanizeTimestamp and printf"
        );
        check(text, &expected);
    }
    let others = r#"
{{ $value => `{{` is not closed
{{ humanize }} => `humanize` takes one argument
{{ $value | humanize $value }} => `humanize` takes one argument
{{ printf "%d" $value }} => printf: `%d` is not supported, only %s, %v, %f, %.2f, %g, %.2g and %% are
{{ printf "%5.1f" $value }} => printf: `%5.1f` is not supported, only %s, %v, %f, %.2f, %g, %.2g and %% are
{{ printf "%s" $value }} => printf: `%s` does not fit its argument: $value is a number, everything else is text
{{ printf "%s" }} => printf: the number of verbs differs from the number of arguments
{{ printf "x" $value }} => printf: the number of verbs differs from the number of arguments
"#;
    for case in others.trim().lines() {
        let (text, expected) = case.split_once(" => ").unwrap();
        check(text, expected);
    }
}
