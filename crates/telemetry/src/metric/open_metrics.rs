//! OpenMetrics text 1.0, which supports exemplars, and the negotiation of the format.

use std::fmt::Write;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::exemplar::{Exemplar, Store};

/// Media type of [`write`]'s text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Units that are suffixes of family names.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// Whether an `Accept` header prefers OpenMetrics to Prometheus's text format, or accepts both equally.
pub(super) fn is_preferred(accept: &str) -> bool {
    let mut open_metrics = 0.0;
    let mut text = 0.0;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let (mut quality, mut version) = (1.0, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim() {
                "q" => quality = value.trim().parse().unwrap_or(0.0),
                "version" => version = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            if matches!(version, None | Some("1.0.0")) {
                open_metrics = f64::max(open_metrics, quality);
            }
        } else if media_type.eq_ignore_ascii_case("text/plain") {
            text = f64::max(text, quality);
        }
    }
    open_metrics > 0.0 && open_metrics >= text
}

/// Writes all families with their exemplars.
pub(super) fn write(families: &[MetricFamily], exemplars: &Store) -> String {
    let mut text = String::with_capacity(64 * 1_024);
    for family in families {
        write_family(&mut text, family, exemplars);
    }
    text.push_str("# EOF\n");
    text
}

// Writing to a `String` cannot fail, so this file ignores the results of `write!`.
fn write_family(text: &mut String, family: &MetricFamily, exemplars: &Store) {
    let name = family.name();
    let (family_name, kind) = match family.get_field_type() {
        MetricType::COUNTER => match name.strip_suffix("_total") {
            Some(family_name) => (family_name, "counter"),
            // A counter's name must end in `_total`.
            None => (name, "unknown"),
        },
        MetricType::GAUGE => (name, "gauge"),
        MetricType::HISTOGRAM => (name, "histogram"),
        // The registry has no families of other types.
        MetricType::SUMMARY | MetricType::UNTYPED => return,
    };
    let _ = writeln!(text, "# TYPE {family_name} {kind}");
    let unit = UNITS.iter().find(|unit| {
        let stem = family_name.strip_suffix(**unit);
        stem.is_some_and(|stem| stem.len() > 1 && stem.ends_with('_'))
    });
    if let Some(unit) = unit {
        let _ = writeln!(text, "# UNIT {family_name} {unit}");
    }
    if !family.help().is_empty() {
        let _ = write!(text, "# HELP {family_name} ");
        write_escaped(text, family.help());
        text.push('\n');
    }
    for metric in family.get_metric() {
        match family.get_field_type() {
            MetricType::COUNTER => sample(text, name, metric, metric.get_counter().get_value()),
            MetricType::GAUGE => sample(text, name, metric, metric.get_gauge().get_value()),
            _ => histogram(text, name, metric, exemplars),
        }
    }
}

fn sample(text: &mut String, name: &str, metric: &Metric, value: f64) {
    text.push_str(name);
    write_labels(text, metric.get_label(), None);
    text.push(' ');
    write_number(text, value);
    text.push('\n');
}

fn histogram(text: &mut String, name: &str, metric: &Metric, exemplars: &Store) {
    let histogram = metric.get_histogram();
    let labels = metric.get_label();
    let pairs = labels.iter().map(|label| (label.name(), label.value()));
    let newest = exemplars.newest(name, pairs);
    let count = histogram.get_sample_count();
    let bounded = histogram.get_bucket().iter();
    let bounded = bounded.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    for (index, (bound, count)) in bounded.chain([(f64::INFINITY, count)]).enumerate() {
        let _ = write!(text, "{name}_bucket");
        write_labels(text, labels, Some(&bound_text(bound)));
        let _ = write!(text, " {count}");
        if let Some(exemplar) = newest.get(index).copied().flatten() {
            write_exemplar(text, exemplar);
        }
        text.push('\n');
    }
    let _ = write!(text, "{name}_count");
    write_labels(text, labels, None);
    let _ = write!(text, " {count}\n{name}_sum");
    write_labels(text, labels, None);
    text.push(' ');
    write_number(text, histogram.get_sample_sum());
    text.push('\n');
}

fn write_exemplar(text: &mut String, exemplar: Exemplar) {
    let Exemplar {
        trace_id, span_id, ..
    } = exemplar;
    let _ = write!(
        text,
        " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} "
    );
    write_number(text, exemplar.value);
    let (seconds, millis) = (exemplar.at.as_secs(), exemplar.at.subsec_millis());
    let _ = write!(text, " {seconds}.{millis:03}");
}

fn write_labels(text: &mut String, labels: &[LabelPair], bound: Option<&str>) {
    let own = labels.iter().map(|label| (label.name(), label.value()));
    let mut separator = '{';
    for (name, value) in own.chain(bound.map(|bound| ("le", bound))) {
        let _ = write!(text, "{separator}{name}=\"");
        write_escaped(text, value);
        text.push('"');
        separator = ',';
    }
    if separator == ',' {
        text.push('}');
    }
}

