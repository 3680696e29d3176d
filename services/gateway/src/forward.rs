//! Calls to the services behind the gateway, and their errors as the public sees them.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chassis::{Problem, client};
use http::{StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use shop_api::problem::Body;

/// Which public interface was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Money as flat minor units.
    V1,
    /// Money as objects, as the services speak among themselves.
    V2,
}

/// Sends a call and gives back its answer if that is a success.
pub(crate) async fn send(call: client::Request) -> Result<client::Response, Problem> {
    let answer = call.send().await?;
    if answer.status.is_success() {
        Ok(answer)
    } else {
        Err(relay(&answer))
    }
}

/// The body of an answer in the shape of a version: as it is, or read as `T` and written as `Flat`.
pub(crate) fn render<T, Flat>(answer: &client::Response, version: Version) -> Result<Bytes, Problem>
where
    T: DeserializeOwned,
    Flat: From<T> + Serialize,
{
    match version {
        Version::V2 => Ok(answer.body.clone()),
        Version::V1 => {
            let value: T = answer.json()?;
            let body = serde_json::to_vec(&Flat::from(value)).map_err(Problem::internal)?;
            Ok(Bytes::from(body))
        }
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A service's problem as ours: the same status and code; what went wrong inside stays inside.
fn relay(answer: &client::Response) -> Problem {
    let Ok(body) = serde_json::from_slice::<Body>(&answer.body) else {
        // Not one of our services' own answers.
        return match answer.clone().ok() {
            Ok(_) => Problem::internal(anyhow::anyhow!(
                "`{}` answered what is no error",
                answer.upstream
            )),
            Err(error) => error.into(),
        };
    };
    let mut problem = Problem::new(answer.status, body.code, body.title);
    if let Some(detail) = body.detail {
        problem = problem.detail(detail);
    }
    match answer.retry_after_s() {
        Some(seconds) => problem.retry_after_s(seconds),
        None => problem,
    }
}
