//! One bounded GET against one configured base address.

use futures_util::future::BoxFuture;
use reqwest::{Client, Url, redirect::Policy};

use super::{Error, Limits, shorten};

/// Tells the backends which queries come from the program and not from the responder.
const AGENT: &str = "firedrill";

#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    what: &'static str,
    base: Url,
    client: Client,
    limits: Limits,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Endpoint {
    pub(super) fn new(what: &'static str, base: &str, limits: Limits) -> Result<Self, Error> {
        let bad = || Error::Base {
            base: shorten(base, 100),
        };
        let url = Url::parse(base).map_err(|_| bad())?;
        if url.scheme() != "http" || !url.has_host() || !url.username().is_empty() {
            return Err(bad());
        }
        let client = Client::builder()
            .no_proxy() // A proxy from the environment would receive even loopback calls.
            .redirect(Policy::none())
            .user_agent(AGENT)
            .timeout(limits.timeout)
            .build()
            .map_err(|_| bad())?;
        Ok(Self {
            what,
            base: url,
            client,
            limits,
        })
    }

    pub(super) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// `path` segments are percent-encoded one by one, so none of them can leave the base.
    ///
    /// Boxed, as an `async fn` is compiled where it is awaited: every kind of answer would compile the HTTP client.
    pub(super) fn get<'a>(
        &'a self,
        path: &'a [&'a str],
        params: &'a [(&'a str, String)],
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(self.got(path, params))
    }

    async fn got(&self, path: &[&str], params: &[(&str, String)]) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Base {
                base: self.base().to_owned(),
            })?
            .pop_if_empty()
            .extend(path);
        if !params.is_empty() {
            url.query_pairs_mut().extend_pairs(params);
        }
        let mut response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|e| self.failed(&e))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(&e))? {
            if body.len() + chunk.len() > self.limits.max_bytes {
                return Err(Error::TooLarge {
                    what: self.what,
                    bytes: self.limits.max_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    pub(super) fn shape(&self, reason: impl ToString) -> Error {
        Error::Shape {
            what: self.what,
            reason: shorten(&reason.to_string(), 200),
        }
    }

    pub(super) fn refused(&self, status: u16, message: &str) -> Error {
        Error::Refused {
            what: self.what,
            status,
            message: shorten(message.trim(), 300),
        }
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        if error.is_timeout() {
            return Error::TimedOut {
                what: self.what,
                limit: self.limits.timeout,
            };
        }
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Error::Unreachable {
            what: self.what,
            base: self.base().to_owned(),
            reason: shorten(&innermost.to_string(), 200),
        }
    }
}
