use super::*;
use std::fmt::Write;

/// Writes down what it is shown.
#[derive(Default)]
struct Record(String);

impl Visitor for Record {
    fn recall(&mut self, _: &str) -> Option<usize> {
        None
    }
    fn series(&mut self, text: &str, labels: &[Label<'_>]) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        write!(self.0, "[{text}] {}", labels.join(",")).unwrap();
    }
    fn sample(&mut self, value: f64, t_ms: Option<i64>) {
        let time = t_ms.map(|t_ms| format!(" @{t_ms}")).unwrap_or_default();
        writeln!(self.0, " {value}{time}").unwrap();
    }
    fn exemplar(&mut self, exemplar: Exemplar<'_>) {
        self.0.pop();
        let labels = exemplar.labels.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let time = exemplar.t_ms.map(|t_ms| format!(" @{t_ms}"));
        let (labels, time) = (labels.join(","), time.unwrap_or_default());
        writeln!(self.0, " like {labels} {}{time}", exemplar.value).unwrap();
    }
    fn describe(&mut self, family: &str, description: Description<'_>) {
        writeln!(self.0, "{family}: {description:?}").unwrap();
    }
}

fn read(text: &[u8], format: Format) -> Result<String, String> {
    let mut record = Record::default();
    let read = parse(text, format, &mut record);
    read.map(|()| record.0).map_err(|error| error.to_string())
}

#[test]
fn prometheus_text_is_read() {
    let check = |text: &str, expected: &str| {
        assert_eq!(
            read(text.as_bytes(), Format::Text).as_deref(),
            Ok(expected),
            "{text}"
        );
    };
    check("", "");
    check("\n# a remark\n#\n", "");
    check("up 1", "[up] __name__=\"up\" 1\n");
    check("up 1\n", "[up] __name__=\"up\" 1\n");
    check(
        "a:b_c{} -2.5e-3 1700000000123\n",
        "[a:b_c{}] __name__=\"a:b_c\" -0.0025 @1700000000123\n",
    );
    check(
        "a{b=\"c\",d=\"\"} +Inf\n",
        "[a{b=\"c\",d=\"\"}] __name__=\"a\",b=\"c\",d=\"\" inf\n",
    );
    check(
        "a { b = \"c\" , } NaN\n",
        "[a { b = \"c\" , }] __name__=\"a\",b=\"c\" NaN\n",
    );
    check(
        "a{b=\"x\\\\y\\\"z\\n}\"}\t7\n",
        "[a{b=\"x\\\\y\\\"z\\n}\"}] __name__=\"a\",b=\"x\\\\y\\\"z\\n}\" 7\n",
    );
    check(
        "{\"a.b\",c=\"d\"} 1\n",
        "[{\"a.b\",c=\"d\"}] __name__=\"a.b\",c=\"d\" 1\n",
    );
    check(
        "# HELP a_total what \\\\ it\\nis\n",
        "a_total: Help(\"what \\\\ it\\nis\")\n",
    );
    check(
        "# TYPE a histogram\n# TYPE b untyped\n",
        "a: Kind(Histogram)\nb: Kind(Unknown)\n",
    );
}

#[test]
fn open_metrics_text_is_read() {
    let check = |text: &str, expected: &str| {
        assert_eq!(
            read(text.as_bytes(), Format::OpenMetrics).as_deref(),
            Ok(expected),
            "{text}"
        );
    };
    check("# EOF\n", "");
    check(
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_total 1 1700000000.5\n# EOF",
        "a_seconds: Kind(Counter)\na_seconds: Unit(\"seconds\")\n[a_total] __name__=\"a_total\" 1 @1700000000500\n",
    );
    check("# TYPE a stateset\n# EOF\n", "a: Kind(Stateset)\n");
    check(
        "# HELP a say \\\"a\\\"\\n\n# UNIT a \n# EOF\n",
        "a: Help(\"say \\\"a\\\"\\n\")\na: Unit(\"\")\n",
    );
    // When a counter was created is a series like any other to Prometheus, unless it is told otherwise.
    check(
        "a_created 1.5\n# EOF\n",
        "[a_created] __name__=\"a_created\" 1.5\n",
    );
    check(
        "{\"a.b\",c=\"d\",} 1\n# EOF\n",
        "[{\"a.b\",c=\"d\",}] __name__=\"a.b\",c=\"d\" 1\n",
    );
}

#[test]
fn exemplars_are_read() {
    let check = |line: &str, expected: &str| {
        let text = format!("{line}\n# EOF\n");
        let expected =
            format!("[a_bucket{{le=\"1\"}}] __name__=\"a_bucket\",le=\"1\" 3{expected}\n");
        assert_eq!(read(text.as_bytes(), Format::OpenMetrics), Ok(expected));
    };
    let line = |rest: &str| format!("a_bucket{{le=\"1\"}} 3{rest}");
    check(
        &line(" # {trace_id=\"abc\"} 0.5 1.5"),
        " like trace_id=\"abc\" 0.5 @1500",
    );
    check(
        &line(" 7 # {trace_id=\"abc\",span_id=\"d\"} 5e-06"),
        " @7000 like trace_id=\"abc\",span_id=\"d\" 0.000005",
    );
    check(&line(" # {} 1"), " like  1");
    check(
        &line(" # {a=\"1\",a=\"}\\\"\",} -Inf"),
        " like a=\"1\",a=\"}\\\"\" -inf",
    );
    // Cut off and not rounded, as Prometheus does.
    check(
        &line(" # {a=\"b\"} 1 1700000000.1239"),
        " like a=\"b\" 1 @1700000000123",
    );
}

#[test]
fn mistakes_are_named_with_their_line() {
    let check = |text: &str, expected: &str| {
        assert_eq!(
            read(text.as_bytes(), Format::Text),
            Err(expected.to_owned()),
            "{text}"
        );
    };
    check("up 1\nup one\n", "line 2: `one` is not a number");
    check("up\n", "line 1: `` is not a number");
    check("1up 1\n", "line 1: expected a metric name at `1up 1`");
    check("up{a=1} 1\n", "line 1: expected `\"` at `1} 1`");
    check("up{a=\"1} 1\n", "line 1: expected a closing `\"` at `1} 1`");
    check(
        "up{a=\"1\" b=\"2\"} 1\n",
        "line 1: expected `,` or `}` at `b=\"2\"} 1`",
    );
    check("up{a=\"1\",a=\"2\"} 1\n", "line 1: label `a` occurs twice");
    check(
        "up{a=\"b\"}1\n",
        "line 1: expected a blank before the value at `1`",
    );
    check("up 1 2 3\n", "line 1: expected the end of the line at `3`");
    check("up 1 soon\n", "line 1: `soon` is not a timestamp");
    check(
        "{a=\"b\"} 1\n",
        "line 1: expected a metric name at `{a=\"b\"} 1`",
    );
    check(
        "# TYPE a speed\n",
        "line 1: `speed` is not a type of metric",
    );
    check("# TYPE a info\n", "line 1: `info` is not a type of metric");
    assert_eq!(
        read(b"up 1\nup{a=\"\xff\"} 1\n", Format::Text),
        Err("line 2: not UTF-8".to_owned())
    );
}

#[test]
fn open_metrics_must_end_and_has_no_remarks() {
    let check = |text: &str, expected: &str| {
        assert_eq!(
            read(text.as_bytes(), Format::OpenMetrics),
            Err(expected.to_owned()),
            "{text}"
        );
    };
    check("up 1\n", "line 2: the text ends without `# EOF`");
    check("# EOF\nup 1\n", "line 2: text after `# EOF`");
    check(
        "# a remark\n# EOF\n",
        "line 1: expected HELP, TYPE, UNIT or EOF at ` a remark`",
    );
    check("\n# EOF\n", "line 1: expected a metric name at ``");
    for (line, expected) in [
        ("#EOF", "expected HELP, TYPE, UNIT or EOF at `EOF`"),
        ("# HELP  a b", "expected a metric name at ` a b`"),
        ("# HELP a", "expected a blank and a text at ``"),
        ("# TYPE a untyped", "`untyped` is not a type of metric"),
        ("# TYPE a gauge ", "`gauge ` is not a type of metric"),
        ("# UNIT a seconds", "unit `seconds` is not the end of `a`"),
        (
            "# UNIT aseconds seconds",
            "unit `seconds` is not the end of `aseconds`",
        ),
        (" up 1", "expected a metric name at ` up 1`"),
        ("up  1", "expected a blank and the value at `  1`"),
        ("up{a= \"b\"} 1", "expected `\"` at ` \"b\"} 1`"),
        ("up 1 # 5", "`#` is not a timestamp"),
        ("up 1 2 3", "expected the end of the line at ` 3`"),
        ("up 1 NaN", "`NaN` is not a timestamp"),
        ("up 1 ", "expected a blank and the time at ` `"),
        ("up 1 # {a=\"b\"}", "expected a blank and the value at ``"),
        ("up 1 # {a=\"b\"} 1 x", "`x` is not a timestamp"),
        (
            "up 1 # {a=\"b\"} 1 2 3",
            "expected the end of the line at ` 3`",
        ),
        ("up 1 # {a=\"b\"} x", "`x` is not a number"),
        ("up 1 # {\"a\"} 1", "expected `=` at `} 1`"),
        (
            "up 1 # { a=\"b\"} 1",
            "expected a label name at ` a=\"b\"} 1`",
        ),
    ] {
        check(&format!("{line}\n# EOF\n"), &format!("line 1: {expected}"));
    }
}

#[test]
fn the_header_names_the_format() {
    let check = |header: &str, format: Format| assert_eq!(Format::of_content_type(header), format);
    check("text/plain; version=0.0.4; charset=utf-8", Format::Text);
    check(
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        Format::OpenMetrics,
    );
    check("", Format::Text);
}
