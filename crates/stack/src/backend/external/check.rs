//! Whether external backends are there, are what they should be, know of the shop, and belong together. Each address is asked at the
//! same time as the others, each question has a deadline, and the whole takes less than ten seconds.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use serde_json::Value;
use std::time::{Duration, Instant};
use tonic::transport::Endpoint;

use super::arrival::{FOUND_WITHIN, Span, arrival};
use super::{Addresses, Protocol, RULES, SNIPPET, TARGETS};
use crate::backend::probe::Probe;
use crate::backend::version::{OLDEST_PROMETHEUS, Version};
use crate::error::Error;

/// Time for a gRPC call, connection included.
const CALL_WITHIN: Duration = Duration::from_secs(3);
/// What a Prometheus that is not ready yet answers, whatever it is asked.
const UNAVAILABLE: u16 = 503;
/// How often one that is not ready is asked again.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// What was found.
pub(super) struct Found {
    pub(super) protocol: Protocol,
    pub(super) version: String,
}

/// What is wrong with one address, and what to do.
pub(super) struct Problem {
    message: String,
    hint: String,
}

/// Checks all three, and that a span sent to the one is found at the other; the error names the first that is not
/// right, with what else is wrong above it.
pub(super) async fn all(probe: &Probe, addresses: &Addresses, rules: &str) -> Result<Found, Error> {
    let deadline = Instant::now() + FOUND_WITHIN;
    let span = Span::new();
    let (protocol, jaeger, version) = tokio::join!(
        otlp(probe, &addresses.otlp, &span.request),
        jaeger(probe, &addresses.jaeger),
        prometheus(probe, addresses, rules, deadline),
    );
    match (protocol, jaeger, version) {
        (Ok(protocol), Ok(()), Ok(version)) => {
            let arrived = arrival(probe, addresses, &span, deadline).await;
            arrived.map_err(|problem| wrong(problem, &[]))?;
            Ok(Found { protocol, version })
        }
        (protocol, jaeger, version) => {
            let problems = [protocol.err(), jaeger.err(), version.err()];
            let mut problems = problems.into_iter().flatten();
            // One of them is an error, or the arm above had matched.
            let first = problems.next().unwrap_or_else(|| Problem {
                message: "an external backend cannot be used".to_owned(),
                hint: String::new(),
            });
            let others: Vec<String> = problems.map(|problem| problem.message).collect();
            Err(wrong(first, &others))
        }
    }
}

fn wrong(problem: Problem, others: &[String]) -> Error {
    Error::Start {
        message: problem.message,
        log: others.to_vec(),
        hint: Some(problem.hint),
    }
}

pub(super) fn problem(message: String, hint: impl Into<String>) -> Problem {
    Problem {
        message,
        hint: hint.into(),
    }
}

/// An address that other code here can work with, or why not.
fn address(url: &str, flag: &str, example: &str) -> Result<(), Problem> {
    let hint = format!("`--{flag} URL` takes an address such as {example}");
    match reqwest::Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "http" && parsed.has_host() => Ok(()),
        Ok(parsed) if parsed.scheme() == "https" => {
            let message = format!("`{url}`: backends are reached over plain HTTP only");
            Err(problem(
                message,
                "forward a local port to it and give that address",
            ))
        }
        _ => Err(problem(format!("`{url}` is not an address"), hint)),
    }
}

/// Which protocol the receiver speaks: it takes the span over one of them.
async fn otlp(
    probe: &Probe,
    url: &str,
    span: &ExportTraceServiceRequest,
) -> Result<Protocol, Problem> {
    address(
        url,
        "otlp",
        "http://127.0.0.1:4317 (gRPC) or http://127.0.0.1:4318 (HTTP)",
    )?;
    let traces = format!("{url}/v1/traces");
    let over_http = match probe.export(&traces, span.encode_to_vec()).await {
        Ok(answer) if answer.status == 200 => return Ok(Protocol::Http),
        Ok(answer) => format!("status {}", answer.status),
        Err(reason) => reason,
    };
    let over_grpc = match export(url, span.clone()).await {
        Ok(()) => return Ok(Protocol::Grpc),
        Err(reason) => reason,
    };
    Err(problem(
        format!(
            "the OTLP receiver at {url} does not accept spans: over HTTP {over_http}, over gRPC {over_grpc}"
        ),
        "`--otlp URL` takes the base address of a receiver, usually port 4317 (gRPC) or 4318 (HTTP)",
    ))
}

async fn export(url: &str, request: ExportTraceServiceRequest) -> Result<(), String> {
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| error.to_string())?;
    let call = async {
        let channel = endpoint.connect().await;
        let channel = channel.map_err(|error| innermost(&error))?;
        let answer = TraceServiceClient::new(channel).export(request).await;
        answer.map_err(|status| status.message().to_owned())
    };
    match tokio::time::timeout(CALL_WITHIN, call).await {
        Ok(answer) => answer.map(|_| ()),
        Err(_) => Err(format!("no answer within {} s", CALL_WITHIN.as_secs())),
    }
}

