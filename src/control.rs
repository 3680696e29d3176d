//! The client of a running drill's control API.

use std::time::Duration;

use anyhow::Context;
use drill::api::{Action, Change, Failure, Status, Step, SubmitRequest, Submitted};
use drill::session::Session;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Grading waits for the live system to settle, for the cause to be removed where the responder did not, and for the
/// reproduction on two copies of the shop.
const PATIENCE: Duration = Duration::from_secs(480);

/// A client of the drill that `session` describes.
#[derive(Debug)]
pub struct Control {
    base: String,
    token: String,
    http: reqwest::blocking::Client,
}

impl Control {
    /// Connects nothing yet.
    pub fn new(session: &Session) -> anyhow::Result<Self> {
        let http = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .context("HTTP client")?;
        Ok(Self {
            base: format!("http://{}", session.control),
            token: session.token.clone(),
            http,
        })
    }

    /// What runs, and how it does.
    pub fn status(&self) -> anyhow::Result<Status> {
        self.answer(self.http.get(format!("{}/v1/status", self.base)))
    }

    /// Acts on the shop; returns when that is complete.
    pub fn act(&self, request: &Action) -> anyhow::Result<Change> {
        self.answer(
            self.http
                .post(format!("{}/v1/actions", self.base))
                .json(request),
        )
    }

    /// Hands a write-up in; returns with the verdict.
    pub fn submit(&self, write_up: String) -> anyhow::Result<Submitted> {
        self.answer(
            self.http
                .post(format!("{}/v1/submit", self.base))
                .json(&SubmitRequest { write_up }),
        )
    }

    /// How far a grade is that was asked for elsewhere.
    pub fn grading(&self) -> anyhow::Result<Vec<Step>> {
        self.answer(self.http.get(format!("{}/v1/submit", self.base)))
    }

    fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::blocking::RequestBuilder,
    ) -> anyhow::Result<T> {
        let unreachable = |error: reqwest::Error| Error::Unreachable {
            what: "the drill's control API",
            url: self.base.clone(),
            reason: error.without_url().to_string(),
        };
        let response = request
            .bearer_auth(&self.token)
            .send()
            .map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json().map_err(unreachable)?);
        }
        let failure: Failure = response.json().map_err(unreachable)?;
        let mut message = failure.message;
        for problem in failure.problems {
            message.push_str("\n  ");
            message.push_str(&problem);
        }
        if status.is_server_error() {
            anyhow::bail!("{message}");
        }
        Err(Error::Usage {
            message,
            hint: failure.hint,
        }
        .into())
    }
}
