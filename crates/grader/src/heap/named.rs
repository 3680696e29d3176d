//! Writes the names of functions into a profile, so that every reader of pprof shows them without the executable.
//!
//! What the profile has besides stays as it is, byte by byte: only its locations and mappings get a field more, and
//! functions and texts are appended.

use std::collections::HashMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::pprof::{Frame, Function, Line, Location, unpack};
use super::wire::{FUNCTION, LINE, LOCATION, MAPPING, TEXT, entries, wrong};
use super::{Error, Profile, Symbols};

/// Which functions, and all that they call, readers leave out.
const DROP_FRAMES: u32 = 7;
/// The allocator's own: without this, all memory would be held by the function that takes the samples.
const ALLOCATOR: &str = "prof_backtrace.*|_rjem_.*|.*tikv_jemallocator.*|__rustc::.*";
/// In a mapping: its functions are named, so that a reader does not look for them.
const HAS_FUNCTIONS: u32 = 7;

/// The profile, packed with gzip, with the names that `symbols` knows for its addresses.
pub fn named(bytes: &[u8], symbols: &Symbols) -> Result<Vec<u8>, Error> {
    let profile = Profile::parse(bytes)?;
    let unpacked = unpack(bytes)?;
    let entries = entries(&unpacked)?;
    if entries.iter().any(|entry| entry.tag == FUNCTION) {
        // The program that wrote it has put names in.
        return pack(&unpacked);
    }
    let mut texts = entries.iter().filter(|entry| entry.tag == TEXT).count();
    let mut functions: HashMap<String, u64> = HashMap::new();
    let mut out = Vec::with_capacity(unpacked.len() * 2);
    let mut mapping = 0;
    for entry in &entries {
        let mut payload = entry.payload.to_vec();
        match entry.tag {
            MAPPING => {
                if symbols.names_mapping(&profile, mapping) {
                    encode_key(HAS_FUNCTIONS, WireType::Varint, &mut payload);
                    payload.push(1);
                }
                mapping += 1;
            }
            LOCATION => {
                let location = Location::decode(entry.payload).map_err(wrong)?;
                let name = location
                    .line
                    .is_empty()
                    .then(|| symbols.location(&profile, &location));
                if let Some(name) = name.flatten() {
                    let next = functions.len() as u64 + 1;
                    let line = Line {
                        function_id: *functions.entry(name).or_insert(next),
                    };
                    put(LINE, &line.encode_to_vec(), &mut payload);
                }
            }
            _ => {
                out.extend_from_slice(entry.whole);
                continue;
            }
        }
        put(entry.tag, &payload, &mut out);
    }
    let mut functions: Vec<(String, u64)> = functions.into_iter().collect();
    functions.sort_by_key(|(_, id)| *id);
    for (name, id) in functions {
        let function = Function {
            id,
            name: texts as i64,
        };
        put(FUNCTION, &function.encode_to_vec(), &mut out);
        put(TEXT, name.as_bytes(), &mut out);
        texts += 1;
    }
    if !entries.iter().any(|entry| entry.tag == DROP_FRAMES) {
        put(TEXT, ALLOCATOR.as_bytes(), &mut out);
        encode_key(DROP_FRAMES, WireType::Varint, &mut out);
        encode_varint(texts as u64, &mut out);
    }
    pack(&out)
}

fn pack(profile: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(profile).and_then(|()| encoder.finish());
    packed.map_err(|error| Error::Profile(error.to_string()))
}

impl Symbols {
    fn location(&self, profile: &Profile, location: &Location) -> Option<String> {
        let map = profile
            .maps
            .iter()
            .position(|map| map.id == location.mapping_id);
        // Whether it is a return address is known of its place in a stack; almost all are.
        self.frame(profile, &Frame::Address(location.address, map), true)
    }
}

fn put(tag: u32, payload: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(payload.len() as u64, out);
    out.extend_from_slice(payload);
}
