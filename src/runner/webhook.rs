//! The pager as Alertmanager's webhook: what it sends pages as what Prometheus says does, once for each alert.
//!
//! Off unless an address is given. It wants a token of its own, since it is another party that holds it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use grader::evidence::prometheus::{Alert, Labels};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::drill::Drill;
use super::pager;
use crate::error::Error;
use crate::guard::{Hosts, has_token};
use crate::stack::manager::Token;

/// A notification holds some alerts of some hundred bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// Where the webhook listens, and to whom.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// The address.
    pub(crate) addr: SocketAddr,
    /// Names by which Alertmanager reaches it.
    pub(crate) hosts: Vec<String>,
    /// What Alertmanager must show.
    pub(crate) token: Token,
}

/// The part of Alertmanager's notification (version 4) that a page is made of.
#[derive(Debug, Deserialize)]
struct Notification {
    alerts: Vec<Notified>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notified {
    /// `firing` or `resolved`.
    status: String,
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    starts_at: String,
}

impl From<Notified> for Alert {
    fn from(notified: Notified) -> Self {
        Self {
            labels: notified.labels,
            annotations: notified.annotations,
            state: notified.status,
            active_at: Some(notified.starts_at),
            value: String::new(),
        }
    }
}

struct Ear {
    drill: Arc<Drill>,
    token: Token,
}

/// Binds the address; the work is to answer there until it is dropped.
pub(super) async fn serve(
    drill: Arc<Drill>,
    webhook: Webhook,
) -> anyhow::Result<impl Future<Output = ()>> {
    let listener = TcpListener::bind(webhook.addr)
        .await
        .map_err(|error| Error::Stack {
            message: format!("the pager cannot listen on {}: {error}", webhook.addr),
            log: Vec::new(),
            hint: Some("name another address with `--pager ADDR`".to_owned()),
        })?;
    let hosts = Hosts::of(listener.local_addr()?, &webhook.hosts);
    let ear = Arc::new(Ear {
        drill,
        token: webhook.token,
    });
    let router = Router::new()
        .route("/v1/alerts", post(notified))
        .route_layer(from_fn_with_state(Arc::clone(&ear), admit))
        .route("/healthz", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(hosts, own_host))
        .with_state(ear);
    Ok(async move {
        // It ends with the runner; there is nobody to tell about an accept error.
        let _ = axum::serve(listener, router).await;
    })
}

async fn own_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if hosts.admit(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "the Host header names another host; `--pager-host NAME` adds a name\n",
    )
        .into_response()
}

async fn admit(State(ear): State<Arc<Ear>>, request: Request, next: Next) -> Response {
    if has_token(request.headers(), ear.token.expose()) {
        return next.run(request).await;
    }
    (
        StatusCode::UNAUTHORIZED,
        "the pager's token is missing or wrong\n",
    )
        .into_response()
}

async fn notified(
    State(ear): State<Arc<Ear>>,
    Json(notification): Json<Notification>,
) -> StatusCode {
    for alert in notification.alerts {
        pager::hear(&ear.drill, &alert.into());
    }
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_read_as_the_alerts_that_it_tells_of() {
        let text = r#"{"version":"4","status":"firing","receiver":"pager","groupLabels":{},"alerts":[
            {"status":"firing","labels":{"alertname":"A","severity":"page"},"annotations":{"summary":"s"},
             "startsAt":"2026-11-23T14:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f"}]}"#;
        let notification: Notification = serde_json::from_str(text).expect("a notification");
        let alert = Alert::from(notification.alerts.into_iter().next().expect("an alert"));
        assert_eq!(alert.state, "firing");
        assert_eq!(alert.labels["alertname"], "A");
        assert_eq!(alert.annotations["summary"], "s");
        assert_eq!(alert.active_at.as_deref(), Some("2026-11-23T14:00:00Z"));
    }
}
