//! W3C trace context: in HTTP headers between services, and as a string with a message that is stored
//! before it is delivered.

use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// W3C trace context.
const TRACEPARENT: &str = "traceparent";
/// W3C vendor state.
const TRACESTATE: &str = "tracestate";

/// Writes the span's context into `headers`, if the span is recorded.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    let context = span.context();
    let recorded = context.span();
    let span_context = recorded.span_context();
    let Some(text) = format(span_context) else {
        return;
    };
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(TRACEPARENT, value);
    }
    let state = span_context.trace_state().header();
    if !state.is_empty()
        && let Ok(value) = HeaderValue::try_from(state)
    {
        headers.insert(TRACESTATE, value);
    }
}

/// Makes the caller's span the parent of `span`, which must not have been entered yet.
/// Returns `false` if the headers are absent or malformed; `span` then starts a new trace, as the W3C recommends.
pub fn extract(span: &Span, headers: &HeaderMap) -> bool {
    if span.is_disabled() {
        return false;
    }
    let Some(parent) = headers
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
    else {
        return false;
    };
    let state = headers
        .get(TRACESTATE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<TraceState>().ok());
    let parent = match state {
        Some(state) => SpanContext::new(
            parent.trace_id(),
            parent.span_id(),
            parent.trace_flags(),
            true,
            state,
        ),
        None => parent,
    };
    // This fails only if no trace is recorded, and then there is nothing to connect.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    true
}

/// The span's context as a `traceparent` string, to store with a message.
pub fn to_text(span: &Span) -> Option<String> {
    format(span.context().span().span_context())
}

/// Links `span` to the span that stored `traceparent`, if the text is well formed.
pub fn link(span: &Span, traceparent: &str) {
    if let Some(context) = parse(traceparent) {
        span.add_link(context);
    }
}

fn format(context: &SpanContext) -> Option<String> {
    if !context.is_valid() {
        return None;
    }
    // Written by hand because every call needs one, and `format!` is slower.
    let is_sampled = u8::from(context.is_sampled());
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    push_hex(&mut text, &context.trace_id().to_bytes());
    text.push('-');
    push_hex(&mut text, &context.span_id().to_bytes());
    text.push('-');
    push_hex(&mut text, &[is_sampled]);
    Some(text)
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
}

/// Parses `version-traceid-spanid-flags`; a later version may have further parts.
fn parse(text: &str) -> Option<SpanContext> {
    let text = text.trim();
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        part.len() == length
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_known = version == "00" && parts.next().is_none();
    let is_later = is_hex(version, 2) && version != "00" && version != "ff";
    if !(is_known || is_later) || !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(flags) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn check(text: &str, expected: Option<&str>) {
        let found = parse(text).as_ref().and_then(format);
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn traceparent_is_parsed_as_the_w3c_recommends() {
        let sampled = format!("00-{TRACE}-{SPAN}-01");
        let unsampled = format!("00-{TRACE}-{SPAN}-00");
        check(&sampled, Some(&sampled));
        check(&unsampled, Some(&unsampled));
        check(&format!("00-{TRACE}-{SPAN}-03"), Some(&sampled));
        check(&format!("01-{TRACE}-{SPAN}-01-more"), Some(&sampled));
        check(&format!("00-{TRACE}-{SPAN}-01-more"), None);
        check(&format!("ff-{TRACE}-{SPAN}-01"), None);
        check(&format!("00-{}-{SPAN}-01", "0".repeat(32)), None);
        check(&format!("00-{TRACE}-{}-01", "0".repeat(16)), None);
        check(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None);
        check("", None);
        check("00-é-é-é", None);
    }
}
