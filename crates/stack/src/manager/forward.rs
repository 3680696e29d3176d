//! The fixed admin port: whatever is asked there goes to the newest process's own admin port, which changes with
//! every swap. Metrics are open there as they are locally; heap, profile and control want the run's token, which
//! the process itself checks.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};

use super::host::{Admin, Host};
use crate::guard::{Hosts, own_host};

/// A CPU profile of a minute takes a minute.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);
/// Control requests are some bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// What belongs to one connection and not to the message on it.
const OF_THE_CONNECTION: [header::HeaderName; 5] = [
    header::CONNECTION,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::UPGRADE,
];

struct Forward {
    host: Arc<Host>,
    client: reqwest::Client,
}

/// The routes of the admin port.
pub(super) fn router(host: Arc<Host>, hosts: Hosts) -> anyhow::Result<Router> {
    let client = crate::http::client()
        .timeout(ANSWER_WITHIN)
        .build()
        .context("HTTP client")?;
    Ok(Router::new()
        .fallback(pass_on)
        .layer(from_fn_with_state(hosts, own_host))
        .with_state(Arc::new(Forward { host, client })))
}

async fn pass_on(State(forward): State<Arc<Forward>>, request: Request) -> Response {
    match forward.host.admin() {
        Admin::At(addr) => match forward.ask(addr, request).await {
            Ok(response) => response,
            // The reason may be a swap that happens right now; the next question finds the new process.
            Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}\n")).into_response(),
        },
        // Nothing is deployed: the target is there, and there is nothing to measure. That must not page.
        Admin::Idle if request.uri().path() == "/metrics" => {
            let plain = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            (plain, "# no release is running here\n").into_response()
        }
        Admin::Idle => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no release is running here\n",
        )
            .into_response(),
        Admin::Down => (StatusCode::SERVICE_UNAVAILABLE, "the process has ended\n").into_response(),
    }
}

impl Forward {
    async fn ask(&self, addr: std::net::SocketAddr, request: Request) -> anyhow::Result<Response> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, LARGEST_BODY)
            .await
            .context("body of the request")?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let answer = self
            .client
            .request(parts.method, format!("http://{addr}{path}"))
            .headers(message_headers(parts.headers))
            .body(body)
            .send()
            .await
            .context("admin port of the process")?;
        let (status, headers) = (answer.status(), message_headers(answer.headers().clone()));
        let bytes = answer.bytes().await.context("admin port of the process")?;
        Ok((status, headers, Body::from(bytes)).into_response())
    }
}

fn message_headers(mut headers: HeaderMap) -> HeaderMap {
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_and_what_is_accepted_are_passed_on_and_the_connection_s_own_headers_are_not() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer t"),
            ("accept", "application/openmetrics-text"),
            ("host", "gateway:9401"),
            ("connection", "close"),
        ] {
            headers.insert(name, value.parse().expect("a header value"));
        }
        let passed = message_headers(headers);
        let mut names: Vec<&str> = passed.keys().map(header::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "authorization"]);
    }
}
