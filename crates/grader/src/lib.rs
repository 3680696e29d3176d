//! Grades a write-up by the evidence it points to.
//!
//! ```text
//! write-up ──> pointers ──execute──> findings ─┐
//! rubric (sealed) ─────────────────────────────┼──> verdict (pure)
//! facts of the run (page, load record, actions)┤
//! references of the other drills behind a page ┘
//! ```
//!
//! The crate knows Jaeger and Prometheus by their public HTTP APIs and a run by its folder.
//! It refuses to know who serves those APIs, so the embedded and the real backends are graded alike.

#[macro_use]
mod closed;
pub mod alert;
pub mod differential;
pub mod effect;
pub mod evidence;
mod examination;
pub mod heap;
pub mod lineup;
mod log_line;
pub mod log_query;
pub mod mitigation;
pub mod moment;
pub mod pointer;
pub mod reference;
pub mod reproduction;
pub mod rubric;
pub mod unit;
pub mod verdict;
pub mod vocabulary;
pub mod writeup;

pub use examination::{Examined, examine, examine_each};
pub use moment::{Frame, Moment, Window, Windows};
pub use reproduction::Reproduced;
pub use rubric::Rubric;
pub use verdict::{Facts, Verdict, grade};
pub use vocabulary::{Component, Kind, Mechanism, Severity, TriggerKind};
pub use writeup::WriteUp;
