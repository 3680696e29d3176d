//! What an answer has to tell beside its value, in Prometheus's words: a prefix, the text, and where in the expression.

use std::collections::{BTreeMap, HashMap};

use promql_parser::parser::Expr;

use super::{Answer, Value};

/// As many of a kind as Prometheus's API gives.
const MOST: usize = 10;

/// Warnings and infos of one evaluation, each text once.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    warnings: BTreeMap<String, Place>,
    infos: BTreeMap<String, Place>,
}

/// What of an expression an annotation is about. Nodes are known by their addresses, which stay while it is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    argument: *const Expr,
    is_call: bool,
}

impl Place {
    /// An argument of a call or of an aggregation.
    pub(super) fn argument(argument: &Expr) -> Self {
        Self {
            argument,
            is_call: false,
        }
    }

    /// The call whose first argument this is.
    pub(super) fn call_of(argument: &Expr) -> Self {
        Self {
            argument,
            is_call: true,
        }
    }
}

impl Annotations {
    pub(super) fn warn(&mut self, text: String, place: Place) {
        self.warnings.entry(text).or_insert(place);
    }

    pub(super) fn inform(&mut self, text: String, place: Place) {
        self.infos.entry(text).or_insert(place);
    }

    /// The answer of this value, with what there is to tell. `positions` are asked for only if there is anything.
    pub(super) fn answer(
        self,
        value: Value,
        positions: impl FnOnce() -> HashMap<Place, String>,
    ) -> Answer {
        let positions = match self.warnings.is_empty() && self.infos.is_empty() {
            true => HashMap::new(),
            false => positions(),
        };
        let written = |kind: &str, found: BTreeMap<String, Place>| {
            let (count, name) = (found.len(), kind);
            let lines = found.into_iter().take(MOST).map(|(what, place)| {
                let position = positions.get(&place);
                let position = position.map_or_else(String::new, |at| format!(" ({at})"));
                format!("PromQL {kind}: {what}{position}")
            });
            let mut lines: Vec<String> = lines.collect();
            if count > MOST {
                lines.push(format!("{} more {name} annotations omitted", count - MOST));
            }
            lines
        };
        Answer {
            value,
            warnings: written("warning", self.warnings),
            infos: written("info", self.infos),
        }
    }
}
