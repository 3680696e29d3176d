//! The reference of a drill: a compact recording of one run, with its baseline and its incident, to hold evidence against.
//!
//! ```text
//! a run ──record──> Reference ──bytes──> scenarios/references/ID.reference   metrics at one second, constants once;
//!                       │                                                    patterns of log lines; traits of traces;
//!                       └──summary──> scenarios/references/ID.txt            heap and CPU by function
//! ```
//! Nobody has to read the one to review what a new recording changes: that is what the other is for.

mod lines;
mod metrics;
mod probe;
mod record;
mod spans;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

pub use lines::Logged;
pub use metrics::Metrics;
pub use probe::Probe;
pub use record::record;
pub use spans::{Operation, Trait};

use crate::differential::Kin;
use crate::effect::expression::Expression;
use crate::effect::heap::Retained;
use crate::effect::profile::Shares;
use crate::effect::promql::{Origins, Seconds, Windowed};
use crate::effect::{self, Effect, Feature};
use crate::heap::{Diff, Site};
use crate::log_query::Query;

/// How the bytes are read; a reference of another format must be recorded again.
pub const FORMAT: u32 = 1;
/// Largest reference, compressed; the catalogue is compiled into the program.
pub const MAX_BYTES: usize = 200 << 10;
/// Largest reference when unpacked: a damaged one must not cost all memory.
const MAX_UNPACKED: u64 = 64 << 20;
const MAGIC: &[u8] = b"firedrill reference\n";

/// Why a reference cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is something else, or was cut off.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It was written by another version.
    #[error("it has format {0}, and {FORMAT} is read")]
    Format(u32),
    /// It would be too large.
    #[error("it has {0} bytes; {MAX_BYTES} are allowed")]
    TooLarge(usize),
}

/// A stretch of a reference, in seconds from its begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// First second.
    pub from_s: f64,
    /// Last second.
    pub to_s: f64,
}

/// Memory of a service before and in the incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Sites in the baseline.
    pub before: Vec<Site>,
    /// Sites in the incident.
    pub after: Vec<Site>,
}

/// What a drill looks like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// The drill's id.
    pub id: String,
    /// The alert that pages.
    pub page: String,
    /// Whether nothing is wrong in it.
    pub is_control: bool,
    /// Hash of the scenario that was recorded.
    pub scenario: String,
    /// The steady state.
    pub baseline: Stretch,
    /// The incident.
    pub incident: Stretch,
    /// What changes, over all metrics: by this drills are compared.
    pub changes: BTreeSet<Feature>,
    /// Log lines by pattern.
    pub logs: Vec<Logged>,
    /// Traces by the operation that they begin with.
    pub operations: BTreeMap<String, Operation>,
    /// Heaps by service.
    pub heaps: BTreeMap<String, Memory>,
    /// CPU by service, in the baseline and in the incident.
    pub profiles: BTreeMap<String, [Shares; 2]>,
    /// The metrics.
    #[serde(skip)]
    pub metrics: Metrics,
}

impl Stretch {
    /// Seconds.
    pub fn length_s(self) -> f64 {
        (self.to_s - self.from_s).max(0.0)
    }
}

