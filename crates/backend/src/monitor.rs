//! `/api/metrics/…`: what Jaeger's Monitor page asks for, answered from the metrics of the other half.
//!
//! ```text
//! latencies, calls, errors of a service  ->  query_range over its request durations  ->  Jaeger's metric families
//! ```

use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tower::ServiceExt as _;

/// Most bytes of an answer of the metrics half.
const MOST_BYTES: usize = 64 << 20;
/// Most points of a line; a longer range gets a longer step.
const MOST_POINTS: i64 = 1_000;
/// A rate needs two samples.
const SHORTEST_RATE_MS: i64 = 3_000;
/// What Jaeger takes for granted, in milliseconds.
const HOUR_MS: i64 = 3_600_000;
const STEP_MS: i64 = 5_000;

/// The routes; `metrics` answers `/api/v1/query_range`.
pub(crate) fn router(metrics: Router) -> Router {
    Router::new()
        .route("/api/metrics/minstep", get(min_step))
        .route("/api/metrics/{kind}", get(family))
        .with_state(metrics)
}

/// A scrape a second: finer steps show nothing new.
async fn min_step() -> Response {
    let body = json!({"data": 1_000, "total": 0, "limit": 0, "offset": 0, "errors": null});
    Json(body).into_response()
}

async fn family(
    State(metrics): State<Router>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let question = match Question::parse(&kind, query.as_deref().unwrap_or_default()) {
        Ok(question) => question,
        Err((status, message)) => return refuse(status, &message),
    };
    // Spans that no metric counts: the page then says that there is no data.
    let Some(expression) = question.expression() else {
        return Json(question.family(&[])).into_response();
    };
    match question.ask(metrics, &expression).await {
        Ok(series) => Json(question.family(&series)).into_response(),
        Err(message) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &message),
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    let errors = json!([{"code": status.as_u16(), "msg": message}]);
    let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors});
    (status, Json(body)).into_response()
}

/// What is asked about services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Latencies,
    Calls,
    Errors,
}

#[derive(Debug)]
struct Question {
    kind: Kind,
    services: Vec<String>,
    quantile: f64,
    by_operation: bool,
    span_kind: String,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    rate_ms: i64,
}

