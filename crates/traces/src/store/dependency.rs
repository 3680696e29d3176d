//! Which service calls which, from the parents of spans.
//!
//! Parents mostly arrive just after their children. Both are looked for within a window of segments, so that the
//! work needs little memory however full the store is.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use super::codec::MixBuild;
use super::fingerprint;
use super::segment::Edge;
use crate::span::{SpanId, TraceId};

/// Segments within which parent and child find each other: 32,768 spans of all traces.
const WINDOW: usize = 8;

/// Calls from one service to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// The caller.
    pub parent: String,
    /// The callee.
    pub child: String,
    /// How many spans of the callee have a parent in the caller.
    #[serde(rename = "callCount")]
    pub calls: u64,
}

#[derive(Default)]
struct SegmentSpans {
    spans: HashMap<u64, u16, MixBuild>,
    /// Children whose parent has not been seen yet.
    waiting: HashMap<u64, Vec<u16>, MixBuild>,
}

pub(super) struct Calls {
    start_min_ns: u64,
    start_max_ns: u64,
    services: Vec<String>,
    counts: BTreeMap<(u16, u16), u64>,
    window: VecDeque<SegmentSpans>,
}

fn key(trace: &TraceId, span: &SpanId) -> u64 {
    fingerprint(trace) ^ u64::from_be_bytes(*span).rotate_left(17)
}

impl Calls {
    pub(super) fn new(start_min_ns: u64, start_max_ns: u64) -> Self {
        Self {
            start_min_ns,
            start_max_ns,
            services: Vec::new(),
            counts: BTreeMap::new(),
            window: VecDeque::from([SegmentSpans::default()]),
        }
    }

    pub(super) fn next_segment(&mut self) {
        self.window.push_back(SegmentSpans::default());
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
    }

    pub(super) fn add(&mut self, edge: Edge<'_>) {
        if !(self.start_min_ns..=self.start_max_ns).contains(&edge.start_ns) {
            return;
        }
        let service = self.service(edge.service);
        let own = key(&edge.trace_id, &edge.span_id);
        for seen in &mut self.window {
            for child in seen.waiting.remove(&own).unwrap_or_default() {
                *self.counts.entry((service, child)).or_default() += 1;
            }
        }
        // Before its parent is looked for, which it may be itself.
        self.current().spans.insert(own, service);
        if let Some(parent) = edge.parent_id {
            let parent = key(&edge.trace_id, &parent);
            let known = self
                .window
                .iter()
                .rev()
                .find_map(|seen| seen.spans.get(&parent));
            match known {
                Some(caller) => *self.counts.entry((*caller, service)).or_default() += 1,
                None => self
                    .current()
                    .waiting
                    .entry(parent)
                    .or_default()
                    .push(service),
            }
        }
    }

    fn current(&mut self) -> &mut SegmentSpans {
        self.window
            .back_mut()
            .expect("the window starts with one entry and never loses its last")
    }

    fn service(&mut self, name: &str) -> u16 {
        let known = self.services.iter().position(|own| own == name);
        known.unwrap_or_else(|| {
            self.services.push(name.to_owned());
            self.services.len() - 1
        }) as u16
    }

    /// Those within one service too, as Jaeger counts them.
    pub(super) fn finish(self) -> Vec<Dependency> {
        let name = |number: u16| self.services[usize::from(number)].clone();
        self.counts
            .into_iter()
            .map(|((parent, child), calls)| Dependency {
                parent: name(parent),
                child: name(child),
                calls,
            })
            .collect()
    }
}
