//! Who may use a listener: names of the machine in the Host header, and the token.
//!
//! An open web page can send requests to an address that it guesses, also by a name of its
//! author's that points there. It cannot change the Host header, and it does not know the token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The Host headers that a listener answers to.
#[derive(Clone, Debug)]
pub struct Hosts {
    port: u16,
    /// Names in addition to `localhost`, such as a container's.
    names: Vec<String>,
    /// Whether any address may be named instead of a name: a name can be made to point here, an address cannot.
    addresses: bool,
    /// The flag that adds a name, if one does.
    flag: Option<&'static str>,
}

impl Hosts {
    /// For a listener on loopback.
    pub fn loopback(port: u16) -> Self {
        Self {
            port,
            names: Vec::new(),
            addresses: false,
            flag: None,
        }
    }

    /// For a listener that others reach at `addr` by these names; `flag` adds one.
    pub fn of(addr: SocketAddr, names: &[String], flag: &'static str) -> Self {
        Self {
            port: addr.port(),
            names: names.to_vec(),
            addresses: !addr.ip().is_loopback(),
            flag: Some(flag),
        }
    }

    /// Whether a request with these headers meant this listener.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        if self.addresses
            && host
                .parse::<SocketAddr>()
                .is_ok_and(|addr| addr.port() == self.port)
        {
            return true;
        }
        let names = self.names.iter().map(String::as_str);
        ["127.0.0.1", "localhost", "[::1]"]
            .into_iter()
            .chain(names)
            .any(|name| host == format!("{name}:{}", self.port))
    }
}

/// The token that a listener wants.
#[derive(Clone)]
pub struct Bearer(Arc<str>);

impl Bearer {
    /// Wants this token.
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }
}

/// A layer: rejects requests whose Host header names another machine.
pub async fn own_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if hosts.admit(request.headers()) {
        return next.run(request).await;
    }
    let mut message = "the Host header does not match this server".to_owned();
    if let Some(flag) = hosts.flag {
        message.push_str(&format!("; `{flag} NAME` adds a name"));
    }
    refuse(StatusCode::FORBIDDEN, &message)
}

/// A layer: refuses requests without the token, and what a page could send without being asked: a body that is not JSON.
pub async fn with_token(
    State(Bearer(token)): State<Bearer>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if !has_token(headers, &token) {
        return refuse(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if request.method() != Method::GET && !is_json {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be `application/json`",
        );
    }
    next.run(request).await
}

/// A refusal as all listeners give it.
pub(crate) fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

/// Whether the request carries `token` as a bearer token.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    ingress::bearer(headers)
        .is_some_and(|offered| ingress::is_same_token(offered, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header value"));
        headers
    }

    #[test]
    fn only_loopback_names_with_the_own_port_are_hosts() {
        for (host, expected) in [
            ("127.0.0.1:4000", true),
            ("localhost:4000", true),
            ("[::1]:4000", true),
            ("127.0.0.1:4001", false),
            ("172.18.0.2:4000", false),
            ("example.org:4000", false),
            ("127.0.0.1", false),
            ("", false),
        ] {
            let headers = headers(header::HOST, host);
            assert_eq!(Hosts::loopback(4000).admit(&headers), expected, "{host}");
        }
    }

    #[test]
    fn beyond_loopback_only_addresses_and_the_names_that_were_told_are_hosts() {
        let hosts = Hosts::of(
            ([0, 0, 0, 0], 9400).into(),
            &["gateway".to_owned(), "gateway.shop".to_owned()],
            "--host",
        );
        for (host, expected) in [
            ("gateway:9400", true),
            ("gateway.shop:9400", true),
            ("172.18.0.2:9400", true),
            ("[fd00::2]:9400", true),
            ("localhost:9400", true),
            ("gateway:9401", false),
            ("172.18.0.2:80", false),
            ("gateway", false),
            ("gateway.example:9400", false),
        ] {
            let headers = headers(header::HOST, host);
            assert_eq!(hosts.admit(&headers), expected, "{host}");
        }
    }
}
