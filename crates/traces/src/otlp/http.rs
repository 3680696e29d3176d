//! OTLP over HTTP: protobuf or JSON, plain or packed. Errors are `google.rpc.Status` in the request's encoding.

use std::io::Read;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Router, body};
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, StatusCode, header};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use ruzstd::decoding::StreamingDecoder;
use serde_json::json;

use super::{MAX_REQUEST_BYTES, Receiver};
use crate::store::Receipt;

/// The routes of an OTLP/HTTP listener.
pub fn router(receiver: Arc<Receiver>) -> Router {
    let only_post = || async { refuse(Encoding::Json, StatusCode::METHOD_NOT_ALLOWED, "use POST") };
    Router::new()
        .route("/v1/traces", post(export).fallback(only_post))
        .route("/v1/metrics", any(not_taken))
        .route("/v1/logs", any(not_taken))
        .fallback(not_taken)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(receiver)
}

async fn not_taken(headers: HeaderMap) -> Response {
    let encoding = Encoding::of(&headers).unwrap_or(Encoding::Json);
    let message = "this collector takes traces only, at /v1/traces; metrics are scraped, logs stay with the services";
    refuse(encoding, StatusCode::NOT_FOUND, message)
}

async fn export(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(encoding) = Encoding::of(&parts.headers) else {
        let message = "the content type must be application/x-protobuf or application/json";
        return refuse(Encoding::Json, StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    };
    let result = match body::to_bytes(body, MAX_REQUEST_BYTES).await {
        Ok(bytes) => {
            unpack(&parts.headers, bytes).and_then(|bytes| take(&receiver, encoding, bytes))
        }
        Err(_) => Err(too_large()),
    };
    match result {
        Ok(accepted) => succeed(encoding, accepted),
        Err((status, message)) => refuse(encoding, status, &message),
    }
}

type Refusal = (StatusCode, String);

fn too_large() -> Refusal {
    let message = format!("a request may have at most {MAX_REQUEST_BYTES} bytes");
    (StatusCode::PAYLOAD_TOO_LARGE, message)
}

/// Undoes the content encodings of a body, the last one first.
fn unpack(headers: &HeaderMap, mut bytes: Bytes) -> Result<Bytes, Refusal> {
    let listed = headers.get_all(header::CONTENT_ENCODING).iter();
    let listed: Vec<String> = listed
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    for name in listed.iter().rev() {
        bytes = match name.as_str() {
            "" | "identity" => bytes,
            "gzip" | "x-gzip" => inflate(name, MultiGzDecoder::new(&bytes[..]))?,
            // What the name means by its definition, which some senders take literally instead.
            "deflate" | "zlib" if is_zlib(&bytes) => inflate(name, ZlibDecoder::new(&bytes[..]))?,
            "deflate" => inflate(name, DeflateDecoder::new(&bytes[..]))?,
            "zlib" => return Err((StatusCode::BAD_REQUEST, "zlib: no zlib header".to_owned())),
            "zstd" => {
                let decoder = StreamingDecoder::new(&bytes[..]);
                let failed = |error| (StatusCode::BAD_REQUEST, format!("zstd: {error}"));
                inflate(name, decoder.map_err(failed)?)?
            }
            other => {
                let known = "gzip, deflate, zlib and zstd are";
                let message = format!("content encoding `{other}` is not supported, only {known}");
                return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
            }
        };
    }
    Ok(bytes)
}

/// Whether the bytes start with the header of a zlib stream.
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, ..] => first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0,
        _ => false,
    }
}

/// Reads what a decoder gives, no more than a request may have.
fn inflate(name: &str, decoder: impl Read) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    let read = decoder
        .take(MAX_REQUEST_BYTES as u64 + 1)
        .read_to_end(&mut out);
    read.map_err(|error| (StatusCode::BAD_REQUEST, format!("{name}: {error}")))?;
    match out.len() > MAX_REQUEST_BYTES {
        true => Err(too_large()),
        false => Ok(out.into()),
    }
}

fn take(receiver: &Receiver, encoding: Encoding, bytes: Bytes) -> Result<Receipt, Refusal> {
    let taken = match encoding {
        Encoding::Protobuf => receiver.accept(bytes),
        Encoding::Json => receiver.accept_json(&bytes),
    };
    taken.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let name = value.split(';').next().unwrap_or_default().trim();
        if name.eq_ignore_ascii_case(Self::Protobuf.name()) {
            Some(Self::Protobuf)
        } else if name.eq_ignore_ascii_case(Self::Json.name()) {
            Some(Self::Json)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

fn succeed(encoding: Encoding, accepted: Receipt) -> Response {
    let body = match encoding {
        Encoding::Json if accepted.rejected == 0 => b"{}".to_vec(),
        Encoding::Json => json!({"partialSuccess": {
            "rejectedSpans": accepted.rejected.to_string(),
            "errorMessage": accepted.reason,
        }})
        .to_string()
        .into_bytes(),
        Encoding::Protobuf => ExportTraceServiceResponse {
            partial_success: (accepted.rejected > 0).then_some(ExportTracePartialSuccess {
                rejected_spans: accepted.rejected as i64,
                error_message: accepted.reason,
            }),
        }
        .encode_to_vec(),
    };
    ([(header::CONTENT_TYPE, encoding.name())], body).into_response()
}

/// `google.rpc.Status`, as far as OTLP uses it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

fn refuse(encoding: Encoding, status: StatusCode, message: &str) -> Response {
    let code = match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => tonic::Code::Unimplemented,
        StatusCode::PAYLOAD_TOO_LARGE => tonic::Code::ResourceExhausted,
        _ => tonic::Code::InvalidArgument,
    } as i32;
    let body = match encoding {
        Encoding::Json => json!({"code": code, "message": message})
            .to_string()
            .into_bytes(),
        Encoding::Protobuf => RpcStatus {
            code,
            message: message.to_owned(),
        }
        .encode_to_vec(),
    };
    (status, [(header::CONTENT_TYPE, encoding.name())], body).into_response()
}
