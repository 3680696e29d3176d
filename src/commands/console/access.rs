//! Who may do what: roles, the tokens that give them, and the cookie that keeps them.
//!
//! The address that is printed carries a token; the first answer puts it into a cookie that scripts cannot read and other
//! sites cannot send. Programs send it as a bearer token instead.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::RngExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::Desk;

/// The parameter of an address that carries a token.
const TOKEN: &str = "token";

/// What someone is to the drill. No role reaches the key: nothing that the console serves reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// Works the incident.
    Responder,
    /// Sees the same and changes nothing.
    Observer,
}

/// The tokens of one console.
#[derive(Debug)]
pub(super) struct Tokens {
    responder: String,
    observer: String,
    /// The cookie's name: cookies of one host are shared by all of its ports.
    cookie: String,
}

impl Tokens {
    /// New ones, for a console on this port.
    pub(super) fn random(port: u16) -> Self {
        let token = || hex::encode(rand::rng().random::<[u8; 16]>());
        Self {
            responder: token(),
            observer: token(),
            cookie: format!("firedrill-{port}"),
        }
    }

    /// The address that lets someone in.
    pub(super) fn link(&self, origin: &str, role: Role) -> String {
        let token = match role {
            Role::Responder => &self.responder,
            Role::Observer => &self.observer,
        };
        format!("{origin}/?{TOKEN}={token}")
    }

    /// Whom a request is from, by its bearer token or its cookie.
    pub(super) fn role(&self, headers: &HeaderMap) -> Option<Role> {
        if let Some(offered) = ingress::bearer(headers) {
            return self.given(offered);
        }
        let cookies = headers.get_all(header::COOKIE).into_iter();
        cookies
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie)
            .and_then(|(_, value)| self.given(value.as_bytes()))
    }

    fn given(&self, offered: &[u8]) -> Option<Role> {
        let known = [
            (&self.responder, Role::Responder),
            (&self.observer, Role::Observer),
        ];
        known
            .into_iter()
            .find(|(token, _)| ingress::is_same_token(offered, token.as_bytes()))
            .map(|(_, role)| role)
    }

    /// For an address with a token: the same without it, and the cookie that takes its place.
    fn entry(&self, uri: &Uri) -> Option<(String, String)> {
        let parameters: Vec<&str> = uri.query()?.split('&').collect();
        let offered = parameters
            .iter()
            .find_map(|one| one.strip_prefix(TOKEN)?.strip_prefix('='))?;
        self.given(offered.as_bytes())?;
        let rest: Vec<&str> = parameters
            .into_iter()
            .filter(|one| !one.starts_with(&format!("{TOKEN}=")))
            .collect();
        let query = match rest.is_empty() {
            true => String::new(),
            false => format!("?{}", rest.join("&")),
        };
        let cookie = format!(
            "{}={offered}; Path=/; HttpOnly; SameSite=Strict",
            self.cookie
        );
        Some((format!("{}{query}", uri.path()), cookie))
    }
}

/// A layer: lets in whoever has a token, and lets only responders change something. The role goes on with the request.
pub(super) async fn admit(
    State(desk): State<Arc<Desk>>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method();
    if method == Method::GET
        && let Some((location, cookie)) = desk.tokens.entry(request.uri())
    {
        return enter(&location, &cookie);
    }
    let Some(role) = desk.tokens.role(request.headers()) else {
        let message =
            "open the console by the address that `firedrill run` or `firedrill open` printed";
        return match request.uri().path().starts_with("/api/") {
            true => refuse(
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong",
                message,
            ),
            false => (StatusCode::UNAUTHORIZED, format!("{message}\n")).into_response(),
        };
    };
    if !method.is_safe() && role != Role::Responder {
        let hint = "ask the responder, whose address lets one act";
        return refuse(StatusCode::FORBIDDEN, "an observer changes nothing", hint);
    }
    request.extensions_mut().insert(role);
    next.run(request).await
}

/// The body of a change, which must be JSON: a form on another site can send neither this content type nor, thanks to
/// `SameSite`, the cookie.
#[derive(Debug)]
pub(super) struct JsonBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        if !media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json")) {
            return Err(refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body is not JSON",
                "send `Content-Type: application/json`",
            ));
        }
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|error| {
            let hint = "send at most 1 MiB";
            refuse(error.status(), &error.body_text(), hint)
        })
    }
}

fn enter(location: &str, cookie: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::LOCATION, location),
        (header::SET_COOKIE, cookie),
        // The address with the token is in no other page's log.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Why a request was not answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failure {
    /// What is wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

/// A refusal as the API gives it.
pub(super) fn refuse(status: StatusCode, message: &str, hint: &str) -> Response {
    let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
    (status, Json(Failure { message, hint })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            responder: "r".repeat(32),
            observer: "o".repeat(32),
            cookie: "firedrill-1".to_owned(),
        }
    }

    #[test]
    fn a_token_gives_the_role_it_was_made_for() {
        let (responder, observer) = ("r".repeat(32), "o".repeat(32));
        for (name, value, expected) in [
            (
                "authorization",
                format!("Bearer {responder}"),
                Some(Role::Responder),
            ),
            (
                "authorization",
                format!("bearer {observer}"),
                Some(Role::Observer),
            ),
            ("authorization", format!("Bearer {observer}x"), None),
            (
                "cookie",
                format!("firedrill-1={responder}"),
                Some(Role::Responder),
            ),
            (
                "cookie",
                format!("a=b; firedrill-1={observer}; c=d"),
                Some(Role::Observer),
            ),
            ("cookie", format!("firedrill-2={responder}"), None),
            ("cookie", "firedrill-1=".to_owned(), None),
            ("accept", "text/html".to_owned(), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header value"));
            assert_eq!(tokens().role(&headers), expected, "{name}: {value}");
        }
    }

    #[test]
    fn an_address_with_a_token_becomes_one_without_it_and_a_cookie() {
        let token = "o".repeat(32);
        for (uri, expected) in [
            (format!("/?token={token}"), Some("/")),
            (
                format!("/logs?q=a&token={token}&x=1"),
                Some("/logs?q=a&x=1"),
            ),
            ("/?token=wrong".to_owned(), None),
            ("/logs?q=token".to_owned(), None),
            ("/".to_owned(), None),
        ] {
            let entered = tokens().entry(&uri.parse().expect("an address"));
            assert_eq!(
                entered.as_ref().map(|(location, _)| location.as_str()),
                expected,
                "{uri}"
            );
            if let Some((_, cookie)) = entered {
                assert_eq!(
                    cookie,
                    format!("firedrill-1={token}; Path=/; HttpOnly; SameSite=Strict")
                );
            }
        }
    }
}
