//! Requests as foreign clients write them, and what becomes of those that are wrong in part.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::wire::put_bytes;
use super::*;
use crate::shop;

const IDS: &str = r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174""#;

/// A request with these spans; each text is the fields of one beside its ids.
fn request(spans: &[&str]) -> String {
    let spans: Vec<String> = spans
        .iter()
        .map(|fields| format!("{{{IDS},{fields}}}"))
        .collect();
    let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}"#;
    format!(
        r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    )
}

fn spans(decoded: &Decoded) -> Vec<&Span> {
    let resources = decoded.request.resource_spans.iter();
    let scopes = resources.flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans).collect()
}

fn read(fields: &str) -> Span {
    let decoded = json(request(&[fields]).as_bytes()).expect("a request");
    assert_eq!(decoded.lost, Lost::default(), "{fields}");
    spans(&decoded)[0].clone()
}

#[test]
fn every_spelling_of_a_field_reads_the_same() {
    let cases = [
        // Enums by name or number, numbers as text.
        (r#""kind":3"#, r#""kind":"SPAN_KIND_CLIENT""#),
        (r#""kind":3"#, r#""kind":"3""#),
        (
            r#""status":{"code":2}"#,
            r#""status":{"code":"STATUS_CODE_ERROR"}"#,
        ),
        // 64-bit numbers as text or number, also with an exponent.
        (
            r#""startTimeUnixNano":"1544712660000000000""#,
            r#""startTimeUnixNano":1544712660000000000"#,
        ),
        (
            r#""startTimeUnixNano":"1544712660000000000""#,
            r#""start_time_unix_nano":"1544712660000000000""#,
        ),
        (
            r#""endTimeUnixNano":"1500000000000000000""#,
            r#""endTimeUnixNano":1.5e18"#,
        ),
        (
            r#""endTimeUnixNano":"1500000000000000000""#,
            r#""endTimeUnixNano":"1.5e18""#,
        ),
        // 32-bit numbers.
        (r#""flags":257"#, r#""flags":"257""#),
        (
            r#""droppedAttributesCount":7"#,
            r#""dropped_attributes_count":7.0"#,
        ),
        // Null, empty and missing are the same.
        (
            r#""name":"a""#,
            r#""name":"a","attributes":null,"events":[],"links":null,"status":null"#,
        ),
        (
            r#""name":"a""#,
            r#""name":"a","parentSpanId":"","traceState":null,"kind":null"#,
        ),
        (r#""name":"""#, r#""events":null"#),
        // Ids in either case of letters; unknown fields of any kind.
        (
            r#""parentSpanId":"00f067aa0ba902b7""#,
            r#""parent_span_id":"00F067AA0BA902B7""#,
        ),
        (
            r#""name":"a""#,
            r#""name":"a","futureField":{"a":[1,{"b":null}]},"x":1e3"#,
        ),
        (
            r#""events":[{"timeUnixNano":"5","name":"e"}]"#,
            r#""events":[{"time_unix_nano":5,"name":"e","attributes":[]}]"#,
        ),
        (
            r#""links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175","droppedAttributesCount":1}]"#,
            r#""links":[{"trace_id":"5B8EFFF798038103D269B633813FC60C","span_id":"EEE19B7EC3C1B175","dropped_attributes_count":"1"}]"#,
        ),
    ];
    for (usual, other) in cases {
        assert_eq!(read(usual), read(other), "{other}");
    }
}

#[test]
fn every_spelling_of_a_value_reads_the_same() {
    let text = |text: &str| Some(Value::StringValue(text.into()));
    let bytes = |bytes: &[u8]| Some(Value::BytesValue(bytes.into()));
    let cases = [
        (
            r#"{"intValue":"-9223372036854775808"}"#,
            Some(Value::IntValue(i64::MIN)),
        ),
        (r#"{"int_value":-7}"#, Some(Value::IntValue(-7))),
        (r#"{"intValue":"0"}"#, Some(Value::IntValue(0))),
        (r#"{"doubleValue":1}"#, Some(Value::DoubleValue(1.0))),
        (
            r#"{"doubleValue":"1.5e3"}"#,
            Some(Value::DoubleValue(1500.0)),
        ),
        (
            r#"{"doubleValue":"Infinity"}"#,
            Some(Value::DoubleValue(f64::INFINITY)),
        ),
        (
            r#"{"double_value":"-Infinity"}"#,
            Some(Value::DoubleValue(f64::NEG_INFINITY)),
        ),
        (r#"{"boolValue":false}"#, Some(Value::BoolValue(false))),
        (r#"{"string_value":""}"#, text("")),
        (r#"{"bytesValue":"+/8="}"#, bytes(&[0xfb, 0xff])),
        (r#"{"bytesValue":"-_8"}"#, bytes(&[0xfb, 0xff])),
        (r#"{"bytes_value":"-_8="}"#, bytes(&[0xfb, 0xff])),
        (r#"{"bytesValue":""}"#, bytes(&[])),
        (
            r#"{"arrayValue":{}}"#,
            Some(Value::ArrayValue(Default::default())),
        ),
        (
            r#"{"arrayValue":{"values":null}}"#,
            Some(Value::ArrayValue(Default::default())),
        ),
        (
            r#"{"kvlist_value":{"values":[]}}"#,
            Some(Value::KvlistValue(Default::default())),
        ),
        (r#"{}"#, None),
        (r#"{"stringValue":null}"#, None),
        (r#"{"futureValue":1}"#, None),
        // Halves of a character, in front of, between and behind whole ones; a backslash is not an escape's start.
        (r#"{"stringValue":"cut \ud83d"}"#, text("cut \u{fffd}")),
        (
            r#"{"stringValue":"\udca9 \uD83D\uDE00\ud83d"}"#,
            text("\u{fffd} 😀\u{fffd}"),
        ),
        (
            r#"{"stringValue":"\ud83d\ud83d\ude00\n"}"#,
            text("\u{fffd}😀\n"),
        ),
        (r#"{"stringValue":"\\ud83d"}"#, text("\\ud83d")),
        (r#"{"stringValue":"\\\ud83dé\""}"#, text("\\\u{fffd}é\"")),
    ];
    for (value, expected) in cases {
        let span = read(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#));
        let found = span.attributes[0].value.clone().unwrap_or_default().value;
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn values_without_an_equal_read_too() {
    let nan = read(r#""attributes":[{"key":"k","value":{"doubleValue":"NaN"}}]"#);
    let nan = nan.attributes[0]
        .value
        .clone()
        .and_then(|value| value.value);
    assert!(matches!(nan, Some(Value::DoubleValue(value)) if value.is_nan()));
    let none = read(
        r#""attributes":[{"key":"k","value":{"arrayValue":{"values":[null,{"intValue":1}]}}}]"#,
    );
    let value = none.attributes[0]
        .value
        .clone()
        .and_then(|value| value.value);
    assert!(matches!(value, Some(Value::ArrayValue(list)) if list.values.len() == 2));
}

#[test]
fn a_wrong_span_costs_only_itself() {
    let deep = |levels: usize| {
        let value = (0..levels).fold(r#"{"intValue":1}"#.to_owned(), |value, _| {
            format!(r#"{{"arrayValue":{{"values":[{value}]}}}}"#)
        });
        format!(r#""attributes":[{{"key":"k","value":{value}}}]"#)
    };
    let (deepest, too_deep, endless) = (deep(MAX_NESTING), deep(MAX_NESTING + 1), deep(5_000));
    let cases = [
        (
            r#""name":"w","kind":"SPAN_KIND_OTHER""#,
            "span `w`: `kind` is \"SPAN_KIND_OTHER\", not one of its names",
        ),
        (
            r#""name":"w","startTimeUnixNano":"soon""#,
            "span `w`: `startTimeUnixNano` is \"soon\", not a whole number (uint64)",
        ),
        (
            r#""name":"w","startTimeUnixNano":-1"#,
            "span `w`: `startTimeUnixNano` is -1, not within the range of uint64",
        ),
        (
            r#""name":"w","flags":4294967296"#,
            "span `w`: `flags` is 4294967296, not within the range of uint32",
        ),
        (
            r#""name":"w","droppedLinksCount":1.5"#,
            "not a whole number (uint32)",
        ),
        (r#""name":7"#, "span ``: `name` is 7, not text"),
        (
            r#""name":"w","parentSpanId":"xyz!""#,
            "not an id in hexadecimal digits",
        ),
        (
            r#""name":"w","attributes":{}"#,
            "`attributes` is an object, not a list",
        ),
        (r#""name":"w","attributes":[7]"#, "7 is not an object"),
        (
            r#""name":"w","attributes":[{"key":"k","value":{"boolValue":"true"}}]"#,
            "not true or false",
        ),
        (
            r#""name":"w","attributes":[{"key":"k","value":{"intValue":"9223372036854775808"}}]"#,
            "not within the range of int64",
        ),
        (
            r#""name":"w","attributes":[{"key":"k","value":{"doubleValue":"inf"}}]"#,
            "not a number",
        ),
        (
            r#""name":"w","attributes":[{"key":"k","value":{"bytesValue":"%"}}]"#,
            "not base64",
        ),
        (&too_deep, "more than 24 lists and maps"),
        (&endless, "recursion limit"),
    ];
    for (wrong, reason) in cases {
        let text = request(&[r#""name":"first""#, wrong, &deepest]);
        let decoded = json(text.as_bytes()).expect("a request");
        let Lost {
            spans: lost,
            reason: found,
        } = &decoded.lost;
        assert_eq!((spans(&decoded).len(), *lost), (2, 1), "{wrong}");
        assert!(found.contains(reason), "`{found}` does not say `{reason}`");
    }
}

#[test]
fn a_wrong_resource_or_scope_costs_its_spans() {
    let good = r#"{"scopeSpans":[{"spans":[{"name":"good"}]}]}"#;
    let two = r#"[{"name":"a"},{"name":"b"}]"#;
    let cases = [
        (
            format!(r#"{{"resource":7,"scopeSpans":[{{"spans":{two}}}]}}"#),
            1,
            2,
        ),
        (
            format!(r#"{{"scopeSpans":[{{"scope":[],"spans":{two}}},{{"spans":{two}}}]}}"#),
            3,
            2,
        ),
        (
            format!(r#"{{"schemaUrl":1,"scope_spans":[{{"spans":{two}}}]}}"#),
            1,
            2,
        ),
        (r#"{"scopeSpans":[{"spans":7}]}"#.to_owned(), 1, 0),
        ("null".to_owned(), 1, 0),
    ];
    for (other, kept, lost) in cases {
        let text = format!(r#"{{"resource_spans":[{good},{other}]}}"#);
        let decoded = json(text.as_bytes()).expect("a request");
        assert_eq!(
            (spans(&decoded).len(), decoded.lost.spans),
            (kept, lost),
            "{other}"
        );
    }
    for nothing in [
        "",
        "[",
        "7",
        r#"{"resourceSpans":7}"#,
        r#"{"resourceSpans":[{"scopeSpans":7}]}"#,
    ] {
        assert!(json(nothing.as_bytes()).is_err(), "{nothing}");
    }
    assert!(spans(&json(br#"{"resourceSpans":null}"#).expect("a request")).is_empty());
}

/// A span in protobuf with these bytes behind its ids.
fn span_with(more: &[u8]) -> Vec<u8> {
    let mut span = Vec::new();
    put_bytes(1, &[7; 16], &mut span);
    put_bytes(2, &[7; 8], &mut span);
    put_bytes(5, b"w", &mut span);
    span.extend_from_slice(more);
    span
}

fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(tag, bytes, &mut out);
    out
}

/// An attribute, encoded, that has `levels` lists within each other.
fn deep(levels: usize) -> Vec<u8> {
    let value = (0..levels).fold(vec![0x18, 1], |value, _| field(5, &field(1, &value)));
    field(9, &[field(1, b"k"), field(2, &value)].concat())
}

#[test]
fn damaged_spans_in_protobuf_cost_only_themselves() {
    let cut_text = field(
        9,
        &[field(1, b"k"), field(2, &field(1, b"cut \xf0\x9f\x98"))].concat(),
    );
    let good = span_with(&cut_text);
    let cases: [(Vec<u8>, &str); 8] = [
        (
            span_with(&deep(MAX_NESTING + 1)),
            "more than 24 lists and maps",
        ),
        (span_with(&deep(50_000)), "more than 24 lists and maps"),
        (span_with(&field(7, b"12345678")), "`start_time_unix_nano`"),
        (span_with(&[0x28, 1]), "`name`: its type is Varint"),
        (span_with(&[0x4a, 9, 1]), "longer than its message"),
        (span_with(&[0xff; 11]), "span `w`"),
        // Groups in an unknown field, nested as deep as can be.
        (span_with(&[0xfb, 0x01].repeat(200_000)), "groups"),
        (span_with(&[0xfb, 0x01]), "groups"),
    ];
    for (wrong, reason) in cases {
        let spans_of = [&good, &wrong, &span_with(&deep(MAX_NESTING))].map(|span| field(2, span));
        let raw = field(1, &field(2, &spans_of.concat()));
        let decoded = protobuf(raw.into()).expect("a request");
        let kept = spans(&decoded);
        assert_eq!((kept.len(), decoded.lost.spans), (2, 1), "{reason}");
        let value = kept[0].attributes[0]
            .value
            .clone()
            .unwrap_or_default()
            .value;
        assert_eq!(value, Some(Value::StringValue("cut \u{fffd}".to_owned())));
        let found = &decoded.lost.reason;
        assert!(found.contains(reason), "`{found}` does not say `{reason}`");
        // The journal gets what was kept, and it reads as it is.
        let again = protobuf(decoded.raw.clone()).expect("a request");
        assert_eq!(
            (again.request, again.lost),
            (decoded.request, Lost::default())
        );
    }
}

#[test]
fn resources_too_deep_cost_their_spans() {
    let spans_of = field(2, &span_with(&[])).repeat(3);
    let deep = [deep(99).as_slice()].concat();
    // The tag of a resource's attributes is 1, of a span's 9.
    let deep_resource = field(1, &[&[0x0a], &deep[1..]].concat());
    let raw = field(1, &[deep_resource, field(2, &spans_of)].concat());
    let raw = [raw, field(1, &field(2, &spans_of))].concat();
    let decoded = protobuf(raw.into()).expect("a request");
    assert_eq!((spans(&decoded).len(), decoded.lost.spans), (3, 3));
}

#[test]
fn sound_requests_are_journalled_as_they_came() {
    let raw = Bytes::from(shop::request(0, 9, 0).encode_to_vec());
    let mut unknown = raw.to_vec();
    unknown.extend_from_slice(&field(99, b"later versions"));
    for raw in [raw, unknown.into()] {
        let decoded = protobuf(raw.clone()).expect("a request");
        assert_eq!((decoded.raw, decoded.lost), (raw, Lost::default()));
    }
}
