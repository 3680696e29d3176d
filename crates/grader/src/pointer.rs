//! Pointers: the claims of a write-up that a program can look up.
//!
//! ```text
//! trace:<id>                         one trace, e.g. trace:4bf92f3577b34da6a3ce929d0e0e4736 => 480ms
//! promql:<expr>@<time> => <value>    e.g. promql:sum(rate(orders_total[1m]))@page+30s => 0.48
//! log:<query>                        e.g. log:service=checkout level=error "no such column"
//! deploy:<id>                        e.g. deploy:inventory@2026.11.4
//! heap:<before>..<after>             e.g. heap:early..late => 40MB
//! ```

mod execute;
mod parse;
pub(crate) mod promql;
mod trace;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::evidence::{Deploy, LogLine, Trace};
use crate::heap::Diff;
use crate::log_query::Query;
use crate::moment::Moment;
use crate::vocabulary::Kind;
use crate::writeup::Address;

pub(crate) use execute::look_up;
pub use execute::{MAX_POINTERS, examine, execute, size};
pub use parse::ParseError;

/// A parsed pointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Pointer {
    /// What it points to.
    pub target: Target,
    /// The value it is claimed to have.
    pub expected: Option<Expected>,
}

/// What a pointer points to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A trace by id.
    Trace(String),
    /// An expression at a time.
    Promql {
        /// The expression.
        expr: String,
        /// When to evaluate it.
        at: Moment,
    },
    /// Log lines.
    Log(Query),
    /// An entry of the deploy history.
    Deploy(String),
    /// Growth between two heap snapshots.
    Heap {
        /// Name of the first.
        before: String,
        /// Name of the second.
        after: String,
    },
}

/// A claimed value, in the unit of its kind: milliseconds of a trace, seconds or plain numbers of PromQL,
/// lines of a log query, bytes of heap growth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// The number in that unit.
    pub value: f64,
    /// As written.
    pub text: String,
}

/// A pointer with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Executed {
    /// Where the write-up has it; none for what was looked up on its own.
    pub field: Option<Address>,
    /// As written, shortened.
    pub text: String,
    /// Its kind, if it could be read.
    pub kind: Option<Kind>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a pointer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "of")]
pub enum Outcome {
    /// It could not be read.
    Malformed(String),
    /// It points to nothing in this run, or cannot be evaluated.
    Failed(String),
    /// It may be right, but could not be looked at: a backend does not answer.
    Unchecked(String),
    /// It resolves.
    Found(Box<Finding>),
}

/// What a pointer that resolves was found to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What is there, in one sentence with numbers.
    pub what: String,
    /// Its time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
    /// Its value, in the unit of its kind.
    pub value: Option<f64>,
    /// Whether the claimed value is within 10 %; `None` if none was claimed.
    pub value_holds: Option<bool>,
    /// Whether it tells the incident from the time before.
    pub tells: Tells,
    /// What the rubric's clues are compared with.
    #[serde(skip)]
    pub detail: Detail,
}

/// Whether a pointer tells the incident from the time before, and why (not), in one sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "because")]
pub enum Tells {
    /// Not asked, or not a question for this kind.
    NotAsked,
    /// It does.
    Yes(String),
    /// It does not.
    No(String),
}

/// What was found, in full.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Detail {
    /// Not kept: a verdict that is read back has none.
    #[default]
    Unknown,
    /// The trace.
    Trace(Box<Trace>),
    /// The expression.
    Promql(String),
    /// Some of the lines.
    Log(Vec<LogLine>),
    /// The entry.
    Deploy(Deploy),
    /// The growth.
    Heap(Diff),
    /// Nothing: it is taken for granted where it could not be looked up.
    Granted,
}

impl Executed {
    /// What was found, if it resolves.
    pub fn finding(&self) -> Option<&Finding> {
        match &self.outcome {
            Outcome::Found(finding) => Some(finding),
            _ => None,
        }
    }

    /// Whether it could not be looked at.
    pub fn is_unchecked(&self) -> bool {
        matches!(self.outcome, Outcome::Unchecked(_))
    }

    /// Whether it resolves and its claimed value, if any, holds.
    pub fn resolves(&self) -> bool {
        self.finding()
            .is_some_and(|finding| finding.value_holds != Some(false))
    }

    /// Whether it resolves and tells the incident from the time before: what proof is made of.
    pub fn proves(&self) -> bool {
        self.resolves()
            && self
                .finding()
                .is_some_and(|finding| matches!(finding.tells, Tells::Yes(_)))
    }

    /// Where the write-up has it, as text: `cause.evidence[0]`.
    pub fn address(&self) -> String {
        self.field
            .map_or_else(String::new, |address| address.to_string())
    }

    /// One sentence about what became of it, for people.
    pub fn sentence(&self) -> String {
        match &self.outcome {
            Outcome::Malformed(why) => format!("cannot be read: {why}"),
            Outcome::Failed(why) => why.clone(),
            Outcome::Unchecked(why) => format!("could not be checked: {why}"),
            Outcome::Found(finding) => finding.what.clone(),
        }
    }
}
