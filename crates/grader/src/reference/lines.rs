//! The log lines of a reference: how many of each pattern, and some of them whole, for queries that look at fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Stretch;
use crate::effect::log::{Count, Lines, Pattern};
use crate::effect::{self, Effect};
use crate::evidence::LogLine;
use crate::log_query::Query;
use crate::moment::Frame;

/// Lines that are kept of a pattern in each window.
const EXAMPLES: usize = 8;
/// Fields that are another in every run.
const IDENTITY: [&str; 6] = [
    "timestamp",
    "trace_id",
    "span_id",
    "request_id",
    "version",
    "instance",
];

/// The lines of one pattern.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// Lines in the baseline, and some of them.
    pub baseline: (u64, Vec<Map<String, Value>>),
    /// Lines in the incident, and some of them.
    pub incident: (u64, Vec<Map<String, Value>>),
}

/// Collects lines by pattern.
#[derive(Debug, Default)]
pub(super) struct Collector {
    patterns: BTreeMap<Pattern, Logged>,
}

impl Collector {
    /// Takes a line of the baseline or the incident.
    pub(super) fn take(&mut self, line: &LogLine, is_incident: bool) {
        let logged = self.patterns.entry(Pattern::of(line)).or_default();
        let (count, examples) = match is_incident {
            true => &mut logged.incident,
            false => &mut logged.baseline,
        };
        *count += 1;
        let mut fields = line.fields.clone();
        fields.retain(|name, _| !IDENTITY.contains(&name.as_str()));
        // The first ones, and then ever fewer, so that early and late ones are among them.
        match examples.len() < EXAMPLES {
            true => examples.push(fields),
            false if count.is_power_of_two() => {
                let at = count.trailing_zeros() as usize % EXAMPLES;
                examples[at] = fields;
            }
            false => {}
        }
    }

    pub(super) fn finish(self) -> Vec<Logged> {
        self.patterns.into_values().collect()
    }
}

impl Logged {
    /// What kind of lines they are.
    pub(super) fn pattern(&self) -> Option<Pattern> {
        let examples = self.incident.1.iter().chain(&self.baseline.1);
        let fields = examples.into_iter().next()?.clone();
        Some(Pattern::of(&LogLine { at: None, fields }))
    }

    /// Those of them that match: each that was kept stands for its share of all.
    fn matching(&self, query: &Query, frame: &Frame) -> Lines {
        let matcher = query.within(frame);
        let mut lines = Lines::default();
        for (is_incident, (count, examples)) in [(false, &self.baseline), (true, &self.incident)] {
            let share = *count as f64 / examples.len().max(1) as f64;
            let share = match is_incident {
                false => Count {
                    baseline: share,
                    incident: 0.0,
                },
                true => Count {
                    baseline: 0.0,
                    incident: share,
                },
            };
            for fields in examples {
                let line = LogLine {
                    at: None,
                    fields: fields.clone(),
                };
                if matcher.matches(&line) {
                    lines.take(&line, share);
                }
            }
        }
        lines
    }
}

/// The effect of a query over the lines of a reference.
pub(super) fn effect(
    logs: &[Logged],
    query: &Query,
    baseline: Stretch,
    incident: Stretch,
) -> Effect {
    let query = query.general();
    // The query has no times any more, so that any frame will do.
    let frame = Frame {
        started: time::OffsetDateTime::UNIX_EPOCH,
        page: None,
        ended: time::OffsetDateTime::UNIX_EPOCH,
        windows: None,
    };
    let counts: BTreeMap<Pattern, Lines> = logs
        .iter()
        .filter_map(|logged| Some((logged.pattern()?, logged.matching(&query, &frame))))
        .collect();
    let seconds = Count {
        baseline: baseline.length_s(),
        incident: incident.length_s(),
    };
    effect::log::effect(&query, &counts, seconds)
}
