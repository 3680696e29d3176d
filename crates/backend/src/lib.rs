//! Placeholder.

pub mod promql;
