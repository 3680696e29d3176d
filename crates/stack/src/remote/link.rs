//! One question to a manager and its answer.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::{StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::manager::Refusal;
use crate::token::Token;

/// Where a manager is, and how it knows us.
#[derive(Debug)]
pub(super) struct Link {
    base: Url,
    text: String,
    token: Token,
    http: reqwest::Client,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refused {
    /// Nothing answers, or not a manager.
    Silent(String),
    /// The token is not theirs.
    Foreign,
    /// Another run has the manager.
    Busy(String),
    /// We do not have the manager.
    NoLease,
    /// It is not the manager that is needed.
    Unfit(String),
    /// It could not be done.
    Failed {
        /// Why.
        message: String,
        /// What the process logged last.
        log: Vec<String>,
    },
}

impl Link {
    pub(super) fn new(base: &str, token: Token) -> anyhow::Result<Self> {
        let invalid = || {
            Error::usage(
                format!("`{base}` is not the address of a manager"),
                "an address is http://NAME:PORT",
            )
        };
        let url: Url = base.parse().map_err(|_| invalid())?;
        let is_plain = url.scheme() == "http" && url.path() == "/" && url.query().is_none();
        if !is_plain || url.host_str().is_none() || !url.username().is_empty() {
            return Err(invalid().into());
        }
        let http = crate::http::client().build().context("HTTP client")?;
        Ok(Self {
            base: url,
            text: base.trim_end_matches('/').to_owned(),
            token,
            http,
        })
    }

    /// The address, as it was given.
    pub(super) fn base(&self) -> &str {
        &self.text
    }

    /// The manager's address as a number: what its service's callers get.
    pub(super) async fn address(&self) -> anyhow::Result<IpAddr> {
        let host = self.base.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.base.port_or_known_default().unwrap_or(80);
        let place = || format!("address of the manager `{}`", self.text);
        let found: Vec<IpAddr> = tokio::net::lookup_host((host, port))
            .await
            .with_context(place)?
            .map(|addr| addr.ip())
            .collect();
        let first = found.iter().find(|ip| ip.is_ipv4()).or(found.first());
        first.copied().with_context(place)
    }

    /// Asks, and waits for the answer for that long.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
        within: Duration,
    ) -> Result<T, Refused> {
        let silent = |error: reqwest::Error| Refused::Silent(innermost(&error));
        let answer = self
            .http
            .post(format!("{}{path}", self.text))
            .bearer_auth(self.token.expose())
            .timeout(within)
            .json(request)
            .send()
            .await
            .map_err(silent)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(silent)?;
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .map_err(|error| Refused::Silent(format!("it is not a manager: {error}")));
        }
        let refusal: Refusal = serde_json::from_slice(&bytes)
            .map_err(|_| Refused::Silent(format!("it is not a manager: HTTP status {status}")))?;
        Err(match status {
            StatusCode::UNAUTHORIZED => Refused::Foreign,
            StatusCode::CONFLICT => Refused::Busy(refusal.message),
            StatusCode::GONE => Refused::NoLease,
            StatusCode::UNPROCESSABLE_ENTITY => Refused::Failed {
                message: refusal.message,
                log: refusal.log,
            },
            _ => Refused::Unfit(refusal.message),
        })
    }
}

/// The last of a chain of causes, which says what really happened.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
