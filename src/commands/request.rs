//! `request`: one request through the gateway, and its trace.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use drill::burst::{self, Request};
use grader::evidence::{self, Look, LookKind, Trace};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;
use text::format;

use super::source::{Live, explain, innermost};
use crate::cli::evidence::Request as Args;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::waterfall::waterfall;
use crate::terminal::{Ink, Style};

/// For the answer; longer than any deadline of the shop.
const ANSWER: Duration = Duration::from_secs(30);
/// For the trace to be exported by all services and to be found.
const TRACE: Duration = Duration::from_secs(8);
/// Between two looks for the trace. It counts as complete when two looks find the same.
const LOOK: Duration = Duration::from_millis(250);
/// The header of W3C trace context.
const TRACEPARENT: &str = "traceparent";
/// The client that the shop's rate limit sees.
const CLIENT: &str = "responder";

/// Headers that say something about how the request was served.
const OF_NOTE: [&str; 8] = [
    "content-type",
    "content-length",
    "x-request-id",
    "retry-after",
    "location",
    "cache-control",
    "age",
    "idempotency-replayed",
];

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RequestAnswer")]
pub(super) struct Answer {
    status: u16,
    elapsed_ms: f64,
    headers: BTreeMap<String, String>,
    body: serde_json::Value,
    trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace>,
}

/// Sends the request and prints what came of it.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let live = Live::connect(context)?;
    let call = args.call.request();
    if call.times > 1 {
        return many(context, &live, &call, args.format.json);
    }
    let trace_id = match given_trace(&call) {
        Some(given) => given,
        None => hex::encode(rand::random::<[u8; 16]>()),
    };
    let progress = context.terminal.progress("waiting for the response");
    let mut answer = live.wait(send(&live, &call, &trace_id))?;
    let what = format!("{} {}", call.method, call.path);
    live.note(&Look::by_command(LookKind::Request, what, context.now));
    if !args.format.json {
        context
            .terminal
            .print(&render(&answer, context.terminal.out))?;
    }
    if !args.no_trace {
        progress.set("waiting for the trace");
        answer.trace = live.wait(find(&live, &trace_id)).map_err(explain)?;
        if answer.trace.is_some() {
            live.note(&Look::by_command(LookKind::Trace, &trace_id, context.now));
        }
    }
    drop(progress);
    if args.format.json {
        context.terminal.json(&answer)?;
    } else if let Some(trace) = &answer.trace {
        let shown = waterfall(
            trace,
            context.terminal.out,
            context.terminal.width,
            args.verbose,
        );
        context.terminal.print(&format!("\n{shown}"))?;
        context
            .terminal
            .note(&format!("{}/trace/{trace_id}", live.session.urls.jaeger));
    } else if !args.no_trace {
        let hint = format!("try again with `firedrill trace {trace_id}`");
        let seconds = TRACE.as_secs();
        context.terminal.note(&format!(
            "the trace did not arrive within {seconds} s; {hint}"
        ));
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RequestCounts")]
pub(super) struct Counted {
    requests: usize,
    failed: usize,
    statuses: BTreeMap<String, usize>,
    p90_ms: f64,
}

/// Sends it as often as asked for and prints what came back, counted.
fn many(context: &Context, live: &Live, call: &Request, json: bool) -> anyhow::Result<Outcome> {
    let sending = f64::from(call.times) / call.rate;
    let deadline = Instant::now() + Duration::from_secs_f64(sending) + ANSWER;
    let progress = context
        .terminal
        .progress(format!("sending {} requests", call.times));
    let base = &live.session.urls.gateway;
    let outcomes = live.wait(burst::send(&live.http, base, call, deadline));
    drop(progress);
    let what = format!("{} {} {} times", call.method, call.path, call.times);
    live.note(&Look::by_command(LookKind::Request, what, context.now));
    let mut statuses = BTreeMap::new();
    for outcome in &outcomes {
        let status = outcome
            .status
            .map_or("none".to_owned(), |status| status.to_string());
        *statuses.entry(status).or_insert(0) += 1;
    }
    let counted = Counted {
        requests: outcomes.len(),
        failed: outcomes
            .iter()
            .filter(|outcome| outcome.is_failure())
            .count(),
        statuses,
        p90_ms: burst::p90_ms(&outcomes),
    };
    if json {
        context.terminal.json(&counted)?;
    } else {
        let shares: Vec<String> = counted
            .statuses
            .iter()
            .map(|(status, count)| format!("{count} × {status}"))
            .collect();
        context.terminal.print(&format!(
            "{} requests: {}; 90th percentile {}\n",
            counted.requests,
            shares.join(", "),
            format::duration(counted.p90_ms * 1e3)
        ))?;
    }
    Ok(Outcome::Done)
}

/// The trace id of a W3C `traceparent` among the headers: `00-TRACE-SPAN-FLAGS`.
fn given_trace(call: &Request) -> Option<String> {
    let mut headers = call.headers.iter();
    let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT))?;
    let id = value.split('-').nth(1)?.to_ascii_lowercase();
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}