impl Question {
    fn parse(kind: &str, query: &str) -> Result<Self, (StatusCode, String)> {
        let kind = match kind {
            "latencies" => Kind::Latencies,
            "calls" => Kind::Calls,
            "errors" => Kind::Errors,
            other => {
                let message = format!("there is no `/api/metrics/{other}` here");
                return Err((StatusCode::NOT_FOUND, message));
            }
        };
        let refused = |message: String| (StatusCode::BAD_REQUEST, message);
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let text = |key: &str| {
            let found = pairs
                .iter()
                .find(|(own, value)| own == key && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        let number = |key: &str, otherwise: Option<f64>| {
            let value = text(key).map(|text| text.parse::<f64>().map_err(|_| text));
            match value {
                Some(Ok(value)) if value.is_finite() && value >= 0.0 => Ok(value),
                Some(_) => Err(refused(format!(
                    "unable to parse param '{key}': it is not a number"
                ))),
                None => otherwise.ok_or_else(|| refused(format!("parameter '{key}' is required"))),
            }
        };
        let services: Vec<String> = pairs
            .iter()
            .filter(|(key, value)| key == "service" && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect();
        if services.is_empty() {
            return Err(refused("parameter 'service' is required".to_owned()));
        }
        let quantile = match kind {
            Kind::Latencies => number("quantile", None)?,
            _ => 0.0,
        };
        let now_ms = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let end_ms = number("endTs", Some(now_ms as f64))? as i64;
        let lookback_ms = number("lookback", Some(HOUR_MS as f64))? as i64;
        let step_ms = number("step", Some(STEP_MS as f64))? as i64;
        let rate_ms = number("ratePer", Some(600_000.0))? as i64;
        Ok(Self {
            kind,
            services,
            quantile,
            by_operation: text("groupByOperation") == Some("true"),
            span_kind: text("spanKind").unwrap_or("server").to_lowercase(),
            start_ms: end_ms.saturating_sub(lookback_ms),
            end_ms,
            step_ms: step_ms.max(lookback_ms / MOST_POINTS).max(1_000),
            rate_ms: rate_ms.max(SHORTEST_RATE_MS),
        })
    }

    /// The metric that counts spans of this kind, and the label that names what was called.
    fn metric(&self) -> Option<(&'static str, &'static str)> {
        match self.span_kind.trim_start_matches("span_kind_") {
            "server" => Some(("http_server_request_duration_seconds", "http_route")),
            "client" => Some(("http_client_request_duration_seconds", "target")),
            _ => None,
        }
    }

    fn expression(&self) -> Option<String> {
        let (metric, called) = self.metric()?;
        let names: Vec<String> = self.services.iter().map(|name| escaped(name)).collect();
        let services = names.join("|");
        let range = format!("{}ms", self.rate_ms);
        let by = if self.by_operation {
            format!("service, http_request_method, {called}")
        } else {
            "service".to_owned()
        };
        let rate = |part: &str, by: &str, labels: &str| {
            format!(
                "sum by ({by}) (rate({metric}_{part}{{service=~\"{services}\"{labels}}}[{range}]))"
            )
        };
        let calls = rate("count", &by, "");
        Some(match self.kind {
            Kind::Calls => calls,
            Kind::Errors => {
                let failed = rate("count", &by, ", http_response_status_code=~\"5..\"");
                format!("({failed} or 0 * {calls}) / ({calls} > 0)")
            }
            Kind::Latencies => {
                let buckets = rate("bucket", &format!("le, {by}"), "");
                format!("1000 * histogram_quantile({}, {buckets})", self.quantile)
            }
        })
    }

    /// The series of the answer.
    async fn ask(&self, metrics: Router, expression: &str) -> Result<Vec<Value>, String> {
        let seconds = |ms: i64| format!("{:.3}", ms as f64 / 1_000.0);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", expression)
            .append_pair("start", &seconds(self.start_ms))
            .append_pair("end", &seconds(self.end_ms))
            .append_pair("step", &seconds(self.step_ms))
            .finish();
        let request = Request::get(format!("/api/v1/query_range?{query}")).body(Body::empty());
        let request = request.map_err(|error| error.to_string())?;
        let response = metrics.oneshot(request).await;
        let body = response.unwrap_or_else(|never| match never {}).into_body();
        let bytes = to_bytes(body, MOST_BYTES)
            .await
            .map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.clone()),
            None => Err(answer["error"].as_str().unwrap_or("no answer").to_owned()),
        }
    }

    /// Jaeger's form of an answer.
    fn family(&self, series: &[Value]) -> Value {
        let name = match self.kind {
            Kind::Latencies => "latencies",
            Kind::Calls => "call_rate",
            Kind::Errors => "error_rate",
        };
        let of = if self.by_operation {
            "service_operation"
        } else {
            "service"
        };
        let metrics: Vec<Value> = series.iter().map(|series| self.metric_of(series)).collect();
        json!({
            "name": format!("{of}_{name}"),
            "type": "GAUGE",
            "help": "by the metrics of requests",
            "metrics": metrics,
        })
    }

    fn metric_of(&self, series: &Value) -> Value {
        let label = |name: &str| series["metric"][name].as_str().unwrap_or_default();
        let mut labels = vec![json!({"name": "service_name", "value": label("service")})];
        if let Some((_, called)) = self.metric().filter(|_| self.by_operation) {
            let operation = format!("{} {}", label("http_request_method"), label(called));
            labels.insert(0, json!({"name": "operation", "value": operation}));
        }
        let points = series["values"].as_array().into_iter().flatten();
        let points: Vec<Value> = points.filter_map(point).collect();
        json!({"labels": labels, "metricPoints": points})
    }
}

/// A name as a regular expression in a PromQL string.
fn escaped(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-".contains(c);
    name.chars()
        .map(|c| match c {
            c if plain(c) => c.to_string(),
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\\\\\".to_owned(),
            c if c.is_control() => ".".to_owned(),
            c => format!("\\\\{c}"),
        })
        .collect()
}

/// `[1700000000.5, "0.25"]` as Jaeger writes a point; what is no number is left out, so that the line has a gap.
fn point(sample: &Value) -> Option<Value> {
    let nanos = (sample[0].as_f64()? * 1e9) as i128;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let value: f64 = sample[1].as_str()?.parse().ok()?;
    let at = at.format(&Rfc3339).ok()?;
    value
        .is_finite()
        .then(|| json!({"gaugeValue": {"doubleValue": value}, "timestamp": at}))
}

#[cfg(test)]
mod tests;
