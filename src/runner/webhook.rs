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
use serde::Deserialize;
use stack::backend::{Kind, Pager};
use stack::guard::{self, Bearer, Hosts};
use stack::token::Token;
use tokio::net::TcpListener;

use super::drill::Drill;
use super::pager;
use super::plan::Options;

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

/// The webhook with its socket, before there is a drill to page.
pub(super) struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
    webhook: Webhook,
}

impl Webhook {
    /// For an Alertmanager that the drill starts itself: any port of this machine, and a new token.
    fn own() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            hosts: Vec::new(),
            token: Token::random(),
        }
    }

    async fn bind(self) -> anyhow::Result<Bound> {
        let bound = TcpListener::bind(self.addr).await;
        let listener = bound.map_err(|error| stack::Error::Start {
            message: format!("the pager cannot listen on {}: {error}", self.addr),
            log: Vec::new(),
            hint: Some("choose another address with `--pager ADDR`".to_owned()),
        })?;
        Ok(Bound {
            addr: listener.local_addr()?,
            listener,
            webhook: self,
        })
    }
}

/// Binds the webhook that was asked for, or the one that native backends want; others want none.
pub(super) async fn open(options: &Options) -> anyhow::Result<Option<Bound>> {
    let asked = options.webhook.clone();
    let own = || matches!(options.backend, Kind::Native(_)).then(Webhook::own);
    match asked.or_else(own) {
        Some(webhook) => webhook.bind().await.map(Some),
        None => Ok(None),
    }
}

impl Bound {
    /// Where an Alertmanager on this machine reaches it.
    pub(super) fn pager(&self) -> Pager {
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
    pub(super) async fn serve(self, drill: Arc<Drill>) {
        let hosts = Hosts::of(self.addr, &self.webhook.hosts, "--pager-host");
        let bearer = Bearer::new(self.webhook.token.expose());
        let router = Router::new()
            .route("/v1/alerts", post(notified))
            .route_layer(from_fn_with_state(bearer, guard::with_token))
            .route("/healthz", get(async || "ok\n"))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(hosts, guard::own_host))
            .with_state(drill);
        // It ends with the runner; an accept error has no receiver.
        let _ = axum::serve(self.listener, router).await;
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
