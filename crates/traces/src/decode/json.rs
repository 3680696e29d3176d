//! OTLP/JSON to protobuf, in every spelling that the proto3 JSON mapping allows.
//!
//! The lists down to the spans are read as raw text and each span by itself, so that a wrong one costs only itself
//! and a request is never in memory as a tree.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{encode_key, encode_varint};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::schema::{self, Field, Kind, Message};
use super::wire::{put_bytes, wire_type_of};
use super::{Lost, of_span};

type Raw<'a> = Option<&'a RawValue>;
type RawList<'a> = Option<Vec<Raw<'a>>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow, default, alias = "resource_spans")]
    resource_spans: RawList<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    #[serde(borrow, default)]
    resource: Raw<'a>,
    #[serde(borrow, default, alias = "scope_spans")]
    scope_spans: RawList<'a>,
    #[serde(borrow, default, alias = "schema_url")]
    schema_url: Raw<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSpans<'a> {
    #[serde(borrow, default)]
    scope: Raw<'a>,
    #[serde(borrow, default)]
    spans: RawList<'a>,
    #[serde(borrow, default, alias = "schema_url")]
    schema_url: Raw<'a>,
}

/// Writes a request in JSON as protobuf. Fails if it is no request; what is wrong within is counted in `lost`.
pub(super) fn transcode(bytes: &[u8], lost: &mut Lost) -> Result<Vec<u8>, serde_json::Error> {
    let text = String::from_utf8_lossy(bytes);
    let text = replace_lone_surrogates(&text);
    let request: Request<'_> = serde_json::from_str(&text)?;
    let mut out = Vec::new();
    for raw in request.resource_spans.into_iter().flatten().flatten() {
        match resource_spans(raw, lost) {
            Ok(part) => put_bytes(1, &part, &mut out),
            Err((spans, reason)) => lost.add(spans, format!("a resource: {reason}")),
        }
    }
    Ok(out)
}

/// The spans that go with what cannot be read, and the reason.
type Refusal = (usize, String);

fn unreadable(error: &serde_json::Error) -> Refusal {
    (0, error.to_string())
}

fn resource_spans(raw: &RawValue, lost: &mut Lost) -> Result<Vec<u8>, Refusal> {
    let parts: ResourceSpans<'_> =
        serde_json::from_str(raw.get()).map_err(|error| unreadable(&error))?;
    let (mut out, mut spans) = (Vec::new(), 0);
    for raw in parts.scope_spans.into_iter().flatten().flatten() {
        match scope_spans(raw, lost) {
            Ok((part, count)) => {
                spans += count;
                put_bytes(2, &part, &mut out);
            }
            Err((spans, reason)) => lost.add(spans, format!("a scope: {reason}")),
        }
    }
    let own = [
        ("resource", parts.resource),
        ("schema_url", parts.schema_url),
    ];
    put_own(&schema::RESOURCE_SPANS, own, &mut out).map_err(|reason| (spans, reason))?;
    Ok(out)
}

/// The scope in protobuf, and how many spans it has.
fn scope_spans(raw: &RawValue, lost: &mut Lost) -> Result<(Vec<u8>, usize), Refusal> {
    let parts: ScopeSpans<'_> =
        serde_json::from_str(raw.get()).map_err(|error| unreadable(&error))?;
    let (mut out, mut spans) = (Vec::new(), 0);
    for raw in parts.spans.into_iter().flatten().flatten() {
        match span(raw) {
            Ok(part) => {
                spans += 1;
                put_bytes(schema::SPANS_TAG, &part, &mut out);
            }
            Err(reason) => lost.add(1, reason),
        }
    }
    let own = [("scope", parts.scope), ("schema_url", parts.schema_url)];
    put_own(&schema::SCOPE_SPANS, own, &mut out).map_err(|reason| (spans, reason))?;
    Ok((out, spans))
}

