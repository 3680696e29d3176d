//! Pointers: the claims of a write-up that a program can look up.
//!
//! ```text
//! trace:<id>                         one trace, e.g. trace:4bf92f3577b34da6a3ce929d0e0e4736 => 480ms
//! promql:<expr>@<time> => <value>    e.g. promql:sum(rate(orders_total[1m]))@page+30s => 0.48
//! log:<query>                        e.g. log:service=checkout level=error "no such column"
//! deploy:<id>                        e.g. deploy:inventory@2026.11.4
//! heap:<before>..<after>             e.g. heap:early..late => 40MB
//! profile:<before>..<after>          e.g. profile:calm..busy
//! ```

mod execute;
mod parse;
pub(crate) mod promql;
mod trace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::effect::Effect;
use crate::evidence::Deploy;
use crate::log_query::Query;
use crate::moment::Moment;
use crate::reference::Probe;
use crate::vocabulary::Kind;
use crate::writeup::Address;

pub use execute::{examine, examine_each, execute};
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
    /// How two CPU profiles differ.
    Profile {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Pointer")]
pub struct Executed {
    /// Where the write-up has it; none for what was looked up on its own.
    #[schemars(with = "Option<String>")]
    pub field: Option<Address>,
    /// As written, shortened.
    pub text: String,
    /// Its kind, if it could be read.
    pub kind: Option<Kind>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a pointer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "is", content = "of")]
#[schemars(rename = "PointerOutcome")]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What is there, in one sentence with numbers.
    pub what: String,
    /// Its time.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<record::instant::Text>")]
    pub at: Option<OffsetDateTime>,
    /// Its value, in the unit of its kind.
    pub value: Option<f64>,
    /// Whether the claimed value is within 10 %; `None` if none was claimed.
    pub value_holds: Option<bool>,
    /// What is different from the baseline.
    pub effect: Effect,
    /// What it is when it is looked up in a reference; none where it means nothing there.
    #[serde(skip)]
    pub probe: Option<Probe>,
    /// What else the grade looks at.
    #[serde(skip)]
    pub detail: Detail,
}

/// What was found, as far as the grade needs it and its effect does not say it.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Detail {
    /// Nothing more.
    #[default]
    Plain,
    /// The entry of the deploy log.
    Deploy(Box<Deploy>),
    /// It could not be looked up, and is taken for granted.
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

    /// What it shows to be different, if it resolves with the value that it claims.
    pub fn effect(&self) -> Option<&Effect> {
        let finding = self.finding().filter(|_| self.resolves());
        finding.map(|finding| &finding.effect)
    }

    /// Whether it resolves and shows something that differs clearly from the baseline.
    pub fn shows(&self) -> bool {
        self.is_granted() || self.effect().is_some_and(Effect::is_clear)
    }

    /// Whether it is taken for granted, because it could not be looked up.
    pub(crate) fn is_granted(&self) -> bool {
        self.finding()
            .is_some_and(|finding| finding.detail == Detail::Granted)
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
