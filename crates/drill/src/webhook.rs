//! The pager as Alertmanager's webhook: what it sends pages as what Prometheus says does, once for each alert.
//!
//! Off unless an address is given, or the drill starts an Alertmanager of its own. It wants a token of its own, since it is another party that holds it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use grader::evidence::prometheus::{Alert, Labels};
use ingress::Server;
use serde::Deserialize;
use stack::backend::{Kind, Pager};
use stack::guard::{self, Bearer, Hosts};
use stack::token::Token;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::drill::Drill;
use crate::pager;
use crate::plan::Webhook;

/// A notification holds some alerts of some hundred bytes.
const LARGEST_BODY: usize = 256 * 1024;

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

/// The webhook with its socket, before there is a drill to page.
pub(crate) struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
    webhook: Webhook,
}

/// For an Alertmanager that the drill starts itself: any port of this machine, and a new token.
fn own() -> Webhook {
    Webhook {
        addr: (Ipv4Addr::LOCALHOST, 0).into(),
        hosts: Vec::new(),
        token: Token::random(),
    }
}

async fn bind(webhook: Webhook) -> anyhow::Result<Bound> {
    let bound = TcpListener::bind(webhook.addr).await;
    let listener = bound.map_err(|error| stack::Error::Start {
        message: format!("the pager cannot listen on {}: {error}", webhook.addr),
        log: Vec::new(),
        hint: Some("choose another address with `--pager ADDR`".to_owned()),
    })?;
    Ok(Bound {
        addr: listener.local_addr()?,
        listener,
        webhook,
    })
}

/// Binds the webhook that was asked for, or the one that native backends want; others want none.
pub(crate) async fn open(asked: Option<Webhook>, backend: &Kind) -> anyhow::Result<Option<Bound>> {
    let wanted = || matches!(backend, Kind::Native(_)).then(own);
    match asked.or_else(wanted) {
        Some(webhook) => bind(webhook).await.map(Some),
        None => Ok(None),
    }
}

impl Bound {
    /// Where an Alertmanager on this machine reaches it.
    pub(crate) fn pager(&self) -> Pager {
        let ip = self.addr.ip();
        let ip = if ip.is_unspecified() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            ip
        };
        Pager {
            url: format!("http://{}/v1/alerts", SocketAddr::new(ip, self.addr.port())),
            token: self.webhook.token.clone(),
        }
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self, drill: Arc<Drill>) {
        let hosts = Hosts::of(self.addr, &self.webhook.hosts, "--pager-host");
        let bearer = Bearer::new(self.webhook.token.expose());
        let router = Router::new()
            .route("/v1/alerts", post(notified))
            .route_layer(from_fn_with_state(bearer, guard::with_token))
            .route("/healthz", get(async || "ok\n"))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(hosts, guard::own_host))
            .with_state(drill);
        // It ends with the runner.
        let _ = Server::new(router)
            .run(self.listener, CancellationToken::new())
            .await;
    }
}

async fn notified(
    State(drill): State<Arc<Drill>>,
    Json(notification): Json<Notification>,
) -> StatusCode {
    for alert in notification.alerts {
        pager::hear(&drill, &alert.into());
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
