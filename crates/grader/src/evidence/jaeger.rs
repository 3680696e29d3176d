//! Jaeger's stable query API, `/api/v3`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use text::format::rfc3339;
use time::{Duration, OffsetDateTime};

use super::http::Endpoint;
use super::{Error, Limits, otlp_json, shorten};
use crate::moment::{Window, clock_text};

/// A client of one Jaeger.
#[derive(Debug, Clone)]
pub struct Jaeger {
    http: Endpoint,
    /// When it was last back from an outage that may have cost it its memory; shared by all clones.
    back: Arc<Mutex<Option<OffsetDateTime>>>,
}

/// One trace; spans by start time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Trace {
    /// 32 hex digits.
    pub id: String,
    /// All spans that the backend has.
    pub spans: Vec<Span>,
}

/// One span, with what matters of its resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Span {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub id: String,
    /// Parent span's id.
    pub parent: Option<String>,
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`.
    pub instance: Option<String>,
    /// `service.version`, the release.
    pub version: Option<String>,
    /// Operation.
    pub name: String,
    /// `server`, `client`, `internal`, `producer`, `consumer` or empty.
    pub kind: String,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// Nanoseconds since 1970.
    pub end_ns: u64,
    /// Status code ERROR.
    pub is_error: bool,
    /// Status message.
    pub status: String,
    /// Attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Events.
    pub events: Vec<SpanEvent>,
    /// Ids of linked traces.
    pub links: Vec<String>,
}

/// An event of a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct SpanEvent {
    /// Its name, `exception` for one.
    pub name: String,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
    /// Attributes as text.
    pub attributes: BTreeMap<String, String>,
}

/// Traces that are asked for at once where they are picked out here, and how often.
const PAGE: usize = 200;
const PAGES: usize = 20;

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceQuery {
    /// Service that takes part.
    pub service: String,
    /// One of its operations.
    pub operation: Option<String>,
    /// Traces that begin here.
    pub window: Window,
    /// Shortest duration.
    pub min_duration: Option<Duration>,
    /// Longest duration.
    pub max_duration: Option<Duration>,
    /// Attributes that one span must have, exactly.
    pub attributes: BTreeMap<String, String>,
    /// At most so many traces, 1 to 1,500.
    pub limit: usize,
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Operation {
    /// Span name.
    pub name: String,
    /// Span kind, as Jaeger says it.
    #[serde(rename = "spanKind", default)]
    pub kind: String,
}

impl TraceQuery {
    /// Up to 20 traces of a service in a window.
    pub fn new(service: &str, window: Window) -> Self {
        Self {
            service: service.to_owned(),
            operation: None,
            window,
            min_duration: None,
            max_duration: None,
            attributes: BTreeMap::new(),
            limit: 20,
        }
    }
}

impl Jaeger {
    /// `base` like `http://127.0.0.1:16686`.
    pub fn new(base: &str, limits: Limits) -> Result<Self, Error> {
        Ok(Self {
            http: Endpoint::new("Jaeger", base, limits)?,
            back: Arc::default(),
        })
    }

    /// Notes that this Jaeger went away or came back at that time, and may have lost what it had in memory.
    /// From then on a trace that is not there was not necessarily never there.
    pub fn forgets(&self, at: OffsetDateTime) {
        *self.back.lock() = Some(at);
    }

    /// What to answer about a trace that is not there: it never was, or it may be lost.
    pub(crate) fn absent(&self, id: &str) -> Error {
        let back = *self.back.lock();
        let id = id.to_owned();
        match back {
            None => Error::NotFound { what: "trace", id },
            Some(back) => Error::Lost {
                what: "Jaeger",
                id,
                until: clock_text(back),
            },
        }
    }

    /// Whether what it recorded before that time may be lost.
    pub(crate) fn may_have_lost(&self, before: OffsetDateTime) -> bool {
        let back = *self.back.lock();
        back.is_some_and(|back| back > before)
    }

    /// The base address, without a slash at the end.
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// Names of all services, sorted.
    pub async fn services(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Services {
            #[serde(default)]
            services: Vec<String>,
        }
        let body = self.ok(&["api", "v3", "services"], &[]).await?;
        let answer: Services = serde_json::from_slice(&body).map_err(|e| self.http.shape(e))?;
        let sorted: BTreeSet<String> = answer.services.into_iter().collect();
        Ok(sorted.into_iter().collect())
    }

    /// Operations of a service, sorted.
    pub async fn operations(&self, service: &str) -> Result<Vec<Operation>, Error> {
        #[derive(Deserialize)]
        struct Operations {
            #[serde(default)]
            operations: Vec<Operation>,
        }
        let params = [("service", service.to_owned())];
        let body = self.ok(&["api", "v3", "operations"], &params).await?;
        let answer: Operations = serde_json::from_slice(&body).map_err(|e| self.http.shape(e))?;
        let sorted: BTreeSet<Operation> = answer.operations.into_iter().collect();
        Ok(sorted.into_iter().collect())
    }

    /// One trace; [`Error::NotFound`] if this backend does not have it.
    pub async fn trace(&self, id: &str) -> Result<Trace, Error> {
        let id = trace_id(id)?;
        let answer = self.http.get(&["api", "v3", "traces", &id], &[]).await?;
        let missing = || self.absent(&id);
        if answer.status == 404 {
            return Err(missing());
        }
        let traces = self.traces(answer.status, &answer.body)?;
        traces
            .into_iter()
            .find(|trace| trace.id == id)
            .ok_or_else(missing)
    }

    /// Traces that match, newest first.
    pub async fn find(&self, query: &TraceQuery) -> Result<Vec<Trace>, Error> {
        let (mut traces, _) = self.page(query).await?;
        traces.truncate(query.limit);
        Ok(traces)
    }

    /// The newest traces that match and that `keep` wants, at most as many as the query says: goes back in time, page
    /// by page, until there are enough, since no Jaeger can be asked for everything that one may look for.
    pub async fn find_where(
        &self,
        query: &TraceQuery,
        keep: impl Fn(&Trace) -> bool,
    ) -> Result<Vec<Trace>, Error> {
        let mut page = query.clone();
        page.limit = PAGE;
        let mut found: Vec<Trace> = Vec::new();
        for _ in 0..PAGES {
            let (traces, oldest) = self.page(&page).await?;
            for trace in traces {
                if keep(&trace) && found.iter().all(|known| known.id != trace.id) {
                    found.push(trace);
                }
            }
            match oldest {
                Some(oldest) if found.len() < query.limit && oldest < page.window.to => {
                    page.window.to = oldest;
                }
                _ => break,
            }
        }
        found.truncate(query.limit);
        Ok(found)
    }

    /// One answer, newest first, and where it ends if there may be more before that.
    async fn page(
        &self,
        query: &TraceQuery,
    ) -> Result<(Vec<Trace>, Option<OffsetDateTime>), Error> {
        let answer = self
            .http
            .get(&["api", "v3", "traces"], &params(query))
            .await?;
        if answer.status == 404 {
            return Ok((Vec::new(), None)); // Jaeger's way to say that nothing matched.
        }
        let mut traces = self.traces(answer.status, &answer.body)?;
        let is_full = traces.len() >= query.limit;
        let oldest = traces.iter().map(Trace::start).min();
        // Not every release filters by attribute on this path, so it is done here as well.
        traces.retain(|trace| trace.has_attributes(&query.attributes));
        traces.sort_by_key(|trace| std::cmp::Reverse(trace.start_ns()));
        Ok((traces, oldest.filter(|_| is_full)))
    }

    fn traces(&self, status: u16, body: &[u8]) -> Result<Vec<Trace>, Error> {
        if status != 200 {
            return Err(self.http.refused(status, &message(body)));
        }
        otlp_json::read(body).map_err(|e| self.http.shape(e))
    }

    async fn ok(&self, path: &[&str], params: &[(&str, String)]) -> Result<Vec<u8>, Error> {
        let answer = self.http.get(path, params).await?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(self.http.refused(status, &message(&answer.body))),
        }
    }
}

