//! What a search asks for, and the exact check of one span against it.
//!
//! One span must meet all conditions, as in Jaeger: a trace is found when one of its spans matches.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::dictionary::Lookup;
use super::row::Row;
use crate::span::{Kind, Origin, Status, kind_word, text_of};

/// A search. The default finds everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Service that emitted the span.
    pub service: Option<String>,
    /// Name of the span.
    pub operation: Option<String>,
    /// Tags by key and text; all must match.
    pub tags: Vec<(String, String)>,
    /// Earliest start, in nanoseconds since the epoch.
    pub start_min_ns: Option<u64>,
    /// Latest start, in nanoseconds since the epoch.
    pub start_max_ns: Option<u64>,
    /// Shortest duration in nanoseconds.
    pub duration_min_ns: Option<u64>,
    /// Longest duration in nanoseconds.
    pub duration_max_ns: Option<u64>,
    /// At most this many traces, the newest first.
    pub limit: usize,
}

/// A tag condition by what it looks at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Atom {
    /// Failed, or not failed.
    Error(bool),
    Status(Status),
    Kind(Kind),
    ScopeName(String),
    ScopeVersion(String),
    /// An attribute of the resource only.
    Resource(String, String),
    /// An attribute of the span, its events, its links, its scope or its resource.
    Plain(String, String),
}

impl Atom {
    /// `None` for a condition that nothing can meet.
    pub(super) fn parse(key: &str, text: &str) -> Option<Self> {
        Some(match key {
            "error" => Self::Error(match text {
                "true" | "1" | "t" | "T" | "TRUE" | "True" => true,
                "false" | "0" | "f" | "F" | "FALSE" | "False" => false,
                _ => return None,
            }),
            "otel.status_code" | "span.status" => {
                Self::Status(match text.to_ascii_uppercase().as_str() {
                    "OK" => Status::Ok,
                    "ERROR" => Status::Error,
                    _ => Status::Unset,
                })
            }
            "span.kind" => {
                let word = text.to_ascii_lowercase();
                let kind = (0..=5)
                    .filter_map(|number| Kind::try_from(number).ok())
                    .find(|kind| kind_word(*kind) == word);
                Self::Kind(kind.unwrap_or_default())
            }
            "otel.scope.name" | "scope.name" | "otel.library.name" => Self::ScopeName(text.into()),
            "otel.scope.version" | "scope.version" | "otel.library.version" => {
                Self::ScopeVersion(text.into())
            }
            _ => match key.strip_prefix("resource.") {
                Some(key) => Self::Resource(key.into(), text.into()),
                None => Self::Plain(key.into(), text.into()),
            },
        })
    }

    /// Says whether the emitter alone meets the condition.
    pub(super) fn matches_origin(&self, origin: &Origin) -> bool {
        match self {
            Self::ScopeName(name) => origin.scope.name == *name,
            Self::ScopeVersion(version) => origin.scope.version == *version,
            Self::Resource(key, text) => has(&origin.resource.attributes, key, text),
            Self::Plain(key, text) => {
                has(&origin.resource.attributes, key, text)
                    || has(&origin.scope.attributes, key, text)
            }
            Self::Error(_) | Self::Status(_) | Self::Kind(_) => false,
        }
    }
}

fn has(attributes: &[KeyValue], key: &str, text: &str) -> bool {
    attributes
        .iter()
        .any(|own| own.key == key && text_is(own, text))
}

fn text_is(attribute: &KeyValue, text: &str) -> bool {
    attribute.value.as_ref().map(text_of).unwrap_or_default() == text
}

impl Query {
    /// The tag conditions, or `None` when one of them can never be met.
    pub(super) fn atoms(&self) -> Option<Vec<Atom>> {
        self.tags
            .iter()
            .map(|(key, text)| Atom::parse(key, text))
            .collect()
    }

