//! Calls to other services: round robin over the addresses of a named upstream, deadlines that
//! shrink on the way, retries that cannot multiply.

mod budget;
mod error;
mod request;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use http::Method;

pub use self::{
    error::Error,
    request::{Request, Response},
};

/// Calls to the upstreams of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    upstreams: Arc<BTreeMap<String, Vec<SocketAddr>>>,
}

impl Client {
    /// Calls these upstreams.
    pub fn new(upstreams: &BTreeMap<String, Vec<SocketAddr>>, _seed: u64) -> Self {
        Self {
            upstreams: Arc::new(upstreams.clone()),
        }
    }

    /// A call to `path` (with query, starting with `/`) of the named upstream.
    pub fn request(&self, upstream: &str, method: Method, path: impl Into<String>) -> Request {
        let _ = &self.upstreams;
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
}