impl Trace {
    /// The first span without a parent in this trace.
    pub fn root(&self) -> Option<&Span> {
        self.spans
            .iter()
            .find(|span| span.parent.is_none())
            .or_else(|| {
                let ids: BTreeSet<&str> = self.spans.iter().map(|span| span.id.as_str()).collect();
                self.spans.iter().find(|span| {
                    span.parent
                        .as_deref()
                        .is_none_or(|parent| !ids.contains(parent))
                })
            })
    }

    /// Begin of the first span, nanoseconds since 1970.
    pub fn start_ns(&self) -> u64 {
        self.spans
            .iter()
            .map(|span| span.start_ns)
            .min()
            .unwrap_or(0)
    }

    /// Begin of the first span.
    pub fn start(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(self.start_ns().into())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The root span's duration in milliseconds; of the whole trace if it has no root.
    pub fn duration_ms(&self) -> f64 {
        self.root().map_or(0.0, Span::duration_ms)
    }

    /// Whether any span failed.
    pub fn has_error(&self) -> bool {
        self.spans.iter().any(|span| span.is_error)
    }

    /// Names of the services that take part, in order of appearance.
    pub fn services(&self) -> Vec<&str> {
        let mut seen = Vec::new();
        for span in &self.spans {
            if !seen.contains(&span.service.as_str()) {
                seen.push(span.service.as_str());
            }
        }
        seen
    }

    fn has_attributes(&self, wanted: &BTreeMap<String, String>) -> bool {
        let matches = |span: &Span| {
            wanted
                .iter()
                .all(|(k, v)| span.attributes.get(k) == Some(v))
        };
        wanted.is_empty() || self.spans.iter().any(matches)
    }
}

impl Span {
    /// Milliseconds.
    pub fn duration_ms(&self) -> f64 {
        self.end_ns.saturating_sub(self.start_ns) as f64 / 1e6
    }
}

/// The id in lower case, or why it is none. Short ids are padded, as Jaeger does.
fn trace_id(id: &str) -> Result<String, Error> {
    let id = id.trim().to_ascii_lowercase();
    let is_hex = !id.is_empty() && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        let id = shorten(&id, 60);
        return Err(Error::Asked(format!(
            "`{id}` is not a trace id, which has 32 hex digits"
        )));
    }
    Ok(format!("{id:0>32}"))
}

