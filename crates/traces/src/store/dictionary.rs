//! Interning of strings and attributes within one segment.
//!
//! A pair is one attribute: the id of its key and its value in protobuf. Spans refer to pairs by number.
//! A dictionary lives and dies with its segment, so nothing has to count references.

use indexmap::IndexSet;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message as _;

use super::codec::{Cursor, MixBuild, put_bytes, put_varint, term};
use crate::span::text_of;

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
    fn attribute(&self, id: u32) -> KeyValue {
        let pair = self.pair(id);
        let mut cursor = Cursor::new(pair, 0);
        let key = self.string(cursor.varint() as u32).to_owned();
        let value = AnyValue::decode(pair.get(cursor.position()..).unwrap_or_default());
        KeyValue {
            key,
            // It was written here, so that it can be read.
            value: Some(value.unwrap_or_default()),
            ..KeyValue::default()
        }
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

    /// Bytes of what is in it, whatever memory it keeps for more.
    pub(super) fn content_bytes(&self) -> usize {
        self.bytes + self.terms.len() * 4
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
        if let Some(value) = &attribute.value {
            value.encode(&mut scratch).expect("a vector grows");
        }
        let index = match self.pairs.get_index_of(scratch.as_slice()) {
            Some(index) => index,
            None => self.add_pair(attribute, &scratch),
        };
        self.scratch = scratch;
        index as u32
    }

    fn add_pair(&mut self, attribute: &KeyValue, encoded: &[u8]) -> usize {
        let key = &attribute.key;
        let term = match &attribute.value {
            Some(AnyValue {
                value: Some(any_value::Value::StringValue(text)),
            }) => term(key, text),
            Some(value) => term(key, &text_of(value)),
            None => term(key, ""),
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
