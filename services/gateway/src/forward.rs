//! Upstream calls, and the public form of their errors.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chassis::{Problem, client};
use http::{StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use shop_api::problem::Document;

/// Version of the public interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Money as flat minor units.
    V1,
    /// Money as objects, as between the services.
    V2,
}

/// Sends a call and returns the response if it is a success.
pub(crate) async fn send(call: client::Request) -> Result<client::Response, Problem> {
    let response = call.send().await?;
    if response.status.is_success() {
        Ok(response)
    } else {
        Err(relay(&response))
    }
}

/// The body of a response in the shape of a version: unchanged, or parsed as `T` and written as `Flat`.
pub(crate) fn render<T, Flat>(
    response: &client::Response,
    version: Version,
) -> Result<Bytes, Problem>
where
    T: DeserializeOwned,
    Flat: From<T> + Serialize,
{
    match version {
        Version::V2 => Ok(response.body.clone()),
        Version::V1 => {
            let value: T = response.json()?;
            let body = serde_json::to_vec(&Flat::from(value)).map_err(Problem::internal)?;
            Ok(Bytes::from(body))
        }
    }
}

/// A response with a JSON body.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A service's problem as the gateway's: the same status and code, without internals.
fn relay(response: &client::Response) -> Problem {
    let Ok(document) = serde_json::from_slice::<Document>(&response.body) else {
        // Not a problem document of the shop's services.
        return match response.clone().ok() {
            Ok(_) => Problem::internal(anyhow::anyhow!(
                "`{}` responded without an error",
                response.upstream
            )),
            Err(error) => error.into(),
        };
    };
    let mut problem = Problem::new(response.status, document.code, document.title);
    if let Some(detail) = document.detail {
        problem = problem.detail(detail);
    }
    match response.retry_after_s() {
        Some(seconds) => problem.retry_after_s(seconds),
        None => problem,
    }
}
