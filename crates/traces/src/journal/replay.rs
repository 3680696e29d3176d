//! Reads a journal back, also one that a crash cut short or a disk damaged: the good frames load, the rest is reported.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use lz4_flex::frame::FrameDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;

use super::{Error, FILE_NAME};
use crate::decode::{self, Decoded};

/// First bytes of every lz4 frame.
const MAGIC: [u8; 4] = 0x184d_2204u32.to_le_bytes();
/// More than any frame that was written: one request beyond the size at which frames are closed.
const MAX_FRAME_BYTES: u64 = 32 << 20;

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// Requests loaded.
    pub requests: u64,
    /// Spans in them.
    pub spans: u64,
    /// Bytes of the file that could not be read.
    pub lost_bytes: u64,
    /// What is wrong, place by place; empty for a sound file.
    pub damage: Vec<String>,
}

/// Hands every request of the journal in `folder` to `each`, in order.
pub fn replay(folder: &Path, mut each: impl FnMut(Request)) -> Result<Replay, Error> {
    let path = folder.join(FILE_NAME);
    let failed = |source| Error::File {
        path: path.clone(),
        source,
    };
    let mut file = BufReader::new(File::open(&path).map_err(failed)?);
    let length = file.get_ref().metadata().map_err(failed)?.len();
    let mut replayed = Replay::default();
    let mut at = 0;
    while at < length {
        let frame = read_frame(&mut file).and_then(read_requests);
        let next = match &frame {
            Ok(_) => file.stream_position().map_err(failed)?,
            Err(_) => seek_frame(&mut file, at + 1)
                .map_err(failed)?
                .unwrap_or(length),
        };
        match frame {
            Ok(requests) => {
                for Decoded { request, lost, .. } in requests {
                    if !lost.reason.is_empty() {
                        let (spans, reason) = (lost.spans, lost.reason);
                        let refused = format!("{spans} spans at offset {at} are refused: {reason}");
                        replayed.damage.push(refused);
                    }
                    replayed.requests += 1;
                    replayed.spans += span_count(&request);
                    each(request);
                }
            }
            Err(reason) => {
                let lost = next - at;
                replayed.lost_bytes += lost;
                replayed
                    .damage
                    .push(format!("{lost} bytes at offset {at} are lost: {reason}"));
            }
        }
        at = next;
    }
    Ok(replayed)
}

fn span_count(request: &Request) -> u64 {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}

fn read_frame(file: &mut BufReader<File>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut decoder = FrameDecoder::new(file).take(MAX_FRAME_BYTES + 1);
    decoder
        .read_to_end(&mut out)
        .map_err(|error| error.to_string())?;
    match out.len() as u64 {
        0 => Err("not an lz4 frame".to_owned()),
        length if length > MAX_FRAME_BYTES => Err("the frame is too long".to_owned()),
        _ => Ok(out),
    }
}

/// The requests of a frame, each read as the receivers read it.
fn read_requests(frame: Vec<u8>) -> Result<Vec<Decoded>, String> {
    let mut frame = Bytes::from(frame);
    let mut requests = Vec::new();
    while !frame.is_empty() {
        let length =
            prost::encoding::decode_varint(&mut frame).map_err(|error| error.to_string())?;
        if length > frame.len() as u64 {
            return Err("a request is longer than its frame".to_owned());
        }
        let raw = frame.split_to(length as usize);
        requests.push(decode::protobuf(raw).map_err(|error| error.to_string())?);
    }
    Ok(requests)
}

/// Goes to the next frame at or after `from`; says where it is.
fn seek_frame(file: &mut BufReader<File>, from: u64) -> io::Result<Option<u64>> {
    let mut at = file.seek(SeekFrom::Start(from))?;
    let mut matched = 0;
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        for (position, byte) in buffer.iter().enumerate() {
            // No proper prefix of the magic number repeats within it, so a mismatch starts over at this byte.
            matched = if *byte == MAGIC[matched] {
                matched + 1
            } else {
                usize::from(*byte == MAGIC[0])
            };
            if matched == MAGIC.len() {
                let start = at + position as u64 + 1 - MAGIC.len() as u64;
                file.seek(SeekFrom::Start(start))?;
                return Ok(Some(start));
            }
        }
        let length = buffer.len();
        at += length as u64;
        file.consume(length);
    }
}
