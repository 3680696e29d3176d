//! Interning of strings and attributes within one segment.
//!
//! A pair is one attribute: the id of its key and its typed value, in bytes. Spans refer to pairs by number.
//! A dictionary lives and dies with its segment, so nothing has to count references.

use indexmap::IndexSet;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};

use super::codec::{Cursor, MixBuild, put_bytes, put_signed, put_varint, term};
use crate::span::{Attribute, Value};

/// What an interned entry costs beside its bytes: a hash, a fat pointer, a table slot, the allocator's header.
const ENTRY_BYTES: usize = 48;

/// Reads interned strings and pairs by number.
pub(super) trait Lookup {
    fn string(&self, id: u32) -> &str;
    fn pair(&self, id: u32) -> &[u8];
    fn pair_count(&self) -> u32;

    /// Says whether a pair has this key.
    fn has_key(&self, id: u32, key: &str) -> bool {
        self.string(Cursor::new(self.pair(id), 0).varint() as u32) == key
    }

    /// The attribute behind a pair number.
    fn attribute(&self, id: u32) -> Attribute {
        let mut cursor = Cursor::new(self.pair(id), 0);
        let key = self.string(cursor.varint() as u32).to_owned();
        (key, read_value(&mut cursor))
    }
}

/// A dictionary that still grows.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    strings: IndexSet<Box<str>, MixBuild>,
    pairs: IndexSet<Box<[u8]>, MixBuild>,
    /// The index term of each pair.
    terms: Vec<u32>,
    bytes: usize,
    scratch: Vec<u8>,
}

impl Dictionary {
    /// Heap bytes held, closely estimated.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.terms.capacity() * 4 + self.scratch.capacity()
    }

    pub(super) fn terms(&self) -> &[u32] {
        &self.terms
    }

    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(index) = self.strings.get_index_of(text) {
            return index as u32;
        }
        self.bytes += text.len() + ENTRY_BYTES;
        self.strings.insert_full(text.into()).0 as u32
    }

    pub(super) fn intern_pair(&mut self, attribute: &KeyValue) -> u32 {
        let key = self.intern(&attribute.key);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        put_varint(&mut scratch, u64::from(key));
        put_value(&mut scratch, attribute.value.as_ref());
        let index = match self.pairs.get_index_of(scratch.as_slice()) {
            Some(index) => index,
            None => self.add_pair(&attribute.key, attribute.value.as_ref(), &scratch),
        };
        self.scratch = scratch;
        index as u32
    }

    fn add_pair(&mut self, key: &str, value: Option<&AnyValue>, encoded: &[u8]) -> usize {
        let term = match value.and_then(|value| value.value.as_ref()) {
            Some(any_value::Value::StringValue(text)) => term(key, text),
            _ => term(key, &from_proto(value).to_text()),
        };
        self.terms.push(term);
        self.bytes += encoded.len() + ENTRY_BYTES;
        self.pairs.insert_full(encoded.into()).0
    }

    /// Appends all entries so that [`SealedDictionary::read`] finds them again.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.strings.len() as u64);
        for text in &self.strings {
            put_bytes(out, text.as_bytes());
        }
        put_varint(out, self.pairs.len() as u64);
        for pair in &self.pairs {
            put_bytes(out, pair);
        }
    }

    /// Empties it, keeping the tables' memory for the next segment.
    pub(super) fn clear(&mut self) {
        self.strings.clear();
        self.pairs.clear();
        self.terms.clear();
        self.bytes = 0;
    }
}

impl Lookup for Dictionary {
    fn string(&self, id: u32) -> &str {
        self.strings.get_index(id as usize).map_or("", |text| text)
    }

    fn pair(&self, id: u32) -> &[u8] {
        self.pairs.get_index(id as usize).map_or(&[], |pair| pair)
    }

    fn pair_count(&self) -> u32 {
        self.pairs.len() as u32
    }
}

/// The dictionary of a sealed segment, over its unpacked bytes.
#[derive(Debug)]
pub(super) struct SealedDictionary {
    raw: Vec<u8>,
    strings: Vec<(u32, u32)>,
    pairs: Vec<(u32, u32)>,
}

impl SealedDictionary {
    /// Finds the entries in `raw`, which starts with what [`Dictionary::write`] wrote.
    pub(super) fn read(raw: Vec<u8>) -> Self {
        let mut cursor = Cursor::new(&raw, 0);
        let mut section = || {
            let count = (cursor.varint() as usize).min(raw.len());
            let mut entries = Vec::with_capacity(count);
            for _ in 0..count {
                let length = cursor.slice().len();
                let end = cursor.position();
                entries.push(((end - length) as u32, end as u32));
            }
            entries
        };
        let strings = section();
        let pairs = section();
        Self {
            raw,
            strings,
            pairs,
        }
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn entry(&self, entries: &[(u32, u32)], id: u32) -> &[u8] {
        let range = entries.get(id as usize).copied().unwrap_or_default();
        &self.raw[range.0 as usize..range.1 as usize]
    }
}

impl Lookup for SealedDictionary {
    fn string(&self, id: u32) -> &str {
        std::str::from_utf8(self.entry(&self.strings, id)).unwrap_or_default()
    }

    fn pair(&self, id: u32) -> &[u8] {
        self.entry(&self.pairs, id)
    }

    fn pair_count(&self) -> u32 {
        self.pairs.len() as u32
    }
}

fn put_value(out: &mut Vec<u8>, value: Option<&AnyValue>) {
    use any_value::Value as Proto;
    let Some(value) = value.and_then(|value| value.value.as_ref()) else {
        return out.push(0);
    };
    match value {
        Proto::StringValue(text) => {
            out.push(1);
            put_bytes(out, text.as_bytes());
        }
        Proto::BoolValue(value) => out.push(2 + u8::from(*value)),
        Proto::IntValue(value) => {
            out.push(4);
            put_signed(out, *value);
        }
        Proto::DoubleValue(value) => {
            out.push(5);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Proto::BytesValue(bytes) => {
            out.push(6);
            put_bytes(out, bytes);
        }
        Proto::ArrayValue(list) => {
            out.push(7);
            put_varint(out, list.values.len() as u64);
            for value in &list.values {
                put_value(out, Some(value));
            }
        }
        Proto::KvlistValue(map) => {
            out.push(8);
            put_varint(out, map.values.len() as u64);
            for entry in &map.values {
                put_bytes(out, entry.key.as_bytes());
                put_value(out, entry.value.as_ref());
            }
        }
        // An index into a table that only profiles have.
        Proto::StringValueStrindex(_) => out.push(0),
    }
}

fn read_value(cursor: &mut Cursor<'_>) -> Value {
    match cursor.byte() {
        1 => Value::Text(cursor.text().to_owned()),
        2 => Value::Bool(false),
        3 => Value::Bool(true),
        4 => Value::Int(cursor.signed()),
        5 => Value::Double(f64::from_le_bytes(cursor.array())),
        6 => Value::Bytes(cursor.slice().to_vec()),
        7 => {
            let count = cursor.varint();
            Value::List((0..count).map(|_| read_value(cursor)).collect())
        }
        8 => {
            let count = cursor.varint();
            let entry = |_| (cursor.text().to_owned(), read_value(cursor));
            Value::Map((0..count).map(entry).collect())
        }
        _ => Value::Empty,
    }
}

/// The owned value of an OTLP value.
pub(super) fn from_proto(value: Option<&AnyValue>) -> Value {
    let mut out = Vec::new();
    put_value(&mut out, value);
    read_value(&mut Cursor::new(&out, 0))
}
