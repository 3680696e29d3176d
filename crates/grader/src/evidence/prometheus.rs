//! Prometheus's HTTP API, `/api/v1`.

mod exemplar;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

pub use self::exemplar::{Exemplar, Exemplars};
use super::http::Endpoint;
use super::{Error, Limits};
use crate::moment::{Window, from_unix_s, unix_s};

/// Longest expression that is sent.
pub const MAX_EXPRESSION: usize = 4096;
/// Most steps of a range query; Prometheus itself refuses more than 11,000.
pub const MAX_STEPS: i64 = 2_000;
/// Most series that are kept of one answer.
pub const MAX_SERIES: usize = 2_000;

/// Label names and values, `__name__` included.
pub type Labels = BTreeMap<String, String>;

/// A client of one Prometheus.
#[derive(Debug, Clone)]
pub struct Prometheus {
    http: Endpoint,
}

/// One value at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since 1970.
    pub at_s: f64,
    /// May be NaN or infinite.
    pub value: f64,
}

/// A labelled series; one sample for an instant query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// By time.
    pub samples: Vec<Sample>,
}

/// What a query evaluates to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "type", content = "result")]
pub enum Value {
    /// One number.
    Scalar(Sample),
    /// One text.
    Text(String),
    /// One sample a series.
    Vector(Vec<Series>),
    /// Many samples a series.
    Matrix(Vec<Series>),
}

/// An alert as Prometheus reports it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Annotations.
    #[serde(default)]
    pub annotations: Labels,
    /// `pending` or `firing`.
    pub state: String,
    /// RFC 3339.
    #[serde(rename = "activeAt", default)]
    pub active_at: Option<String>,
    /// As Prometheus writes it.
    #[serde(default)]
    pub value: String,
}

