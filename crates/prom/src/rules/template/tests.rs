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
    check("{{ .Labels.service }} {{ .Value }}", 2.0, "checkout 2");
    check("[{{ $labels.absent }}]", 2.0, "[]");
    check("a {{- $value -}} b", 1.0, "a1b");
    check("{{/* a remark */}}x", 1.0, "x");
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
}

#[test]
fn printf_formats() {
    check("{{ printf \"%.2f\" $value }}", 1.005_1, "1.01");
    check("{{ $value | printf \"%.1f %%\" }}", 2.25, "2.2 %");
    check(
        "{{ printf \"%s=%v|%5.1f|%-5s|%05.1f\" \"a\" $value $value \"b\" $value }}",
        1.5,
        "a=1.5|  1.5|b    |001.5",
    );
    check("{{ printf \"%s\" }}", 1.5, "%!s(MISSING)");
}

#[test]
fn conditions_choose() {
    let text = "{{ if gt $value 1.0 }}high{{ else if eq $labels.service \"checkout\" }}low{{ else }}?{{ end }}";
    check(text, 2.0, "high");
    check(text, 0.5, "low");
    check("{{ if $labels.absent }}a{{ end }}b", 0.0, "b");
    check(
        "{{ toUpper (printf \"%s\" $labels.service) }}",
        0.0,
        "CHECKOUT",
    );
}

#[test]
fn mistakes_are_found_when_a_template_is_read() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Template::parse(text).unwrap_err().to_string(), expected);
    };
    check("{{ $value", "`{{` is not closed");
    check("{{ humanise $value }}", "function `humanise` is not known");
    check("{{ $labelz.x }}", "`$labelz.x` is not understood here");
    check("{{ if $value }}x", "`if` has no counterpart");
    check("x{{ end }}", "`end` has no counterpart");
    check("{{ humanize }}", "`humanize` takes 1 arguments");
    check("{{ }}", "`{{ }}` is not understood here");
}