impl Reference {
    /// Reads a reference; refuses what is damaged or of another format.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |what: &str| Error::Damaged(what.to_owned());
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| damaged("it does not begin as a reference does"))?;
        let (format, rest) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| damaged("it ends early"))?;
        let format = u32::from_le_bytes(*format);
        if format != FORMAT {
            return Err(Error::Format(format));
        }
        let mut body = Vec::new();
        ZlibDecoder::new(rest)
            .take(MAX_UNPACKED)
            .read_to_end(&mut body)
            .map_err(|error| Error::Damaged(error.to_string()))?;
        let (length, body) = body
            .split_first_chunk::<4>()
            .ok_or_else(|| damaged("it ends early"))?;
        let (head, table) = body
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or_else(|| damaged("its head ends early"))?;
        let mut reference: Self =
            serde_json::from_slice(head).map_err(|error| Error::Damaged(error.to_string()))?;
        reference.metrics =
            Metrics::read(table).ok_or_else(|| damaged("its metrics cannot be read"))?;
        Ok(reference)
    }

    /// The bytes of a reference.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let failed = |error: std::io::Error| Error::Damaged(error.to_string());
        let head = serde_json::to_vec(self).map_err(|error| Error::Damaged(error.to_string()))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        let mut packed = ZlibEncoder::new(bytes, Compression::best());
        let length = u32::try_from(head.len()).map_err(|_| Error::TooLarge(head.len()))?;
        packed.write_all(&length.to_le_bytes()).map_err(failed)?;
        packed.write_all(&head).map_err(failed)?;
        packed.write_all(&self.metrics.bytes()).map_err(failed)?;
        let bytes = packed.finish().map_err(failed)?;
        match bytes.len() <= MAX_BYTES {
            true => Ok(bytes),
            false => Err(Error::TooLarge(bytes.len())),
        }
    }

    /// What changes, for people and for reviews: one change a line.
    pub fn summary(&self) -> String {
        summary::text(self)
    }

    /// What it is compared by when rivals are chosen.
    pub fn kin(&self) -> Kin {
        Kin {
            id: self.id.clone(),
            page: self.page.clone(),
            is_control: self.is_control,
            changes: self.changes.clone(),
            is_raised: false,
        }
    }

    /// The effect of an expression here.
    pub fn promql(&self, expression: &Expression) -> Result<Effect, String> {
        self.promql_from(expression, &Origins::default())
    }

    /// The same with the services at which it shows, which only the run's own evidence needs.
    pub fn placed_promql(&self, expression: &Expression) -> Result<Effect, String> {
        let behind = expression.origins.iter().map(|origin| self.both(origin));
        let behind: Vec<Windowed> = behind.collect::<Result<_, _>>()?;
        self.promql_from(expression, &Origins::of(expression.is_labelled, &behind))
    }

    fn promql_from(&self, expression: &Expression, origins: &Origins) -> Result<Effect, String> {
        let (before, during) = self.both(&expression.text)?;
        let events = expression.is_rate.then(|| Seconds {
            baseline: self.baseline.length_s(),
            incident: self.incident.length_s(),
        });
        let settled_s = expression.settled_s(self.baseline.from_s, self.baseline.to_s);
        let effect = effect::promql::effect(&before, &during, origins, settled_s, events);
        Ok(effect.from_size(expression.floor))
    }

    /// The samples of an expression in the baseline, and in the incident, once a second.
    fn both(&self, expr: &str) -> Result<Windowed, String> {
        let window = Stretch {
            from_s: self.baseline.from_s,
            to_s: self.incident.to_s,
        };
        let series = self.metrics.range(expr, window)?;
        Ok(effect::promql::split(
            &series,
            |at_s| at_s <= self.baseline.to_s,
            |at_s| at_s >= self.incident.from_s,
        ))
    }

    /// The effect of a log query here.
    pub fn log(&self, query: &Query) -> Effect {
        lines::effect(&self.logs, query, self.baseline, self.incident)
    }

    /// The effect of a trace that begins with this operation: what the traces of the incident show here.
    pub fn trace(&self, operation: &str) -> Effect {
        spans::effect(&self.operations, operation)
    }

    /// What a trace shows that begins with this operation and was looked for, because it is slow or has failed.
    pub fn found_trace(&self, operation: &str) -> Effect {
        spans::found(&self.operations, operation)
    }

    /// The effect of two heap snapshots of a service here.
    pub fn heap(&self, service: &str) -> Effect {
        let Some(memory) = self.heaps.get(service) else {
            return Effect::default();
        };
        let diff: Diff = crate::heap::diff(&memory.before, &memory.after);
        effect::heap::effect(service, &diff, self.retained(service))
    }

    /// The effect of CPU profiles of a service here.
    pub fn profile(&self, service: &str) -> Effect {
        match self.profiles.get(service) {
            Some([before, after]) => effect::profile::effect(service, before, after),
            None => Effect::refused(format!("no CPU profile of {service} was recorded")),
        }
    }

    fn retained(&self, service: &str) -> Option<Retained> {
        let expr = effect::heap::retained_expr(service);
        let window = Stretch {
            from_s: self.baseline.from_s,
            to_s: self.incident.to_s,
        };
        let series = self.metrics.range(&expr, window).ok()?;
        let samples = &series.first()?.samples;
        let until = |to_s: f64| samples.iter().rfind(|sample| sample.at_s <= to_s);
        Some(Retained {
            before: until(self.baseline.to_s)?.value,
            after: until(self.incident.to_s)?.value,
        })
    }
}

#[cfg(test)]
mod tests;