/// What a metric says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// `counter`, `gauge`, `histogram`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// One line.
    pub help: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryData {
    result_type: String,
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct WireSeries {
    metric: Labels,
    value: Option<(f64, String)>,
    values: Option<Vec<(f64, String)>>,
}

impl Value {
    /// The series of a vector or matrix, or a scalar as one series without labels.
    pub fn series(&self) -> Vec<Series> {
        match self {
            Self::Scalar(sample) => vec![Series {
                labels: Labels::new(),
                samples: vec![*sample],
            }],
            Self::Text(_) => Vec::new(),
            Self::Vector(series) | Self::Matrix(series) => series.clone(),
        }
    }

    /// The one number of a scalar or of a vector of one.
    pub fn single(&self) -> Option<f64> {
        match self {
            Self::Scalar(sample) => Some(sample.value),
            Self::Vector(series) => match series.as_slice() {
                [only] => only.samples.first().map(|sample| sample.value),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Prometheus {
    /// `base` like `http://127.0.0.1:9090`.
    pub fn new(base: &str, limits: Limits) -> Result<Self, Error> {
        Ok(Self {
            http: Endpoint::new("Prometheus", base, limits)?,
        })
    }

    /// The base address, without a slash at the end.
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// An instant query.
    pub async fn query(&self, expr: &str, at: OffsetDateTime) -> Result<Value, Error> {
        let params = vec![
            ("query", bounded(expr)?),
            ("time", format!("{:.3}", unix_s(at))),
            ("timeout", self.server_timeout()),
        ];
        self.evaluate("query", params).await
    }

    /// A range query; always a [`Value::Matrix`]. The step grows if the window is too long for it.
    pub async fn query_range(
        &self,
        expr: &str,
        window: Window,
        step: Duration,
    ) -> Result<Vec<Series>, Error> {
        let coarsest = window.length() / MAX_STEPS as i32;
        let step = step.max(coarsest).max(Duration::milliseconds(100));
        let params = vec![
            ("query", bounded(expr)?),
            ("start", format!("{:.3}", unix_s(window.from))),
            ("end", format!("{:.3}", unix_s(window.to))),
            ("step", format!("{:.3}", step.as_seconds_f64())),
            ("timeout", self.server_timeout()),
        ];
        match self.evaluate("query_range", params).await? {
            Value::Matrix(series) => Ok(series),
            other => Err(self
                .http
                .shape(format!("a matrix was expected, not {other:?}"))),
        }
    }

    /// Alerts that are pending or firing.
    pub async fn alerts(&self) -> Result<Vec<Alert>, Error> {
        #[derive(Deserialize)]
        struct Alerts {
            alerts: Vec<Alert>,
        }
        Ok(self.get::<Alerts>("alerts", &[]).await?.alerts)
    }

    /// How long the condition of each alert rule must last before it fires, in seconds, by the alert's name.
    pub async fn alert_waits(&self) -> Result<BTreeMap<String, f64>, Error> {
        #[derive(Deserialize)]
        struct Groups {
            groups: Vec<Group>,
        }
        #[derive(Deserialize)]
        struct Group {
            rules: Vec<Rule>,
        }
        #[derive(Deserialize)]
        struct Rule {
            name: String,
            #[serde(default)]
            duration: f64,
        }
        let params = [("type", "alert".to_owned())];
        let found: Groups = self.get("rules", &params).await?;
        let rules = found.groups.into_iter().flat_map(|group| group.rules);
        Ok(rules.map(|rule| (rule.name, rule.duration)).collect())
    }

    /// The labels of every series with samples in the window.
    pub async fn series(&self, window: Window) -> Result<Vec<Labels>, Error> {
        let params = [
            ("match[]", "{__name__!=\"\"}".to_owned()),
            ("start", format!("{:.3}", unix_s(window.from))),
            ("end", format!("{:.3}", unix_s(window.to))),
        ];
        self.get("series", &params).await
    }

    /// Type and help by metric family; a counter's family may lack `_total`, depending on the exposition format.
    pub async fn metadata(&self) -> Result<BTreeMap<String, Metadata>, Error> {
        let all: BTreeMap<String, Vec<Metadata>> = self.get("metadata", &[]).await?;
        let first =
            |(name, versions): (String, Vec<Metadata>)| Some((name, versions.into_iter().next()?));
        Ok(all.into_iter().filter_map(first).collect())
    }

    /// Whether `version` of `service` was seen running in the window, by `build_info`.
    pub async fn saw_version(
        &self,
        service: &str,
        version: &str,
        window: Window,
    ) -> Result<bool, Error> {
        let expr = format!(
            "count(last_over_time(build_info{{service={},version={}}}[{}s]))",
            quote(service),
            quote(version),
            window.length().whole_seconds().clamp(1, 86_400) + 5,
        );
        let value = self.query(&expr, window.to).await?;
        Ok(value.single().is_some_and(|count| count > 0.0))
    }

    async fn evaluate(
        &self,
        path: &str,
        params: Vec<(&'static str, String)>,
    ) -> Result<Value, Error> {
        let data: QueryData = self.get(path, &params).await?;
        let wire = |value| serde_json::from_value(value).map_err(|e| self.http.shape(e));
        match data.result_type.as_str() {
            "scalar" => {
                let (at_s, value): (f64, String) =
                    serde_json::from_value(data.result).map_err(|e| self.http.shape(e))?;
                Ok(Value::Scalar(sample(at_s, &value)))
            }
            "string" => {
                let (_, text): (f64, String) =
                    serde_json::from_value(data.result).map_err(|e| self.http.shape(e))?;
                Ok(Value::Text(text))
            }
            "vector" => Ok(Value::Vector(plain(wire(data.result)?))),
            "matrix" => Ok(Value::Matrix(plain(wire(data.result)?))),
            other => Err(self.http.shape(format!("result type `{other}`"))),
        }
    }

    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        params: &[(&str, String)],
    ) -> Result<T, Error> {
        let data = self.try_get(path, params).await?;
        data.ok_or_else(|| self.http.shape("no content"))
    }

    /// What the API answers, or nothing where it says that there is nothing to be said.
    async fn try_get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        params: &[(&str, String)],
    ) -> Result<Option<T>, Error> {
        let answer = self.http.get(&["api", "v1", path], params).await?;
        if answer.status == 204 {
            return Ok(None);
        }
        let envelope: Envelope<T> =
            serde_json::from_slice(&answer.body).map_err(|error| match answer.status {
                200 => self.http.shape(error),
                status => self
                    .http
                    .refused(status, &String::from_utf8_lossy(&answer.body)),
            })?;
        match (envelope.status.as_str(), envelope.data) {
            ("success", Some(data)) => Ok(Some(data)),
            _ => {
                let message = format!("{} ({})", envelope.error, envelope.error_type);
                Err(self.http.refused(answer.status, &message))
            }
        }
    }

    /// Asked of the server too, so that it stops when we do.
    fn server_timeout(&self) -> String {
        "8s".to_owned()
    }
}

/// A PromQL string literal.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn bounded(expr: &str) -> Result<String, Error> {
    let expr = expr.trim();
    match expr.len() {
        0 => Err(Error::Asked("the expression is empty".to_owned())),
        length if length > MAX_EXPRESSION => Err(Error::Asked(format!(
            "the expression has {length} bytes; the limit is {MAX_EXPRESSION}"
        ))),
        _ => Ok(expr.to_owned()),
    }
}

fn plain(wire: Vec<WireSeries>) -> Vec<Series> {
    wire.into_iter()
        .take(MAX_SERIES)
        .map(|series| Series {
            labels: series.metric,
            samples: series
                .values
                .unwrap_or_default()
                .into_iter()
                .chain(series.value)
                .map(|(at_s, value)| sample(at_s, &value))
                .collect(),
        })
        .collect()
}

/// Prometheus writes `NaN`, `+Inf` and `-Inf`, which Rust reads as well.
fn sample(at_s: f64, value: &str) -> Sample {
    Sample {
        at_s,
        value: value.parse().unwrap_or(f64::NAN),
    }
}

impl Sample {
    /// Its time.
    pub fn at(&self) -> OffsetDateTime {
        from_unix_s(self.at_s)
    }
}
