//! Calls to other services: load-balanced over the addresses of a named upstream, with deadlines that
//! shrink from hop to hop and a budget that keeps retries from multiplying.

mod addresses;
mod attempt;
mod budget;
mod calls;
mod error;
mod request;
mod retry;

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use parking_lot::{Mutex, RwLock};
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

/// Timeout for connecting; within one data centre it takes far less.
const CONNECT: Duration = Duration::from_secs(1);
/// Shorter than the server's keep-alive, so that the pool does not hand out a connection that the server
/// is about to close.
const IDLE: Duration = Duration::from_secs(50);

/// The client for the upstreams of one process. Cheap to clone.
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

/// One upstream: addresses, retry budget, metrics.
#[derive(Debug)]
struct Upstream {
    name: String,
    addresses: Addresses,
    budget: Budget,
    durations: RwLock<Vec<(Method, Option<u16>, Histogram)>>,
}

impl Client {
    /// A client for these upstreams with default settings; `seed` determines the jitter.
    pub fn new(upstreams: &BTreeMap<String, Vec<SocketAddr>>, seed: u64) -> Self {
        Self::with_calls(upstreams, Calls::default(), seed)
    }

    /// A client for these upstreams with the given settings.
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

    /// A client with separate connections to the same upstreams; budgets and metrics are shared.
    pub fn with_own_connections(&self) -> Self {
        let seed = self.inner.random.lock().random();
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

    /// A uniformly distributed time between zero and `most`.
    fn jitter(&self, most: Duration) -> Duration {
        most.mul_f64(self.inner.random.lock().random::<f64>())
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
            // `rate` misses the first increase of a new series, so the counters exist before the first retry.
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

    /// Records one attempt that was made in `span`; `status` is absent if there was no response.
    fn record(&self, method: &Method, status: Option<u16>, took: Duration, span: &Span) {
        let known = |durations: &[(Method, Option<u16>, Histogram)]| {
            let found = durations
                .iter()
                .find(|(m, s, _)| m == method && *s == status);
            found.map(|(_, _, histogram)| histogram.record(took.as_secs_f64(), span))
        };
        // The few handles are kept: creating one costs more than recording.
        let durations = self.durations.read();
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
        let known = (method.clone(), status, histogram);
        self.durations.write().push(known);
    }
}

#[cfg(test)]
mod tests;
