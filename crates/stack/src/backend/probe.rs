//! Short questions to a backend over HTTP: is it there, and is it the one.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Response};
use serde_json::Value;

/// Time for one question. Three of them in a row stay below ten seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// What is read of an answer: the rules and targets of a large installation fit.
const MOST_BYTES: usize = 32 << 20;

/// An HTTP client that goes to the address it is given and nowhere else.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    client: Client,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    run: Option<String>,
    body: Vec<u8>,
}

/// The header by which our own Jaeger says whose it is.
pub(super) const RUN_HEADER: &str = "x-firedrill-run";

impl Probe {
    pub(super) fn new() -> anyhow::Result<Self> {
        let client = crate::http::client()
            .timeout(ANSWER_WITHIN)
            .build()
            .context("HTTP client")?;
        Ok(Self { client })
    }

    /// A GET; the error is the innermost cause, in words.
    pub(super) async fn get(&self, url: &str) -> Result<Answer, String> {
        self.answer(self.client.get(url).send().await).await
    }

    /// An OTLP export, in protobuf.
    pub(super) async fn export(&self, url: &str, spans: Vec<u8>) -> Result<Answer, String> {
        let request = self
            .client
            .post(url)
            .header("content-type", "application/x-protobuf")
            .body(spans);
        self.answer(request.send().await).await
    }

    async fn answer(&self, sent: reqwest::Result<Response>) -> Result<Answer, String> {
        let mut response = sent.map_err(|error| reason(&error))?;
        let run = response.headers().get(RUN_HEADER);
        let run = run.and_then(|run| Some(run.to_str().ok()?.to_owned()));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(format!(
                    "the response is larger than {} MiB",
                    MOST_BYTES >> 20
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, run, body })
    }
}

impl Answer {
    /// Whether it says that it belongs to that run.
    pub(super) fn is_of(&self, run: &str) -> bool {
        self.run.as_deref() == Some(run)
    }

    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether a text is in the body.
    pub(super) fn says(&self, text: &str) -> bool {
        let mut windows = self.body.windows(text.len().max(1));
        windows.any(|window| window == text.as_bytes())
    }

    /// The `data` of Prometheus's envelope, if the question was answered.
    pub(super) fn data(&self) -> Option<Value> {
        let mut value = self.json();
        (value["status"] == "success").then(|| value["data"].take())
    }
}

/// What really happened, without the layers above it.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", ANSWER_WITHIN.as_secs());
    }
    if error.is_builder() {
        return "not an address".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
