//! Parity, proved by difference: the embedded backends and the real ones get the same input, are asked the same, and must
//! answer the same. Skipped where a real one of the pinned version is missing.
//!
//! What is asked stands in `tests/parity/*.txt`. What is known to differ stands in `differs.txt` files with its cause,
//! and is asserted to differ still.

mod compare;
mod embedded;
mod fixture;
mod list;
mod metrics;
mod real;
mod remote_write;
mod rules;
mod traces;

use libtest_mimic::Trial;

pub(crate) use embedded::{Served, serve};
pub(crate) use real::{Jaeger, Prometheus};

use crate::support::{is_built, trial, wanting};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, &str, fn()); 3] = [
        (
            "prometheus",
            "both_prometheus_answer_every_expression_alike",
            metrics::same_answers,
        ),
        (
            "promtool",
            "rules_record_and_fire_at_the_same_evaluations",
            rules::same_evaluations,
        ),
        (
            "jaeger",
            "both_jaegers_answer_every_query_alike",
            traces::same_answers,
        ),
    ];
    let marked = tests.map(|(program, claim, test)| {
        wanting(is_built(program), vec![trial(module_path!(), claim, test)])
    });
    marked.into_iter().flatten().collect()
}