    /// Says whether spans that start between these two could match.
    pub(super) fn overlaps(&self, earliest_ns: u64, latest_ns: u64) -> bool {
        self.start_min_ns.is_none_or(|min| latest_ns >= min)
            && self.start_max_ns.is_none_or(|max| earliest_ns <= max)
    }
}

/// A query resolved against one dictionary, so that a row is compared by numbers.
#[derive(Debug)]
pub(super) struct Matcher<'q> {
    query: &'q Query,
    /// By origin number: does it meet the service condition?
    services: Vec<bool>,
    tags: Vec<TagMatch<'q>>,
}

#[derive(Debug)]
struct TagMatch<'q> {
    atom: &'q Atom,
    /// Pairs that meet the condition.
    pairs: Vec<u32>,
    /// By origin number: whether the origin alone meets the condition.
    origins: Vec<bool>,
}

impl<'q> Matcher<'q> {
    pub(super) fn new(
        query: &'q Query,
        atoms: &'q [Atom],
        words: &impl Lookup,
        origins: &[Arc<Origin>],
    ) -> Self {
        let service = query.service.as_deref();
        Self {
            query,
            services: origins
                .iter()
                .map(|origin| service.is_none_or(|service| origin.service == service))
                .collect(),
            tags: atoms
                .iter()
                .map(|atom| TagMatch {
                    atom,
                    pairs: pairs_for(atom, words),
                    origins: origins
                        .iter()
                        .map(|origin| atom.matches_origin(origin))
                        .collect(),
                })
                .collect(),
        }
    }

    pub(super) fn matches(&self, row: &Row<'_>, words: &impl Lookup) -> bool {
        let query = self.query;
        let origin = row.origin as usize;
        self.services.get(origin).copied().unwrap_or(false)
            && query.start_min_ns.is_none_or(|min| row.start_ns >= min)
            && query.start_max_ns.is_none_or(|max| row.start_ns <= max)
            && query
                .duration_min_ns
                .is_none_or(|min| row.duration_ns >= min)
            && query
                .duration_max_ns
                .is_none_or(|max| row.duration_ns <= max)
            && query
                .operation
                .as_deref()
                .is_none_or(|name| words.string(row.name) == name)
            && self.tags.iter().all(|tag| tag.matches(row, words))
    }
}

impl TagMatch<'_> {
    fn matches(&self, row: &Row<'_>, words: &impl Lookup) -> bool {
        if self
            .origins
            .get(row.origin as usize)
            .copied()
            .unwrap_or(false)
        {
            return true;
        }
        match self.atom {
            Atom::Status(status) => row.status == *status,
            Atom::Kind(kind) => row.kind == *kind,
            Atom::Error(wanted) => {
                let failed = row.status == Status::Error || self.has_pair(row, words);
                failed == *wanted
            }
            Atom::Plain(..) => self.has_pair(row, words),
            Atom::ScopeName(_) | Atom::ScopeVersion(_) | Atom::Resource(..) => false,
        }
    }

    fn has_pair(&self, row: &Row<'_>, words: &impl Lookup) -> bool {
        let (mut by_pair, mut by_text) = (false, false);
        row.visit(
            |pair| by_pair |= self.pairs.contains(&pair),
            |key, text| {
                if let Atom::Plain(own, wanted) = self.atom {
                    by_text |= own == key && !wanted.is_empty() && words.string(text) == wanted;
                }
            },
        );
        by_pair || by_text
    }
}

/// The numbers of the pairs that meet a condition. An attribute `error=true` counts as a failure, too:
/// old instrumentation sets it and no status.
fn pairs_for(atom: &Atom, words: &impl Lookup) -> Vec<u32> {
    let (key, text) = match atom {
        Atom::Plain(key, text) => (key.as_str(), text.as_str()),
        Atom::Error(_) => ("error", "true"),
        _ => return Vec::new(),
    };
    (0..words.pair_count())
        .filter(|id| words.has_key(*id, key))
        .filter(|id| text_is(&words.attribute(*id), text))
        .collect()
}