fn write_escaped(text: &mut String, plain: &str) {
    for character in plain.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

fn write_number(text: &mut String, value: f64) {
    let _ = if value.is_infinite() {
        write!(text, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else {
        // Rust writes the shortest decimal that parses to the same value, and `NaN`.
        write!(text, "{value}")
    };
}

/// A bound in the notation that the format recommends and that Prometheus 3 normalises to: `0.5`, `1.0`, `5e-06`.
/// Queries compare it as text.
fn bound_text(bound: f64) -> String {
    if bound.is_infinite() {
        return "+Inf".to_owned();
    }
    let text = format!("{bound:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if bound != 0.0 && !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ if bound.fract() == 0.0 => format!("{bound:.1}"),
        _ => bound.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use prometheus::{
        Counter, Gauge, Histogram, HistogramOpts, IntCounterVec, Opts, Registry, core::Collector,
    };

    use super::*;
    use crate::names::metric;

    fn registry(collectors: Vec<Box<dyn Collector>>) -> Registry {
        let registry = Registry::new();
        for collector in collectors {
            registry.register(collector).expect("a name of its own");
        }
        registry
    }

    #[test]
    fn families_follow_the_format() {
        let orders = Opts::new("orders_total", "All \"orders\"\\\nof a day.");
        let orders = IntCounterVec::new(orders, &["result"]).expect("a family");
        orders.with_label_values(&["a\"b\\c\nd"]).inc_by(3);
        let cpu = Counter::new("cpu_seconds_total", "CPU.").expect("a family");
        cpu.inc_by(0.5);
        let odd = Counter::new("odd", "A counter without the suffix.").expect("a family");
        let heap = Gauge::new("heap_bytes", "Heap.").expect("a family");
        heap.set(f64::NEG_INFINITY);
        let seconds = Gauge::new("seconds", "A unit alone.").expect("a family");
        let (cpu, odd) = (Box::new(cpu), Box::new(odd));
        let (heap, seconds) = (Box::new(heap), Box::new(seconds));
        let registry = registry(vec![Box::new(orders), cpu, odd, heap, seconds]);
        let expected = r#"# TYPE cpu_seconds counter
# UNIT cpu_seconds seconds
# HELP cpu_seconds CPU.
cpu_seconds_total 0.5
# TYPE heap_bytes gauge
# UNIT heap_bytes bytes
# HELP heap_bytes Heap.
heap_bytes -Inf
# TYPE odd unknown
# HELP odd A counter without the suffix.
odd 0
# TYPE orders counter
# HELP orders All \"orders\"\\\nof a day.
orders_total{result="a\"b\\c\nd"} 3
# TYPE seconds gauge
# HELP seconds A unit alone.
seconds 0
# EOF
"#;
        assert_eq!(write(&registry.gather(), &Store::default()), expected);
    }

    #[test]
    fn buckets_have_exemplars() {
        let name = metric::RUNTIME_SCHEDULER_LAG;
        let opts = HistogramOpts::new(name, "Lag.").buckets(vec![0.000_025, 1.0]);
        let lag = Histogram::with_opts(opts).expect("a family");
        lag.observe(0.5);
        lag.observe(2.0);
        let exemplars = Store::default();
        let slots = exemplars.slots(name, &[]).expect("a histogram");
        let trace = TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        let (span, state) = (SpanId::from(0xb7ad), TraceState::NONE);
        let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, state);
        // The second bound of the registered family, and of the histogram above.
        slots.keep(1, &context, 0.000_05, std::time::Duration::ZERO);
        let text = write(&registry(vec![Box::new(lag)]).gather(), &exemplars);
        let (before, after) = text.split_once(" # ").expect("an exemplar");
        let (exemplar, after) = after.split_once('\n').expect("the rest");
        let expected = "# TYPE runtime_scheduler_lag_seconds histogram\n\
            # UNIT runtime_scheduler_lag_seconds seconds\n\
            # HELP runtime_scheduler_lag_seconds Lag.\n\
            runtime_scheduler_lag_seconds_bucket{le=\"2.5e-05\"} 0\n\
            runtime_scheduler_lag_seconds_bucket{le=\"1.0\"} 1";
        assert_eq!(before, expected);
        let (exemplar, time) = exemplar.rsplit_once(' ').expect("a time");
        let ids = "{trace_id=\"0af7651916cd43dd8448eb211c80319c\",span_id=\"000000000000b7ad\"}";
        assert_eq!(exemplar, format!("{ids} 0.00005"));
        let (seconds, millis) = time.split_once('.').expect("a time with milliseconds");
        assert!(seconds.parse::<u64>().is_ok_and(|s| s > 1_700_000_000));
        assert_eq!(millis.len(), 3);
        let expected = "runtime_scheduler_lag_seconds_bucket{le=\"+Inf\"} 2\n\
            runtime_scheduler_lag_seconds_count 2\n\
            runtime_scheduler_lag_seconds_sum 2.5\n\
            # EOF\n";
        assert_eq!(after, expected);
    }

    #[test]
    fn bounds_are_normalised() {
        let cases = "0.5 1.0 10.0 0.00025 0.0001 5e-06 2.5e-05 100000.0 1e+06 0.0";
        for expected in cases.split(' ') {
            let bound = expected.parse().expect("a number");
            assert_eq!(bound_text(bound), expected);
        }
    }

    #[test]
    fn the_accept_header_selects_the_format() {
        // Prometheus 2, Prometheus 3, then a browser, curl, no header and others.
        let cases = r#"
yes application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1
yes application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1
no text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
no */*
no 
yes application/openmetrics-text
yes Application/OpenMetrics-Text; version="1.0.0"
no application/openmetrics-text; version=0.0.1
no application/openmetrics-text; version=2.0.0
no application/openmetrics-text;q=0
no application/openmetrics-text;q=0.1, text/plain
no application/openmetrics-text;q=x
"#;
        for case in cases.trim().lines() {
            let (expected, accept) = case.split_once(' ').expect("a case");
            assert_eq!(is_preferred(accept), expected == "yes", "{accept}");
        }
    }
}
