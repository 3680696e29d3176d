//! The fields of a pprof profile as they stand in it.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::Error;

pub(super) const MAPPING: u32 = 3;
pub(super) const LOCATION: u32 = 4;
pub(super) const FUNCTION: u32 = 5;
pub(super) const TEXT: u32 = 6;
/// In a location.
pub(super) const LINE: u32 = 4;

/// A field of a message.
pub(super) struct Entry<'a> {
    pub(super) tag: u32,
    pub(super) whole: &'a [u8],
    /// Without key and length.
    pub(super) payload: &'a [u8],
}

/// The fields of a profile, in order.
pub(super) fn entries(mut rest: &[u8]) -> Result<Vec<Entry<'_>>, Error> {
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let (tag, wire_type) = decode_key(&mut rest).map_err(wrong)?;
        let value = rest;
        let length = match wire_type {
            WireType::Varint => {
                decode_varint(&mut rest).map_err(wrong)?;
                value.len() - rest.len()
            }
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::LengthDelimited => {
                usize::try_from(decode_varint(&mut rest).map_err(wrong)?).unwrap_or(usize::MAX)
            }
            // Profiles have none, and they nest without an end, which prost follows.
            WireType::StartGroup | WireType::EndGroup => {
                return Err(Error::Profile("groups are not supported".to_owned()));
            }
        };
        let payload = match wire_type {
            WireType::LengthDelimited => rest,
            _ => value,
        };
        let Some((payload, after)) = payload.split_at_checked(length) else {
            return Err(Error::Profile(
                "a field is longer than the profile".to_owned(),
            ));
        };
        rest = after;
        entries.push(Entry {
            tag,
            whole: &start[..start.len() - after.len()],
            payload,
        });
    }
    Ok(entries)
}

/// Refuses what prost would follow without an end: groups, in the profile and in its messages.
pub(super) fn refuse_groups(profile: &[u8]) -> Result<(), Error> {
    for entry in entries(profile)? {
        // 1 to 5 are messages, in which only the lines of a location are messages again.
        if (1..=FUNCTION).contains(&entry.tag) {
            for inner in entries(entry.payload)? {
                if entry.tag == LOCATION && inner.tag == LINE {
                    entries(inner.payload)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn wrong(error: prost::DecodeError) -> Error {
    Error::Profile(error.to_string())
}
