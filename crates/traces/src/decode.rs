//! Reads trace requests from clients that nobody here wrote, as protobuf or as OTLP/JSON.
//!
//! ```text
//! JSON     -> json::transcode -+
//! protobuf -------------------+-> protobuf that is sound -> prost -> request
//!             \-> wire::repair -+   (only if it is deep or does not decode)
//! ```
//! What cannot be read costs the span it stands in, never the batch. Text that is not Unicode is replaced, not refused.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use prost::Message as _;

mod json;
mod schema;
#[cfg(test)]
mod tests;
mod wire;

/// Lists and maps that an attribute may have within each other.
///
/// Clients of the query API read JSON, of which each takes four levels; common readers stop at 128.
pub(crate) const MAX_NESTING: usize = 24;

/// The request is not one at all, so that nothing of it could be kept.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(String);

/// A request that was read.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// What could be read.
    pub(crate) request: Request,
    /// The same in protobuf, for the journal.
    pub(crate) raw: Bytes,
    /// What could not.
    pub(crate) lost: Lost,
}

/// Spans that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// How many.
    pub(crate) spans: usize,
    /// Why the first was refused, empty when none was.
    pub(crate) reason: String,
}

impl Lost {
    fn add(&mut self, spans: usize, reason: String) {
        self.spans += spans;
        if self.reason.is_empty() {
            self.reason = reason;
        }
    }
}

/// Reads a request in protobuf.
pub(crate) fn protobuf(raw: Bytes) -> Result<Decoded, Error> {
    // The depth comes first: prost reads recursively, and a dependency has switched its own limit off.
    if wire::is_shallow(&schema::REQUEST, &raw)
        && let Ok(request) = Request::decode(raw.clone())
    {
        let lost = Lost::default();
        return Ok(Decoded { request, raw, lost });
    }
    let mut lost = Lost::default();
    let repaired = wire::repair(&raw, &mut lost).map_err(Error)?;
    finish(repaired, lost)
}

/// Reads a request in JSON.
pub(crate) fn json(bytes: &[u8]) -> Result<Decoded, Error> {
    let mut lost = Lost::default();
    let raw = json::transcode(bytes, &mut lost).map_err(|error| Error(error.to_string()))?;
    finish(raw, lost)
}

fn finish(raw: Vec<u8>, lost: Lost) -> Result<Decoded, Error> {
    let raw = Bytes::from(raw);
    let request = Request::decode(raw.clone()).map_err(|error| Error(error.to_string()))?;
    let is_empty = request.resource_spans.is_empty() && lost.spans == 0;
    match is_empty && !lost.reason.is_empty() {
        true => Err(Error(lost.reason)),
        false => Ok(Decoded { request, raw, lost }),
    }
}

/// Says which span could not be read.
fn of_span(name: &str, reason: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!("span `{name}`: {reason}")
}
