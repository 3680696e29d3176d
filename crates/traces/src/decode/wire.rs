//! Protobuf by hand: how deep a request nests, and what of a damaged one can be kept.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

use super::schema::{self, Field, Kind, Message, SPANS_TAG};
use super::{Lost, MAX_NESTING, of_span};

/// A level of attributes takes four bytes at least, so that a shorter message is not too deep.
const SHALLOW_BYTES: usize = MAX_NESTING * 4;

/// A field as it stands in a message.
struct Entry<'a> {
    tag: u32,
    wire_type: WireType,
    /// Key and payload.
    whole: &'a [u8],
    /// Without the key, and without the length of what has one.
    payload: &'a [u8],
}

/// Takes the next field from `rest`.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Entry<'a>, String> {
    let start = *rest;
    let (tag, wire_type) = decode_key(rest).map_err(|error| error.to_string())?;
    let value = *rest;
    let length = match wire_type {
        WireType::Varint => {
            decode_varint(rest).map_err(|error| error.to_string())?;
            value.len() - rest.len()
        }
        WireType::ThirtyTwoBit => 4,
        WireType::SixtyFourBit => 8,
        WireType::LengthDelimited => {
            let length = decode_varint(rest).map_err(|error| error.to_string())?;
            usize::try_from(length).unwrap_or(usize::MAX)
        }
        // OTLP has none, and they nest without an end.
        WireType::StartGroup | WireType::EndGroup => {
            return Err("failed to decode: groups are not supported".to_owned());
        }
    };
    let payload = match wire_type {
        WireType::LengthDelimited => *rest,
        _ => value,
    };
    let Some((payload, after)) = payload.split_at_checked(length) else {
        return Err("failed to decode: a field is longer than its message".to_owned());
    };
    *rest = after;
    Ok(Entry {
        tag,
        wire_type,
        whole: &start[..start.len() - after.len()],
        payload,
    })
}

/// Whether nothing in a message nests deeper than it may. Wrong answers are safe: repairing settles what is not.
pub(super) fn is_shallow(message: &Message, bytes: &[u8]) -> bool {
    is_shallow_at(message, bytes, 0)
}

fn is_shallow_at(message: &Message, mut rest: &[u8], level: usize) -> bool {
    if rest.len() < SHALLOW_BYTES {
        return true;
    }
    let Ok(level) = message.entered(level) else {
        return false;
    };
    while !rest.is_empty() {
        let Ok(entry) = next(&mut rest) else {
            return false;
        };
        if entry.wire_type == WireType::LengthDelimited
            && let Some(field) = message.by_tag(entry.tag)
            && let Kind::Message(inner) = field.kind
            && !is_shallow_at(inner, entry.payload, level)
        {
            return false;
        }
    }
    true
}

/// Keeps what can be kept of a request, and counts the spans that cannot.
pub(super) fn repair(bytes: &[u8], lost: &mut Lost) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let entry = next(&mut rest)?;
        if entry.tag != schema::REQUEST.fields[0].tag {
            continue;
        }
        match resource_spans(&entry, lost) {
            Ok(kept) => put_bytes(entry.tag, &kept, &mut out),
            Err((spans, reason)) => lost.add(spans, reason),
        }
    }
    Ok(out)
}

/// The spans that go with what cannot be read, and the reason.
type Refusal = (usize, String);

fn resource_spans(entry: &Entry<'_>, lost: &mut Lost) -> Result<Vec<u8>, Refusal> {
    let mut spans = 0;
    split(&schema::RESOURCE_SPANS, entry, lost, |entry, lost| {
        let (kept, count) = scope_spans(entry, lost)?;
        spans += count;
        Ok(kept)
    })
    .map_err(|(more, reason)| (spans + more, format!("a resource: {reason}")))
}

fn scope_spans(entry: &Entry<'_>, lost: &mut Lost) -> Result<(Vec<u8>, usize), Refusal> {
    let mut spans = 0;
    let kept = split(&schema::SCOPE_SPANS, entry, lost, |entry, _| {
        let mut kept = Vec::with_capacity(entry.payload.len());
        match repair_message(&schema::SPAN, entry.payload, 0, &mut kept) {
            Ok(()) => {
                spans += 1;
                Ok(kept)
            }
            Err(reason) => Err((1, of_span(&name_of(entry.payload), &reason))),
        }
    });
    match kept {
        Ok(kept) => Ok((kept, spans)),
        Err((more, reason)) => Err((spans + more, format!("a scope: {reason}"))),
    }
}

/// Repairs a message whose field [`SPANS_TAG`] can be lost entry by entry; `part` repairs one.
fn split<'a>(
    message: &Message,
    entry: &Entry<'a>,
    lost: &mut Lost,
    mut part: impl FnMut(&Entry<'a>, &mut Lost) -> Result<Vec<u8>, Refusal>,
) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity(entry.payload.len());
    let mut failed = None;
    if entry.wire_type != WireType::LengthDelimited {
        return Err((0, "failed to decode: it is not a message".to_owned()));
    }
    let mut rest = entry.payload;
    while !rest.is_empty() {
        let entry = match next(&mut rest) {
            Ok(entry) => entry,
            Err(reason) => return Err((0, failed.unwrap_or(reason))),
        };
        if entry.tag == SPANS_TAG {
            match part(&entry, lost) {
                Ok(kept) => put_bytes(entry.tag, &kept, &mut out),
                Err((spans, reason)) => lost.add(spans, reason),
            }
        } else if let Err(reason) = repair_field(message, &entry, 0, &mut out) {
            // The rest is still looked through, so that all spans that go with it are counted.
            failed.get_or_insert(reason);
        }
    }
    match failed {
        None => Ok(out),
        Some(reason) => Err((0, reason)),
    }
}

fn name_of(span: &[u8]) -> String {
    let mut rest = span;
    while let Ok(entry) = next(&mut rest) {
        if schema::SPAN
            .by_tag(entry.tag)
            .is_some_and(|field| field.name == "name")
        {
            return String::from_utf8_lossy(entry.payload).into_owned();
        }
    }
    String::new()
}

fn repair_message(
    message: &Message,
    bytes: &[u8],
    level: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let level = message.entered(level)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let entry = next(&mut rest)?;
        repair_field(message, &entry, level, out)?;
    }
    Ok(())
}

fn repair_field(
    message: &Message,
    entry: &Entry<'_>,
    level: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let Some(field) = message.by_tag(entry.tag) else {
        return Ok(());
    };
    if entry.wire_type != wire_type_of(field) {
        let (name, found) = (field.name, entry.wire_type);
        return Err(format!("failed to decode `{name}`: its type is {found:?}"));
    }
    match field.kind {
        Kind::Message(inner) => {
            let mut kept = Vec::with_capacity(entry.payload.len());
            repair_message(inner, entry.payload, level, &mut kept)?;
            put_bytes(entry.tag, &kept, out);
        }
        Kind::Text => {
            let text = String::from_utf8_lossy(entry.payload);
            put_bytes(entry.tag, text.as_bytes(), out);
        }
        _ => out.extend_from_slice(entry.whole),
    }
    Ok(())
}

/// How a field of this kind is written.
pub(super) fn wire_type_of(field: &Field) -> WireType {
    match field.kind {
        Kind::Text | Kind::Bytes | Kind::Id | Kind::Message(_) => WireType::LengthDelimited,
        Kind::Bool | Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Enum(_) => WireType::Varint,
        Kind::Fixed32 => WireType::ThirtyTwoBit,
        Kind::Fixed64 | Kind::Double => WireType::SixtyFourBit,
    }
}

/// Appends a field that has a length.
pub(super) fn put_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
