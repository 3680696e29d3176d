//! The envelope of every answer, and the notation of values.

use std::fmt::Write;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;

use crate::number;
use promql::{Labels, Sample, Value};

/// Why a request has no answer; the names are the API's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    /// The request is wrong.
    BadData(String),
    /// The expression cannot be evaluated over these samples.
    Execution(String),
    /// It took too long.
    Timeout(String),
    /// A bug in this program.
    Internal(String),
}

impl Error {
    /// A parameter that is wrong, in the API's words.
    pub(super) fn parameter(name: &str, what: impl std::fmt::Display) -> Error {
        Error::BadData(format!("invalid parameter {name:?}: {what}"))
    }
}

impl From<promql::Error> for Error {
    fn from(error: promql::Error) -> Error {
        let text = error.to_string();
        match error {
            promql::Error::BadData(_) => Error::parameter("query", text),
            promql::Error::Execution(_) => Error::Execution(text),
            promql::Error::Timeout(_) => Error::Timeout(text),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (code, kind, text) = match self {
            Error::BadData(text) => (400, "bad_data", text),
            Error::Execution(text) => (422, "execution", text),
            Error::Timeout(text) => (503, "timeout", text),
            Error::Internal(text) => (500, "internal", text),
        };
        let body = serde_json::json!({"status": "error", "errorType": kind, "error": text});
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, json(body.to_string())).into_response()
    }
}

/// What a handler answers.
pub(super) type Answer = Result<Response, Error>;

/// The answer to a request that went well.
pub(super) fn success<T: Serialize>(data: &T) -> Answer {
    let data = serde_json::to_string(data).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(raw(&data, &[], &[]))
}

/// Like [`success`], saying that the answer was cut short.
pub(super) fn success_cut<T: Serialize>(data: &T, is_cut: bool) -> Answer {
    let data = serde_json::to_string(data).map_err(|error| Error::Internal(error.to_string()))?;
    let warnings: &[String] = if is_cut { &[CUT.to_owned()] } else { &[] };
    Ok(raw(&data, warnings, &[]))
}

/// What the API says when a `limit` cut an answer short.
pub(super) const CUT: &str = "results truncated due to limit";

/// The envelope around `data`, which is JSON.
pub(super) fn raw(data: &str, warnings: &[String], infos: &[String]) -> Response {
    let mut body = String::with_capacity(data.len() + 64);
    body.push_str("{\"status\":\"success\",\"data\":");
    body.push_str(data);
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            let _ = write!(body, ",\"{name}\":{}", serde_json::json!(texts));
        }
    }
    body.push('}');
    json(body)
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The `data` of a query: type and values, at most `limit` series if that is not 0. Says whether it cut.
pub(super) fn query_data(value: &Value, limit: usize) -> (String, bool) {
    let mut text = String::from("{\"resultType\":\"");
    let most = if limit == 0 { usize::MAX } else { limit };
    let mut is_cut = false;
    match value {
        Value::Scalar(sample) => {
            text.push_str("scalar\",\"result\":");
            write_sample(&mut text, *sample);
        }
        Value::String(t_ms, content) => {
            text.push_str("string\",\"result\":[");
            write_time(&mut text, *t_ms);
            let _ = write!(text, ",{}]", serde_json::json!(content));
        }
        Value::Vector(found) => {
            text.push_str("vector\",\"result\":[");
            is_cut = found.len() > most;
            for (index, one) in found.iter().take(most).enumerate() {
                text.push_str(if index == 0 {
                    "{\"metric\":"
                } else {
                    ",{\"metric\":"
                });
                write_labels(&mut text, &one.labels);
                text.push_str(",\"value\":");
                write_sample(&mut text, one.sample);
                text.push('}');
            }
            text.push(']');
        }
        Value::Matrix(found) => {
            text.push_str("matrix\",\"result\":[");
            is_cut = found.len() > most;
            for (index, series) in found.iter().take(most).enumerate() {
                text.push_str(if index == 0 {
                    "{\"metric\":"
                } else {
                    ",{\"metric\":"
                });
                write_labels(&mut text, &series.labels);
                text.push_str(",\"values\":[");
                for (index, sample) in series.samples.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_sample(&mut text, *sample);
                }
                text.push_str("]}");
            }
            text.push(']');
        }
    }
    text.push('}');
    (text, is_cut)
}

/// `[time, "value"]`.
fn write_sample(text: &mut String, sample: Sample) {
    text.push('[');
    write_time(text, sample.t_ms);
    text.push_str(",\"");
    number::write_api(text, sample.value);
    text.push_str("\"]");
}

/// Seconds, with milliseconds only if there are any.
pub(super) fn write_time(text: &mut String, t_ms: i64) {
    if t_ms < 0 {
        text.push('-');
    }
    let t_ms = t_ms.unsigned_abs();
    let _ = write!(text, "{}", t_ms / 1_000);
    if !t_ms.is_multiple_of(1_000) {
        let _ = write!(text, ".{:03}", t_ms % 1_000);
    }
}

fn write_labels(text: &mut String, labels: &Labels) {
    text.push('{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_text(text, name);
        text.push(':');
        write_text(text, value);
    }
    text.push('}');
}

fn write_text(text: &mut String, plain: &str) {
    let needs_care = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\');
    if plain.bytes().any(needs_care) {
        let _ = write!(text, "{}", serde_json::json!(plain));
    } else {
        text.push('"');
        text.push_str(plain);
        text.push('"');
    }
}

/// Labels as a JSON object.
pub(super) fn labels_json(labels: &Labels) -> serde_json::Value {
    let pairs = labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()));
    serde_json::Value::Object(pairs.collect())
}
