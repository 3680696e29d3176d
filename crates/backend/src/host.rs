//! The Host header check of every HTTP listener of the backends.
//!
//! A loopback listener alone does not keep a web page out: its author points a name of theirs at 127.0.0.1
//! and the browser happily connects. Such a request still carries that name in `Host`, so only names
//! that mean this machine are let through.

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

/// Which `Host` headers a listener accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostCheck {
    /// Only `127.0.0.1`, `localhost` and `[::1]`, on any port (a forwarded port is still this machine).
    #[default]
    Loopback,
    /// As `Loopback`, and the port must be this one.
    LoopbackPort(u16),
    /// Any host: for a listener that was told to serve other machines.
    Open,
}

impl HostCheck {
    /// Says whether a request for `authority` (`host` or `host:port`) may pass.
    pub fn allows(self, authority: &str) -> bool {
        let expected = match self {
            Self::Open => return true,
            Self::Loopback => None,
            Self::LoopbackPort(port) => Some(port),
        };
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let host = authority.host();
        let is_loopback =
            host == "127.0.0.1" || host == "[::1]" || host.eq_ignore_ascii_case("localhost");
        // No port in the header means the scheme's own, as browsers leave it out.
        let port = authority.port_u16().unwrap_or(80);
        is_loopback
            && !authority.as_str().contains('@')
            && expected.is_none_or(|expected| expected == port)
    }
}

/// Puts the check in front of every route of `router`, its fallback included.
pub fn guard(router: Router, check: HostCheck) -> Router {
    router.layer(middleware::from_fn_with_state(check, refuse_foreign))
}

async fn refuse_foreign(State(check): State<HostCheck>, request: Request, next: Next) -> Response {
    if check == HostCheck::Open {
        return next.run(request).await;
    }
    // HTTP/2 puts the authority into the target and needs no header.
    let authority = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request
            .headers()
            .get(header::HOST)
            .and_then(|value| value.to_str().ok()),
    };
    if authority.is_some_and(|authority| check.allows(authority)) {
        return next.run(request).await;
    }
    let message = "the Host header does not name this machine's loopback address";
    (StatusCode::FORBIDDEN, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_pass() {
        let any = HostCheck::Loopback;
        let exact = HostCheck::LoopbackPort(16686);
        let cases = [
            (any, "127.0.0.1:16686", true),
            (any, "localhost", true),
            (any, "LOCALHOST:9", true),
            (any, "[::1]:16686", true),
            (any, "evil.example:16686", false),
            (any, "127.0.0.1.evil.example:16686", false),
            (any, "localhost@evil.example", false),
            (any, "evil@127.0.0.1", false),
            (any, "", false),
            (exact, "127.0.0.1:16686", true),
            (exact, "127.0.0.1:9090", false),
            (exact, "localhost", false),
            (HostCheck::LoopbackPort(80), "localhost", true),
            (HostCheck::Open, "evil.example", true),
        ];
        for (check, host, expected) in cases {
            assert_eq!(check.allows(host), expected, "{check:?} {host}");
        }
    }
}
