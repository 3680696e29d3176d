//! What can be looked up in a reference as a pointer is in a run.

use crate::effect::Effect;
use crate::effect::expression::Expression;
use crate::log_query::Query;

use super::Reference;

/// A pointer without what holds it to one run: times and ids.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// An expression.
    Promql(Expression),
    /// A log query.
    Log(Query),
    /// A trace that begins with this operation: `gateway POST /v1/orders`.
    Trace(String),
    /// The heap of a service.
    Heap(String),
    /// The processor time of a service.
    Profile(String),
}

impl Probe {
    /// What it shows in a reference.
    pub fn effect(&self, reference: &Reference) -> Result<Effect, String> {
        match self {
            Self::Promql(expression) => reference.promql(expression),
            Self::Log(query) => Ok(reference.log(query)),
            Self::Trace(operation) => Ok(reference.trace(operation)),
            Self::Heap(service) => Ok(reference.heap(service)),
            Self::Profile(service) => Ok(reference.profile(service)),
        }
    }

    /// What it shows in the reference of the drill itself, taken for a run of it: with the services at which it shows, and
    /// of traces what one that was looked for shows.
    pub fn shown(&self, reference: &Reference) -> Result<Effect, String> {
        match self {
            Self::Trace(operation) => Ok(reference.found_trace(operation)),
            Self::Promql(expression) => reference.placed_promql(expression),
            other => other.effect(reference),
        }
    }
}