/// Jaeger renames its parameters; until the old names are gone from every 2.x both are sent.
fn params(query: &TraceQuery) -> Vec<(&'static str, String)> {
    let mut params = Vec::new();
    let mut both = |new: &'static str, old: &'static str, value: String| {
        params.push((new, value.clone()));
        params.push((old, value));
    };
    both(
        "query.serviceName",
        "query.service_name",
        query.service.clone(),
    );
    if let Some(operation) = &query.operation {
        both(
            "query.operationName",
            "query.operation_name",
            operation.clone(),
        );
    }
    both(
        "query.startTimeMin",
        "query.start_time_min",
        rfc3339(query.window.from),
    );
    both(
        "query.startTimeMax",
        "query.start_time_max",
        rfc3339(query.window.to),
    );
    let limit = query.limit.clamp(1, 1500).to_string();
    both("query.searchDepth", "query.num_traces", limit);
    if let Some(least) = query.min_duration {
        both("query.durationMin", "query.duration_min", micros(least));
    }
    if let Some(most) = query.max_duration {
        both("query.durationMax", "query.duration_max", micros(most));
    }
    if !query.attributes.is_empty() {
        let map = serde_json::to_string(&query.attributes).unwrap_or_default();
        params.push(("query.attributes", map));
    }
    params
}

fn micros(duration: Duration) -> String {
    format!("{}us", duration.whole_microseconds().max(0))
}

fn message(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) => otlp_json::error_text(value.get("error").unwrap_or(&value)),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}
