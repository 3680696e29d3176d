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

/// Cases as `text => what is read`, one a line; `⏎` ends a line in both, and `!` introduces a mistake. `end` follows
/// each text.
fn check(format: Format, end: &str, cases: &str) {
    for case in cases.trim_start_matches('\n').lines() {
        let (text, expected) = case.split_once(" => ").unwrap();
        let text = text.replace('⏎', "\n") + end;
        let found = match read(text.as_bytes(), format) {
            Ok(found) if found.is_empty() => "nothing".to_owned(),
            Ok(found) => found.replace('\n', "⏎"),
            Err(error) => format!("! {error}"),
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn prometheus_text_is_read() {
    let cases = r##"
 => nothing
⏎# a remark⏎#⏎ => nothing
up 1 => [up] __name__="up" 1⏎
up 1⏎ => [up] __name__="up" 1⏎
a:b_c{} -2.5e-3 1700000000123⏎ => [a:b_c{}] __name__="a:b_c" -0.0025 @1700000000123⏎
a{b="c",d=""} +Inf⏎ => [a{b="c",d=""}] __name__="a",b="c",d="" inf⏎
a { b = "c" , } NaN⏎ => [a { b = "c" , }] __name__="a",b="c" NaN⏎
a{b="x\\y\"z\n}"}	7⏎ => [a{b="x\\y\"z\n}"}] __name__="a",b="x\\y\"z\n}" 7⏎
{"a.b",c="d"} 1⏎ => [{"a.b",c="d"}] __name__="a.b",c="d" 1⏎
# HELP a_total what \\ it\nis⏎ => a_total: Help("what \\ it\nis")⏎
# TYPE a histogram⏎# TYPE b untyped⏎ => a: Kind(Histogram)⏎b: Kind(Unknown)⏎
"##;
    check(Format::Text, "", cases);
}

#[test]
fn open_metrics_text_is_read() {
    // When a counter was created is a series like any other to Prometheus, unless it is told otherwise.
    let cases = r##"
# TYPE a_seconds counter⏎# UNIT a_seconds seconds⏎a_total 1 1700000000.5⏎ => a_seconds: Kind(Counter)⏎a_seconds: Unit("seconds")⏎[a_total] __name__="a_total" 1 @1700000000500⏎
# TYPE a stateset⏎ => a: Kind(Stateset)⏎
# HELP a say \"a\"\n⏎# UNIT a ⏎ => a: Help("say \"a\"\n")⏎a: Unit("")⏎
a_created 1.5⏎ => [a_created] __name__="a_created" 1.5⏎
{"a.b",c="d",} 1⏎ => [{"a.b",c="d",}] __name__="a.b",c="d" 1⏎
"##;
    check(Format::OpenMetrics, "# EOF", cases);
    check(Format::OpenMetrics, "# EOF\n", " => nothing");
}

#[test]
fn exemplars_are_read() {
    // The last time is cut off and not rounded, as Prometheus does.
    let cases = r##"
a 3 # {trace_id="abc"} 0.5 1.5 => [a] __name__="a" 3 like trace_id="abc" 0.5 @1500⏎
a 3 7 # {trace_id="abc",span_id="d"} 5e-06 => [a] __name__="a" 3 @7000 like trace_id="abc",span_id="d" 0.000005⏎
a{le="1"} 3 # {} 1 => [a{le="1"}] __name__="a",le="1" 3 like  1⏎
a 3 # {a="1",a="}\"",} -Inf => [a] __name__="a" 3 like a="1",a="}\"" -inf⏎
a 3 # {a="b"} 1 1700000000.1239 => [a] __name__="a" 3 like a="b" 1 @1700000000123⏎
"##;
    check(Format::OpenMetrics, "\n# EOF\n", cases);
}

#[test]
fn mistakes_are_named_with_their_line() {
    let cases = r##"
up 1⏎up one => ! line 2: `one` is not a number
up => ! line 1: `` is not a number
1up 1 => ! line 1: expected a metric name at `1up 1`
up{a=1} 1 => ! line 1: expected `"` at `1} 1`
up{a="1} 1 => ! line 1: expected a closing `"` at `1} 1`
up{a="1" b="2"} 1 => ! line 1: expected `,` or `}` at `b="2"} 1`
up{a="1",a="2"} 1 => ! line 1: label `a` occurs twice
up{a="b"}1 => ! line 1: expected a blank before the value at `1`
up 1 2 3 => ! line 1: expected the end of the line at `3`
up 1 soon => ! line 1: `soon` is not a timestamp
{a="b"} 1 => ! line 1: expected a metric name at `{a="b"} 1`
# TYPE a speed => ! line 1: `speed` is not a type of metric
# TYPE a info => ! line 1: `info` is not a type of metric
"##;
    check(Format::Text, "\n", cases);
    let garbage = read(b"up 1\nup{a=\"\xff\"} 1\n", Format::Text);
    assert_eq!(garbage, Err("line 2: not UTF-8".to_owned()));
}

#[test]
fn open_metrics_must_end_and_has_no_remarks() {
    let ends = "
up 1 => ! line 2: the text ends without `# EOF`
# EOF⏎up 1 => ! line 2: text after `# EOF`
";
    check(Format::OpenMetrics, "\n", ends);
    let cases = r##"
# a remark => ! line 1: expected HELP, TYPE, UNIT or EOF at ` a remark`
 => ! line 1: expected a metric name at ``
#EOF => ! line 1: expected HELP, TYPE, UNIT or EOF at `EOF`
# HELP  a b => ! line 1: expected a metric name at ` a b`
# HELP a => ! line 1: expected a blank and a text at ``
# TYPE a untyped => ! line 1: `untyped` is not a type of metric
# TYPE a gauge  => ! line 1: `gauge ` is not a type of metric
# UNIT a seconds => ! line 1: unit `seconds` is not the end of `a`
# UNIT aseconds seconds => ! line 1: unit `seconds` is not the end of `aseconds`
 up 1 => ! line 1: expected a metric name at ` up 1`
up  1 => ! line 1: expected a blank and the value at `  1`
up{a= "b"} 1 => ! line 1: expected `"` at ` "b"} 1`
up 1 # 5 => ! line 1: `#` is not a timestamp
up 1 2 3 => ! line 1: expected the end of the line at ` 3`
up 1 NaN => ! line 1: `NaN` is not a timestamp
up 1  => ! line 1: expected a blank and the time at ` `
up 1 # {a="b"} => ! line 1: expected a blank and the value at ``
up 1 # {a="b"} 1 x => ! line 1: `x` is not a timestamp
up 1 # {a="b"} 1 2 3 => ! line 1: expected the end of the line at ` 3`
up 1 # {a="b"} x => ! line 1: `x` is not a number
up 1 # {"a"} 1 => ! line 1: expected `=` at `} 1`
up 1 # { a="b"} 1 => ! line 1: expected a label name at ` a="b"} 1`
"##;
    check(Format::OpenMetrics, "\n# EOF\n", cases);
}

#[test]
fn the_header_names_the_format() {
    let check = |header: &str, format: Format| assert_eq!(Format::of_content_type(header), format);
    check("text/plain; version=0.0.4; charset=utf-8", Format::Text);
    let header = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    check(header, Format::OpenMetrics);
    check("", Format::Text);
}
