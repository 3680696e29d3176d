//! The middleware around every route, from the outside in: request id, deadline, server span with the
//! caller's context, duration and active requests, panics, problem documents.
//!
//! It is one middleware and not six, because each one costs an allocation per request.

mod route;

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method};
use metrics::{Counter, Gauge};
use shop_api::{header, path};
use telemetry::{
    names::{attribute, label, metric},
    propagation, request,
};
use tracing::{Instrument, Span};
use uuid::Uuid;

use self::route::{Route, Routes};
use crate::{Problem, config::Process, problem};

/// Maximum length of a caller's request id.
const REQUEST_ID_BYTES: usize = 128;

struct Layer {
    deadline: Duration,
    active: Gauge,
    /// Requests whose trace started at the caller, and requests whose trace starts here.
    traces: [Counter; 2],
    routes: Routes,
}

/// Wraps a service's routes, and adds a health route next to them.
pub(crate) fn around(router: Router, process: &Process) -> Router {
    let layer = Layer {
        deadline: Duration::from_millis(process.deadline_ms),
        active: metrics::gauge!(metric::HTTP_SERVER_ACTIVE_REQUESTS),
        traces: ["caller", "here"]
            .map(|origin| metrics::counter!(metric::HTTP_SERVER_TRACES, label::ORIGIN => origin)),
        routes: Routes::default(),
    };
    layer.active.set(0.0);
    for traces in &layer.traces {
        // `rate` misses the first increase of a new series.
        traces.increment(0);
    }
    router
        .layer(DefaultBodyLimit::max(process.body_limit_bytes))
        .layer(middleware::from_fn_with_state(Arc::new(layer), handle))
        // Not wrapped: health checks of a load balancer are not traffic.
        .route(path::HEALTH, get(async || "ok\n"))
}

async fn handle(State(layer): State<Arc<Layer>>, incoming: Request, next: Next) -> Response {
    let began = Instant::now();
    let path = incoming.uri().path().to_owned();
    let matched = incoming.extensions().get::<MatchedPath>();
    let route = layer
        .routes
        .get(incoming.method(), matched.map(MatchedPath::as_str));
    let allowed = deadline(incoming.headers(), layer.deadline);
    let current = request::Request {
        id: request_id(incoming.headers()),
        deadline: began + allowed,
    };
    let id = Arc::clone(&current.id);
    let span = server_span(&route, &path, &id);
    record_headers(&span, incoming.headers());
    let [from_caller, from_here] = &layer.traces;
    if propagation::extract(&span, incoming.headers()) {
        from_caller.increment(1);
    } else {
        from_here.increment(1);
    }
    let _active = ActiveRequest::begin(&layer.active);
    let work = request::scope(
        current.clone(),
        respond(incoming, next, current.deadline, allowed),
    )
    .instrument(span.clone());
    let mut response = problem::complete(work.await, &path, &id).await;
    let status = response.status();
    if !span.is_disabled() {
        if status.is_server_error() {
            tracing::record_all!(
                span,
                { attribute::HTTP_RESPONSE_STATUS_CODE } = i64::from(status.as_u16()),
                { attribute::SPAN_STATUS } = "error",
                { attribute::ERROR_TYPE } = status.as_str()
            );
        } else {
            // Signed, because the tracing layer exports unsigned numbers as text.
            let status = i64::from(status.as_u16());
            span.record(attribute::HTTP_RESPONSE_STATUS_CODE, status);
        }
    }
    if let Ok(value) = HeaderValue::try_from(&*id) {
        response.headers_mut().insert(header::REQUEST_ID, value);
    }
    route.record(status.as_u16(), began.elapsed(), &span);
    response
}

/// The route's response, or a problem if it panicked or missed the deadline.
async fn respond(incoming: Request, next: Next, deadline: Instant, allowed: Duration) -> Response {
    let late = || {
        // Signed, as above.
        let allowed_ms = i64::try_from(allowed.as_millis()).unwrap_or(i64::MAX);
        Span::current().record(attribute::REQUEST_DEADLINE_MS, allowed_ms);
        Problem::deadline().into_response()
    };
    // A timeout checks the clock only once the work waits; this work should not even start.
    if deadline <= Instant::now() {
        return late();
    }
    let work = AssertUnwindSafe(next.run(incoming)).catch_unwind();
    match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(Ok(response)) => response,
        // The panic hook has logged it, with the request and span.
        Ok(Err(_)) => Problem::internal(anyhow::anyhow!("panic"))
            .logged()
            .into_response(),
        Err(_) => late(),
    }
}

