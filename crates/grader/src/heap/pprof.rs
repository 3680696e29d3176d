//! The part of pprof's `profile.proto` that a heap profile uses.

use std::collections::HashSet;
use std::io::Read;

use flate2::read::GzDecoder;
use prost::Message;

use super::wire::{refuse_groups, wrong};
use super::{Error, is_ours};

/// Unpacked size; a real profile has some hundred kilobytes.
const MAX_UNPACKED: u64 = 64 << 20;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Wire {
    #[prost(message, repeated, tag = "1")]
    pub(super) sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub(super) sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(super) mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    pub(super) location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub(super) function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub(super) string_table: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueType {
    #[prost(int64, tag = "1")]
    pub(super) kind: i64,
    #[prost(int64, tag = "2")]
    pub(super) unit: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    pub(super) location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub(super) value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Mapping {
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(uint64, tag = "2")]
    pub(super) memory_start: u64,
    #[prost(uint64, tag = "3")]
    pub(super) memory_limit: u64,
    #[prost(uint64, tag = "4")]
    pub(super) file_offset: u64,
    #[prost(int64, tag = "5")]
    pub(super) filename: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Location {
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(uint64, tag = "2")]
    pub(super) mapping_id: u64,
    #[prost(uint64, tag = "3")]
    pub(super) address: u64,
    #[prost(message, repeated, tag = "4")]
    pub(super) line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Line {
    #[prost(uint64, tag = "1")]
    pub(super) function_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Function {
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(int64, tag = "2")]
    pub(super) name: i64,
}

/// A heap profile: live memory by stack.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Stacks with what they hold.
    pub stacks: Vec<Stack>,
    pub(super) maps: Vec<Map>,
}

/// One stack, innermost frame first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stack {
    /// Bytes in use, already scaled up from the sampling.
    pub bytes: i64,
    /// Objects in use, already scaled up; `None` if the profile does not count them, as jemalloc's do not.
    pub objects: Option<i64>,
    pub(super) frames: Vec<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// An address, and the index of the mapping that the profile says it lies in.
    Address(u64, Option<usize>),
    /// A name that the profile itself carries.
    Named(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    pub(super) id: u64,
    pub(super) start: u64,
    pub(super) limit: u64,
    pub(super) offset: u64,
    pub(super) file: String,
}

impl Profile {
    /// Reads a profile, with or without gzip around it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let wire = wire(bytes)?;
        let text = |index: i64| {
            usize::try_from(index)
                .ok()
                .and_then(|i| wire.string_table.get(i))
                .cloned()
                .unwrap_or_default()
        };
        let kinds: Vec<(String, String)> = wire
            .sample_type
            .iter()
            .map(|kind| (text(kind.kind), text(kind.unit)))
            .collect();
        let column = |wanted: &dyn Fn(&(String, String)) -> bool| kinds.iter().position(wanted);
        let bytes_at = column(&|(kind, unit)| unit == "bytes" && kind != "alloc_space")
            .ok_or_else(|| Error::Profile("it has no byte counts".to_owned()))?;
        let objects_at = column(&|(kind, unit)| unit == "count" && kind != "alloc_objects");
        let frames = frame_table(&wire, &text);
        let stacks = wire
            .sample
            .iter()
            .map(|sample| Stack {
                bytes: sample.value.get(bytes_at).copied().unwrap_or(0),
                objects: objects_at.and_then(|at| sample.value.get(at).copied()),
                frames: sample
                    .location_id
                    .iter()
                    .flat_map(|id| frames.get(id).cloned().unwrap_or_default())
                    .collect(),
            })
            .collect();
        let maps = wire
            .mapping
            .iter()
            .map(|map| Map {
                id: map.id,
                start: map.memory_start,
                limit: map.memory_limit,
                offset: map.file_offset,
                file: text(map.filename),
            })
            .collect();
        Ok(Self { stacks, maps })
    }

    /// Bytes in use, all stacks.
    pub fn bytes(&self) -> i64 {
        self.stacks.iter().map(|stack| stack.bytes).sum()
    }
}

/// The texts of a profile, with or without gzip around it, less the names of functions that libraries have: those are in the
/// heap of every program.
pub fn own_texts(bytes: &[u8]) -> Result<Vec<String>, Error> {
    let wire = wire(bytes)?;
    let functions: HashSet<i64> = wire.function.iter().map(|one| one.name).collect();
    let texts = (0..).zip(wire.string_table);
    let own = texts.filter(|(index, text)| !functions.contains(index) || is_ours(text));
    Ok(own.map(|(_, text)| text).collect())
}

fn wire(bytes: &[u8]) -> Result<Wire, Error> {
    let unpacked = unpack(bytes)?;
    refuse_groups(&unpacked)?;
    Wire::decode(unpacked.as_slice()).map_err(wrong)
}

fn frame_table(
    wire: &Wire,
    text: &dyn Fn(i64) -> String,
) -> std::collections::HashMap<u64, Vec<Frame>> {
    let names: std::collections::HashMap<u64, i64> = wire
        .function
        .iter()
        .map(|function| (function.id, function.name))
        .collect();
    wire.location
        .iter()
        .map(|location| {
            let named: Vec<Frame> = location
                .line
                .iter()
                .filter_map(|line| names.get(&line.function_id))
                .map(|name| Frame::Named(text(*name)))
                .collect();
            let frames = match named.is_empty() {
                true => {
                    let map = wire
                        .mapping
                        .iter()
                        .position(|map| map.id == location.mapping_id);
                    vec![Frame::Address(location.address, map)]
                }
                false => named,
            };
            (location.id, frames)
        })
        .collect()
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| Error::Profile(error.to_string()))?;
    if unpacked.len() as u64 > MAX_UNPACKED {
        return Err(Error::Profile(format!(
            "it is larger than {MAX_UNPACKED} bytes when unpacked"
        )));
    }
    Ok(unpacked)
}
