//! The embedded Prometheus: scraping, storage, rules, the HTTP API, the graph page, the journal.
//!
//! ```text
//! targets.json -> scrape -> exposition -> store <- promql <- api <- graph page, grader, responder
//!                                         ^  |
//!                                    rules   journal -> metrics.lz4 -> replay
//! ```

pub mod api;
mod clock;
mod duration;
pub mod exposition;
pub mod journal;
mod number;
pub mod page;
pub mod rules;
pub mod scrape;
pub mod store;