fn put_own(message: &Message, own: [(&str, Raw<'_>); 2], out: &mut Vec<u8>) -> Result<(), String> {
    for (name, raw) in own {
        let (Some(raw), Some(field)) = (raw, message.by_name(name)) else {
            continue;
        };
        let value: Value = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        put_field(field, &value, 0, out)?;
    }
    Ok(())
}

fn span(raw: &RawValue) -> Result<Vec<u8>, String> {
    // JSON has a limit on its depth that is far beyond that on attributes.
    let value: Value =
        serde_json::from_str(raw.get()).map_err(|error| of_span("", &error.to_string()))?;
    let mut out = Vec::with_capacity(raw.get().len());
    put_message(&schema::SPAN, &value, 0, &mut out).map_err(|reason| {
        let name = value.get("name").and_then(Value::as_str);
        of_span(name.unwrap_or_default(), &reason)
    })?;
    Ok(out)
}

fn put_message(
    message: &Message,
    value: &Value,
    level: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let level = message.entered(level)?;
    match value {
        // In a list, null is a message without a field, such as the value of an attribute that has none.
        Value::Null => Ok(()),
        Value::Object(entries) => entries.iter().try_for_each(|(name, value)| {
            let field = message.by_name(name);
            field.map_or(Ok(()), |field| put_field(field, value, level, out))
        }),
        _ => Err(format!("{} is not an object", quoted(value))),
    }
}

fn put_field(field: &Field, value: &Value, level: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        Value::Array(values) if field.is_list => values
            .iter()
            .try_for_each(|value| put_value(field, value, level, out)),
        _ if field.is_list => Err(wrong(field, value, "a list")),
        value => put_value(field, value, level, out),
    }
}

fn put_value(field: &Field, value: &Value, level: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let is = |what: &str| wrong(field, value, what);
    let bytes = match &field.kind {
        Kind::Message(message) => {
            let mut inner = Vec::new();
            put_message(message, value, level, &mut inner)?;
            inner
        }
        Kind::Text => value.as_str().ok_or_else(|| is("text"))?.into(),
        Kind::Id => id(value).ok_or_else(|| is("an id in hexadecimal digits"))?,
        Kind::Bytes => base64(value).ok_or_else(|| is("base64"))?,
        _ => return put_number(field, value, out),
    };
    put_bytes(field.tag, &bytes, out);
    Ok(())
}

fn put_number(field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let is = |what: &str| wrong(field, value, what);
    let whole = |kind: &str| whole(value).ok_or_else(|| is(&format!("a whole number ({kind})")));
    let narrow = |number: i128, is_within: bool, kind: &str| match is_within {
        true => Ok(number as u64),
        false => Err(is(&format!("within the range of {kind}"))),
    };
    let number = match &field.kind {
        Kind::Bool => value.as_bool().ok_or_else(|| is("true or false"))?.into(),
        Kind::Double => double(value).ok_or_else(|| is("a number"))?.to_bits(),
        Kind::Enum(names) => match value.as_str() {
            Some(text) if text.parse::<i32>().is_err() => {
                let found = names.iter().position(|name| *name == text);
                found.ok_or_else(|| is("one of its names"))? as u64
            }
            _ => {
                let number = whole("int32")?;
                narrow(number, i32::try_from(number).is_ok(), "int32")?
            }
        },
        Kind::Int32 => {
            let number = whole("int32")?;
            narrow(number, i32::try_from(number).is_ok(), "int32")?
        }
        Kind::Int64 => {
            let number = whole("int64")?;
            narrow(number, i64::try_from(number).is_ok(), "int64")?
        }
        Kind::Uint32 | Kind::Fixed32 => {
            let number = whole("uint32")?;
            narrow(number, u32::try_from(number).is_ok(), "uint32")?
        }
        _ => {
            let number = whole("uint64")?;
            narrow(number, u64::try_from(number).is_ok(), "uint64")?
        }
    };
    encode_key(field.tag, wire_type_of(field), out);
    match &field.kind {
        Kind::Fixed32 => out.extend_from_slice(&(number as u32).to_le_bytes()),
        Kind::Fixed64 | Kind::Double => out.extend_from_slice(&number.to_le_bytes()),
        _ => encode_varint(number, out),
    }
    Ok(())
}

/// A whole number, written as a number or as text, with or without an exponent.
fn whole(value: &Value) -> Option<i128> {
    let of_float = |number: f64| (number.fract() == 0.0).then_some(number as i128);
    match value {
        Value::Number(number) => match number.as_i128() {
            Some(number) => Some(number),
            None => number.as_f64().and_then(of_float),
        },
        Value::String(text) => match text.parse() {
            Ok(number) => Some(number),
            Err(_) => double(value).and_then(of_float),
        },
        _ => None,
    }
}

/// A number or one of the three names that JSON has no number for.
fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            // Rust reads more names than these.
            text if text
                .contains(|letter: char| letter.is_alphabetic() && !"eE".contains(letter)) =>
            {
                None
            }
            text => text.parse().ok(),
        },
        _ => None,
    }
}

fn id(value: &Value) -> Option<Vec<u8>> {
    hex::decode(value.as_str()?).ok()
}

fn base64(value: &Value) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let text = value.as_str()?;
    let alphabet = match text.contains(['-', '_']) {
        true => &URL_SAFE,
        false => &STANDARD,
    };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

fn wrong(field: &Field, value: &Value, expected: &str) -> String {
    let name: String = field.camel_case().collect();
    format!("`{name}` is {}, not {expected}", quoted(value))
}

/// The value as an error shows it.
fn quoted(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        value => {
            let text = value.to_string();
            let cut: String = text.chars().take(40).collect();
            if cut.len() < text.len() {
                format!("{cut}…")
            } else {
                cut
            }
        }
    }
}

/// Puts U+FFFD where an escape is one half of a character: exporters that cut text by its units leave these.
fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    while let Some(found) = text[at..].find('\\') {
        let here = at + found;
        let is_pair = |low: Option<u32>| matches!(low, Some(0xdc00..=0xdfff));
        at = match unit(here) {
            Some(0xd800..=0xdbff) if is_pair(unit(here + 6)) => here + 12,
            Some(0xd800..=0xdfff) => {
                out.push_str(&text[kept..here]);
                out.push_str("\\ufffd");
                kept = here + 6;
                kept
            }
            // The character behind the backslash may be one itself, or of several bytes.
            _ => {
                let escaped = text[here + 1..].chars().next();
                here + 1 + escaped.map_or(0, char::len_utf8)
            }
        };
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}