async fn send(live: &Live, call: &Request, trace_id: &str) -> anyhow::Result<Answer> {
    let base = &live.session.urls.gateway;
    let url = format!("{base}{}", call.path);
    let failed = |error: reqwest::Error| Error::Unreachable {
        what: "the gateway",
        url: base.clone(),
        reason: innermost(&error),
    };
    let method = reqwest::Method::from_bytes(call.method.as_bytes())?;
    let parent = hex::encode(rand::random::<[u8; 8]>());
    let mut request = live.http.request(method, url).timeout(ANSWER);
    let is_given = |name: &str| {
        call.headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    if !is_given(TRACEPARENT) {
        request = request.header(TRACEPARENT, format!("00-{trace_id}-{parent}-01"));
    }
    if !is_given("x-client-id") {
        request = request.header("x-client-id", CLIENT);
    }
    if call.data.is_some() && !is_given(CONTENT_TYPE.as_str()) {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if let Some(body) = &call.data {
        request = request.body(body.clone());
    }
    let started = Instant::now();
    let response = request.send().await.map_err(failed)?;
    let (status, headers) = (response.status().as_u16(), of_note(response.headers()));
    let body = response.text().await.map_err(failed)?;
    Ok(Answer {
        status,
        elapsed_ms: started.elapsed().as_secs_f64() * 1e3,
        headers,
        body: serde_json::from_str(&body).unwrap_or(serde_json::Value::String(body)),
        trace_id: trace_id.to_owned(),
        trace: None,
    })
}

fn of_note(headers: &HeaderMap) -> BTreeMap<String, String> {
    let kept = headers.iter().filter(|(name, _)| {
        OF_NOTE.contains(&name.as_str())
            || name.as_str().starts_with("ratelimit")
            || name.as_str().starts_with("x-ratelimit")
    });
    kept.map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    })
    .collect()
}

/// Looks until the trace stops growing; what there is by the deadline, if anything.
async fn find(live: &Live, trace_id: &str) -> Result<Option<Trace>, evidence::Error> {
    let deadline = Instant::now() + TRACE;
    let mut found: Option<Trace> = None;
    while Instant::now() < deadline {
        match live.sources.jaeger.trace(trace_id).await {
            Ok(trace)
                if found
                    .as_ref()
                    .is_some_and(|before| before.spans.len() == trace.spans.len()) =>
            {
                return Ok(Some(trace));
            }
            Ok(trace) => found = Some(trace),
            Err(evidence::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(found)
}

fn render(answer: &Answer, style: Style) -> String {
    let ink = match answer.status {
        500.. => Ink::Error,
        400..=499 => Ink::Warning,
        _ => Ink::Good,
    };
    let reason = reqwest::StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let status = format!("{} {}", answer.status, reason.unwrap_or_default());
    let elapsed = format::duration(answer.elapsed_ms * 1e3);
    let mut lines = format!("{}  {elapsed}\n", style.paint(ink, status.trim_end()));
    for (name, value) in &answer.headers {
        lines.push_str(&format!(
            "{}: {}\n",
            style.paint(Ink::Faint, name),
            text::format::harmless(value)
        ));
    }
    let body = match &answer.body {
        serde_json::Value::String(body) => body.clone(),
        body => format!("{body:#}"),
    };
    if !body.is_empty() {
        lines.push('\n');
        lines.extend(
            body.lines()
                .map(|line| format!("{}\n", text::format::harmless(line))),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: serde_json::Value) -> Answer {
        Answer {
            status,
            elapsed_ms: 12.34,
            headers: BTreeMap::from([("x-request-id".to_owned(), "r-1".to_owned())]),
            body,
            trace_id: String::new(),
            trace: None,
        }
    }

    #[test]
    fn a_traceparent_that_is_given_names_the_trace() {
        let request = |value: &str| Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            data: None,
            headers: vec![("TraceParent".to_owned(), value.to_owned())],
            times: 1,
            rate: 1.0,
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let sent = request(&format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()));
        assert_eq!(given_trace(&sent).as_deref(), Some(id));
        assert_eq!(given_trace(&request("00-7-1-01")), None);
    }

    #[test]
    fn an_answer_shows_status_headers_and_body() {
        let body = serde_json::json!({"sku": "sku-000001", "price": 995});
        insta::assert_snapshot!(render(&answer(200, body), Style::PLAIN), @r#"
        200 OK  12.3 ms
        x-request-id: r-1

        {
          "price": 995,
          "sku": "sku-000001"
        }
        "#);
        insta::assert_snapshot!(render(&answer(503, "busy\x1b[2J".into()), Style::PLAIN), @r"
        503 Service Unavailable  12.3 ms
        x-request-id: r-1

        busy\u{1b}[2J
        ");
    }
}
