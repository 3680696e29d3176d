//! Calls to other services: spread evenly over the addresses of a named upstream, deadlines that
//! shrink on the way, retries that cannot multiply.

mod addresses;
mod attempt;
mod budget;
mod calls;
mod error;
mod request;
mod retry;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use telemetry::{
    metric::{self as recorded, Histogram},
    names::{label, metric},
};
use tracing::Span;

use self::{addresses::Addresses, budget::Budget};
pub use self::{
    calls::{Calls, Step},
    error::Error,
    request::{Request, Response},
};

/// A loopback or data-centre connection is made within this time or not at all.
const CONNECT: Duration = Duration::from_secs(1);
/// Shorter than the server's keep-alive, so that a connection taken from the pool is not one that
/// the server is just closing.
const IDLE: Duration = Duration::from_secs(50);

/// Calls to the upstreams of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http<HttpConnector, Full<Bytes>>,
    upstreams: Arc<BTreeMap<String, Upstream>>,
    calls: Calls,
    random: Mutex<StdRng>,
}

/// One upstream: where it is, what it may be asked again, what was measured of it.
#[derive(Debug)]
struct Upstream {
    name: String,
    addresses: Addresses,
    budget: Budget,
    durations: RwLock<Vec<(Method, Option<u16>, Histogram)>>,
}

impl Client {
    /// Calls these upstreams as usual; `seed` decides the jitter.
    pub fn new(upstreams: &BTreeMap<String, Vec<SocketAddr>>, seed: u64) -> Self {
        Self::with_calls(upstreams, Calls::default(), seed)
    }

    /// Calls these upstreams, in a way of its own.
    pub fn with_calls(
        upstreams: &BTreeMap<String, Vec<SocketAddr>>,
        calls: Calls,
        seed: u64,
    ) -> Self {
        let upstreams = upstreams
            .iter()
            .map(|(name, addresses)| (name.clone(), Upstream::new(name, addresses)))
            .collect();
        Self::over(Arc::new(upstreams), calls, StdRng::seed_from_u64(seed))
    }

    /// A client with connections of its own to the same upstreams; budgets and metrics stay shared.
    pub fn with_own_connections(&self) -> Self {
        let mut random = self
            .inner
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let seed = random.random();
        Self::over(
            Arc::clone(&self.inner.upstreams),
            self.inner.calls.clone(),
            StdRng::seed_from_u64(seed),
        )
    }

    fn over(upstreams: Arc<BTreeMap<String, Upstream>>, calls: Calls, random: StdRng) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let http = Http::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            inner: Arc::new(Inner {
                http,
                upstreams,
                calls,
                random: Mutex::new(random),
            }),
        }
    }

    /// A call to `path` (with query, starting with `/`) of the named upstream.
    pub fn request(&self, upstream: &str, method: Method, path: impl Into<String>) -> Request {
        Request::new(self.clone(), upstream, method, path.into())
    }

    /// A GET of `path`.
    pub fn get(&self, upstream: &str, path: impl Into<String>) -> Request {
        self.request(upstream, Method::GET, path)
    }

    /// A POST to `path`.
    pub fn post(&self, upstream: &str, path: impl Into<String>) -> Request {
        self.request(upstream, Method::POST, path)
    }

    /// A PUT to `path`.
    pub fn put(&self, upstream: &str, path: impl Into<String>) -> Request {
        self.request(upstream, Method::PUT, path)
    }

    fn upstream(&self, name: &str) -> Result<&Upstream, Error> {
        let unknown = || Error::UnknownUpstream(name.to_owned());
        self.inner.upstreams.get(name).ok_or_else(unknown)
    }

    /// A time between zero and `most`, evenly spread.
    fn jitter(&self, most: Duration) -> Duration {
        let mut random = self
            .inner
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(random.random::<f64>())
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("upstreams", &self.upstreams)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    fn new(name: &str, addresses: &[SocketAddr]) -> Self {
        let gauge =
            metrics::gauge!(metric::HTTP_CLIENT_RETRY_BUDGET, label::TARGET => name.to_owned());
        for reason in retry::Reason::ALL {
            // `rate` cannot see an increase from nothing: the counters are there before the first retry.
            metrics::counter!(
                metric::HTTP_CLIENT_RETRIES,
                label::TARGET => name.to_owned(),
                label::REASON => reason.name(),
            )
            .increment(0);
        }
        Self {
            name: name.to_owned(),
            addresses: Addresses::new(addresses),
            budget: Budget::new(gauge),
            durations: RwLock::default(),
        }
    }

    /// Records one attempt, made in `span`; `status` is absent where there was no answer.
    fn record(&self, method: &Method, status: Option<u16>, took: Duration, span: &Span) {
        let known = |durations: &[(Method, Option<u16>, Histogram)]| {
            let found = durations
                .iter()
                .find(|(m, s, _)| m == method && *s == status);
            found.map(|(_, _, histogram)| histogram.record(took.as_secs_f64(), span))
        };
        // The few handles are kept: making one costs more than the rest of the record.
        let durations = self
            .durations
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if known(&durations).is_some() {
            return;
        }
        drop(durations);
        let text = status.map_or_else(|| "error".to_owned(), |status| status.to_string());
        let histogram = recorded::histogram(
            metric::HTTP_CLIENT_REQUEST_DURATION,
            [
                (label::TARGET, self.name.clone()),
                (label::HTTP_REQUEST_METHOD, method.to_string()),
                (label::HTTP_RESPONSE_STATUS_CODE, text),
            ],
        );
        histogram.record(took.as_secs_f64(), span);
        self.durations
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((method.clone(), status, histogram));
    }
}

#[cfg(test)]
mod tests;
