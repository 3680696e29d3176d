//! The envelope of every answer, and the notation of values.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::{Serialize, Serializer};

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
    /// There is no such endpoint.
    NotFound(String),
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
            Error::NotFound(text) => (404, "not_found", text),
            Error::Internal(text) => (500, "internal", text),
        };
        let body = serde_json::json!({"status": "error", "errorType": kind, "error": text});
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, json(body.to_string())).into_response()
    }
}

/// What a handler answers.
pub(super) type Answer = Result<Response, Error>;

#[derive(Serialize)]
struct Envelope<'a, T> {
    status: &'static str,
    data: &'a T,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    infos: &'a [String],
}

fn envelope(data: &impl Serialize, warnings: &[String], infos: &[String]) -> Answer {
    let body = serde_json::to_string(&Envelope {
        status: "success",
        data,
        warnings,
        infos,
    });
    body.map(json)
        .map_err(|error| Error::Internal(error.to_string()))
}

/// The answer to a request that went well.
pub(super) fn success(data: &impl Serialize) -> Answer {
    envelope(data, &[], &[])
}

/// Like [`success`], saying that the answer was cut short.
pub(super) fn success_cut(data: &impl Serialize, is_cut: bool) -> Answer {
    let warnings: &[String] = if is_cut { &[CUT.to_owned()] } else { &[] };
    envelope(data, warnings, &[])
}

/// What the API says when a `limit` cut an answer short.
const CUT: &str = "results truncated due to limit";

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The `data` of a query.
#[derive(Serialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data<'a> {
    Scalar(Point),
    String((Time, &'a str)),
    Vector(Vec<Member<'a>>),
    Matrix(Vec<Line<'a>>),
}

#[derive(Serialize)]
struct Member<'a> {
    metric: Pairs<'a>,
    value: Point,
}

#[derive(Serialize)]
struct Line<'a> {
    metric: Pairs<'a>,
    values: Vec<Point>,
}

/// The answer to a query: at most `limit` series if that is not 0.
pub(super) fn query(found: &promql::Answer, limit: usize) -> Answer {
    let most = if limit == 0 { usize::MAX } else { limit };
    let (data, count) = match &found.value {
        Value::Scalar(sample) => (Data::Scalar(Point(*sample)), 1),
        Value::String(t_ms, text) => (Data::String((Time(*t_ms), text)), 1),
        Value::Vector(members) => {
            let shown = members.iter().take(most).map(|one| Member {
                metric: Pairs(&one.labels),
                value: Point(one.sample),
            });
            (Data::Vector(shown.collect()), members.len())
        }
        Value::Matrix(series) => {
            let shown = series.iter().take(most).map(|one| Line {
                metric: Pairs(&one.labels),
                values: one.samples.iter().copied().map(Point).collect(),
            });
            (Data::Matrix(shown.collect()), series.len())
        }
    };
    let mut warnings = found.warnings.clone();
    warnings.extend((count > most).then(|| CUT.to_owned()));
    envelope(&data, &warnings, &found.infos)
}

/// `[time, "value"]`.
struct Point(Sample);

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Time(self.0.t_ms), number::api(self.0.value)).serialize(serializer)
    }
}

/// Seconds, with milliseconds only if there are any.
pub(super) struct Time(pub(super) i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1_000 {
            0 => serializer.serialize_i64(self.0 / 1_000),
            _ => serializer.serialize_f64(self.0 as f64 / 1_000.0),
        }
    }
}

/// Labels as a JSON object.
pub(super) struct Pairs<'a>(pub(super) &'a Labels);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}
