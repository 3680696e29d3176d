//! What is odd about a span that arrives, written down at the span as Jaeger does.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use time::OffsetDateTime;

use crate::span::WARNINGS;

/// A span that does not end after it starts, with a warning that keeps the end which the store does not.
pub(super) fn warned(span: &Span) -> Option<Span> {
    let (start_ns, end_ns) = (span.start_time_unix_nano, span.end_time_unix_nano);
    if start_ns < end_ns {
        return None;
    }
    let (end, changed) = (go_time(end_ns), go_time(start_ns.saturating_add(1)));
    let text = format!(
        "Negative duration detected, sanitizing end timestamp. Original end timestamp: {end}, adjusted to: {changed}"
    );
    let text = AnyValue {
        value: Some(Value::StringValue(text)),
    };
    let mut span = span.clone();
    let known = span.attributes.iter_mut().find(|own| own.key == WARNINGS);
    let list = known.and_then(|own| own.value.as_mut());
    if let Some(AnyValue {
        value: Some(Value::ArrayValue(list)),
    }) = list
    {
        // It came from another Jaeger, or from our own journal.
        if !list.values.contains(&text) {
            list.values.push(text);
        }
        return Some(span);
    }
    span.attributes.retain(|own| own.key != WARNINGS);
    span.attributes.push(KeyValue {
        key: WARNINGS.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::ArrayValue(ArrayValue { values: vec![text] })),
        }),
        ..KeyValue::default()
    });
    Some(span)
}

/// A moment as Go writes it: `2024-02-28 23:50:00.5 +0000 UTC`.
fn go_time(ns: u64) -> String {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns)) else {
        return format!("{ns} ns");
    };
    let (date, hour, minute, second) = (
        moment.date(),
        moment.hour(),
        moment.minute(),
        moment.second(),
    );
    let fraction = format!(".{:09}", moment.nanosecond());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{date} {hour:02}:{minute:02}:{second:02}{fraction} +0000 UTC")
}