fn server_span(route: &Route, path: &str, id: &str) -> Span {
    tracing::info_span!(
        "request",
        { attribute::SPAN_NAME } = route.span_name,
        { attribute::SPAN_KIND } = "server",
        { attribute::HTTP_REQUEST_METHOD } = route.method,
        { attribute::HTTP_ROUTE } = route.template,
        { attribute::URL_PATH } = path,
        { attribute::REQUEST_ID } = id,
        { attribute::HTTP_REQUEST_CLIENT_ID } = tracing::field::Empty,
        { attribute::HTTP_REQUEST_PREFER } = tracing::field::Empty,
        { attribute::REQUEST_DEADLINE_MS } = tracing::field::Empty,
        { attribute::HTTP_RESPONSE_STATUS_CODE } = tracing::field::Empty,
        { attribute::SPAN_STATUS } = tracing::field::Empty,
        { attribute::ERROR_TYPE } = tracing::field::Empty,
    )
}

/// Headers that tell who asks and for what; callers within the shop send none of them.
fn record_headers(span: &Span, headers: &HeaderMap) {
    const RECORDED: [(&str, &str); 2] = [
        (header::CLIENT_ID, attribute::HTTP_REQUEST_CLIENT_ID),
        (header::PREFER, attribute::HTTP_REQUEST_PREFER),
    ];
    for (name, attribute) in RECORDED {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            span.record(attribute, value);
        }
    }
}

/// The caller's request id if it is usable, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let is_usable = |id: &&str| {
        let is_plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)
    };
    headers
        .get(header::REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(is_usable)
        .map_or_else(
            || {
                Arc::from(
                    &*Uuid::now_v7()
                        .simple()
                        .encode_lower(&mut Uuid::encode_buffer()),
                )
            },
            Arc::from,
        )
}

/// How long the caller still waits; never more than `most`. A value that is not a number is ignored.
fn deadline(headers: &HeaderMap, most: Duration) -> Duration {
    headers
        .get(header::REQUEST_DEADLINE_MS)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map_or(most, |ms| Duration::from_millis(ms).min(most))
}

/// Counts a request as active while it exists, even if the caller disconnects.
struct ActiveRequest<'a>(&'a Gauge);

impl<'a> ActiveRequest<'a> {
    fn begin(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for ActiveRequest<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The method as a label value; all non-standard methods share one.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [(&Method, &str); 9] = [
        (&Method::GET, "GET"),
        (&Method::POST, "POST"),
        (&Method::PUT, "PUT"),
        (&Method::DELETE, "DELETE"),
        (&Method::PATCH, "PATCH"),
        (&Method::HEAD, "HEAD"),
        (&Method::OPTIONS, "OPTIONS"),
        (&Method::TRACE, "TRACE"),
        (&Method::CONNECT, "CONNECT"),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| *known == method)
        .map_or("_OTHER", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let value = HeaderValue::try_from(value).expect("a header of the test");
        [(http::HeaderName::from_static(name), value)]
            .into_iter()
            .collect()
    }

    #[test]
    fn a_callers_request_id_is_kept_if_it_is_plain_and_short() {
        let check = |given: &str, is_kept: bool| {
            let id = request_id(&headers(header::REQUEST_ID, given));
            assert_eq!(&*id == given, is_kept, "`{given}` became `{id}`");
            assert!(!id.is_empty());
        };
        check("checkout-17", true);
        check(&"x".repeat(128), true);
        check(&"x".repeat(129), false);
        check("a b", false);
        check("a\"b", false);
        check("", false);
        assert_eq!(request_id(&HeaderMap::new()).len(), 32);
    }

    #[test]
    fn a_deadline_only_gets_shorter() {
        let check = |given: &str, expected_ms: u64| {
            let most = Duration::from_secs(10);
            let found = deadline(&headers(header::REQUEST_DEADLINE_MS, given), most);
            assert_eq!(found, Duration::from_millis(expected_ms), "{given}");
        };
        check("250", 250);
        check("0", 0);
        check("99999", 10_000);
        check("soon", 10_000);
        check("-1", 10_000);
    }
}
