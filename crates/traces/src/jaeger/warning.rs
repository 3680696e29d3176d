//! What Jaeger warns of at a span: what was odd when it arrived, ids that repeat, parents that are missing, and clocks
//! that cannot be right. Texts and rules are Jaeger's, with its adjustment of clocks off, as it is by default.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span as Proto;

use crate::span::{Kind, Origin, Span, Trace, WARNINGS, text_of};

/// The warnings of each span of a trace, in its order.
pub(super) fn of_trace(trace: &Trace) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = trace
        .spans
        .iter()
        .map(|span| on_arrival(&span.proto))
        .collect();
    let spans: Vec<&Proto> = trace.spans.iter().map(|span| &span.proto).collect();
    let first = first_by_id(&spans, &mut found);
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    let mut of_ids: Vec<usize> = first.values().copied().collect();
    of_ids.sort_unstable();
    for index in of_ids {
        let parent = &spans[index].parent_span_id;
        match first.get(parent.as_slice()) {
            Some(parent) => children.entry(*parent).or_default().push(index),
            None => {
                if !parent.is_empty() {
                    let parent = hex::encode(parent);
                    found[index].push(format!(
                        "parent span ID={parent} is not in the trace; skipping clock skew adjustment"
                    ));
                }
                roots.push(index);
            }
        }
    }
    for (index, delta_ns) in skews(&trace.spans, roots, &children) {
        let delta = go_duration(delta_ns);
        found[index].push(format!(
            "clock skew adjustment disabled; not applying calculated delta of {delta}"
        ));
    }
    found
}

/// What was written down when the span came.
fn on_arrival(span: &Proto) -> Vec<String> {
    let attribute = span.attributes.iter().find(|own| own.key == WARNINGS);
    match attribute.and_then(|own| own.value.as_ref()) {
        None => Vec::new(),
        Some(AnyValue {
            value: Some(Value::ArrayValue(list)),
        }) => list.values.iter().map(text_of).collect(),
        Some(other) => vec![text_of(other)],
    }
}

/// The first span of each id; the others are warned of.
fn first_by_id<'a>(spans: &[&'a Proto], found: &mut [Vec<String>]) -> HashMap<&'a [u8], usize> {
    let mut first: HashMap<&[u8], usize> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        let known = *first.entry(span.span_id.as_slice()).or_insert(index);
        // A client and a server may share one: Zipkin's instrumentation does so.
        let kinds = [spans[known].kind(), span.kind()];
        let is_shared = kinds.contains(&Kind::Client) && kinds.contains(&Kind::Server);
        if known != index && !is_shared {
            found[index].push("duplicate span IDs; skipping clock skew adjustment".to_owned());
        }
    }
    first
}

/// By how much the clock of a span's host seems to differ from that of the span above, where it does.
fn skews(
    spans: &[Span],
    roots: Vec<usize>,
    children: &HashMap<usize, Vec<usize>>,
) -> Vec<(usize, i64)> {
    let mut found = Vec::new();
    // A span, the one above it, and the clock that was found for that one.
    let mut open: Vec<(usize, Option<usize>, String, i64)> = roots
        .into_iter()
        .map(|root| (root, None, host_of(&spans[root].origin), 0))
        .collect();
    while let Some((index, parent, known_host, known_delta)) = open.pop() {
        let host = host_of(&spans[index].origin);
        let delta = match parent {
            Some(parent) if host.is_empty() || host != known_host => {
                skew_ns(&spans[index].proto, &spans[parent].proto)
            }
            _ => known_delta,
        };
        if delta != 0 {
            found.push((index, delta));
        }
        for child in children.get(&index).into_iter().flatten() {
            open.push((*child, Some(index), host.clone(), delta));
        }
    }
    found
}

fn host_of(origin: &Origin) -> String {
    let find = |key: &str| origin.resource.attributes.iter().find(|own| own.key == key);
    let host = ["host.id", "host.ip", "host.name"]
        .into_iter()
        .find_map(find);
    match host.and_then(|own: &KeyValue| own.value.as_ref()) {
        Some(AnyValue {
            value: Some(Value::ArrayValue(list)),
        }) => list.values.first().map(text_of).unwrap_or_default(),
        Some(value) => text_of(value),
        None => String::new(),
    }
}

/// What would have to be added to the child's times for it to lie within its parent.
fn skew_ns(child: &Proto, parent: &Proto) -> i64 {
    let times = |span: &Proto| {
        (
            i128::from(span.start_time_unix_nano),
            i128::from(span.end_time_unix_nano),
        )
    };
    let ((start, end), (parent_start, parent_end)) = (times(child), times(parent));
    let (duration, parent_duration) = (end - start, parent_end - parent_start);
    let delta = if duration > parent_duration {
        // It may have outlived its parent, and can only not have begun before it.
        (parent_start - start).max(0)
    } else if start >= parent_start && end <= parent_end {
        0
    } else {
        // The way there and the way back are taken to be equally long.
        parent_start + (parent_duration - duration) / 2 - start
    };
    i64::try_from(delta).unwrap_or(i64::MAX)
}

/// A duration as Go writes it: `-7ms`, `1.5µs`, `2m0.25s`.
fn go_duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let size = ns.unsigned_abs();
    let decimal = |size: u64, unit: u64| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", size % unit);
        let text = format!("{}.{fraction}", size / unit);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let text = match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(size, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(size, 1_000_000)),
        _ => {
            let (hours, minutes) = (size / 3_600_000_000_000, size / 60_000_000_000 % 60);
            let seconds = decimal(size % 60_000_000_000, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, _) => format!("{minutes}m{seconds}s"),
                _ => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        let cases = [
            (0, "0s"),
            (-1, "-1ns"),
            (1_500, "1.5µs"),
            (-7_000_000, "-7ms"),
            (20_050_000, "20.05ms"),
            (1_000_000_000, "1s"),
            (-61_250_000_000, "-1m1.25s"),
            (120_000_000_000, "2m0s"),
            (3_600_000_000_000, "1h0m0s"),
        ];
        for (ns, expected) in cases {
            assert_eq!(go_duration(ns), expected);
        }
    }
}