async fn jaeger(probe: &Probe, url: &str) -> Result<(), Problem> {
    address(url, "jaeger", "http://127.0.0.1:16686")?;
    let hint = "`--jaeger URL` takes the address of the query API and UI, usually port 16686";
    let answer = probe.get(&format!("{url}/api/v3/services")).await;
    let answer = answer
        .map_err(|reason| problem(format!("Jaeger at {url} does not answer: {reason}"), hint))?;
    // Jaeger says nothing at all instead of an empty list.
    let services = answer.json();
    if answer.status == 200 && services.is_object() && services.get("data").is_none() {
        return Ok(());
    }
    // An older one answers every unknown path with its UI, and this one with a list.
    let older = probe.get(&format!("{url}/api/services")).await;
    if older.is_ok_and(|older| older.status == 200 && older.json()["data"].is_array()) {
        let message = format!("Jaeger at {url} is too old: it has no `/api/v3`");
        return Err(problem(message, "use Jaeger 2.0 or newer"));
    }
    let message = format!(
        "{url} is not a Jaeger query API: `/api/v3/services` returns status {} and no list of services",
        answer.status
    );
    Err(problem(message, hint))
}

async fn prometheus(
    probe: &Probe,
    addresses: &Addresses,
    rules: &str,
    deadline: Instant,
) -> Result<String, Problem> {
    let url = &addresses.prometheus;
    address(url, "prometheus", "http://127.0.0.1:9090")?;
    let hint = "`--prometheus URL` takes the address of its API and UI, usually port 9090";
    let asked = |path: &str| {
        let url = format!("{url}/api/v1/{path}");
        async move { probe.get(&url).await }
    };
    let answer = loop {
        let answer = asked("status/buildinfo").await.map_err(|reason| {
            problem(
                format!("Prometheus at {url} does not answer: {reason}"),
                hint,
            )
        })?;
        // While it reads what it has stored it refuses every question.
        if answer.status != UNAVAILABLE {
            break answer;
        }
        if Instant::now() >= deadline {
            let message = format!(
                "Prometheus at {url} is not ready: it still returns status {UNAVAILABLE} after {} s",
                FOUND_WITHIN.as_secs()
            );
            let hint = format!("wait until `{url}/-/ready` returns status 200");
            return Err(problem(message, hint));
        }
        tokio::time::sleep(ASK_EVERY).await;
    };
    let Some(built) = answer.data() else {
        let message = format!(
            "{url} is not a Prometheus: `/api/v1/status/buildinfo` returns status {}",
            answer.status
        );
        return Err(problem(message, hint));
    };
    let version = built["version"].as_str().unwrap_or_default().to_owned();
    if Version::find(&version).is_some_and(|version| version < OLDEST_PROMETHEUS) {
        let message = format!(
            "Prometheus at {url} is too old: it is {version}, and drills need {OLDEST_PROMETHEUS}"
        );
        let hint = format!("use Prometheus {OLDEST_PROMETHEUS} or newer");
        return Err(problem(message, hint));
    }
    let snippet = addresses.folder.join(SNIPPET);
    let config = asked("status/config").await.ok();
    let config = config.and_then(|config| config.data());
    // One that does not show its configuration is believed until the shop is up.
    if let Some(yaml) = config.as_ref().and_then(|data| data["yaml"].as_str())
        && !yaml.contains(TARGETS)
    {
        let message = format!(
            "Prometheus at {url} does not scrape drills: its configuration does not mention `{TARGETS}`"
        );
        let hint = format!(
            "add the contents of `{}` to it and reload it",
            snippet.display()
        );
        return Err(problem(message, hint));
    }
    let loaded = asked("rules").await.ok();
    let loaded = loaded.and_then(|answer| answer.data()).unwrap_or_default();
    if let Some(missing) = alerts(rules).find(|alert| !has_alert(&loaded, alert)) {
        let message = format!(
            "Prometheus at {url} cannot page: the alert `{missing}` is not among its rules"
        );
        let file = addresses.folder.join(RULES);
        let hint = format!(
            "add `{}` to its `rule_files`, as shown in `{}`, and reload it",
            file.display(),
            snippet.display()
        );
        return Err(problem(message, hint));
    }
    Ok(version)
}

/// The names of the alerts in our rules file.
fn alerts(rules: &str) -> impl Iterator<Item = &str> {
    rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
}

fn has_alert(loaded: &Value, name: &str) -> bool {
    let groups = loaded["groups"].as_array().into_iter().flatten();
    let mut rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    rules.any(|rule| rule["type"] == "alerting" && rule["name"] == name)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alerts_of_the_shop_are_read_from_its_rules() {
        let rules = include_str!("../../../../../compose/prometheus/rules/shop.yml");
        let names: Vec<&str> = alerts(rules).collect();
        assert_eq!(names.len(), rules.matches("severity: page").count());
        assert!(names.contains(&"MemoryGrowth"), "{names:?}");
    }
}
