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

pub(crate) use real::Prometheus;

use crate::support::{is_built, wants_program};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, programs: &[&str], test: fn()| {
        let is_there = programs.iter().all(|program| is_built(program));
        let test = move || {
            test();
            Ok(())
        };
        wants_program(Trial::test(format!("parity::{name}"), test), is_there)
    };
    vec![
        trial(
            "both_prometheus_answer_every_expression_alike",
            &["prometheus"],
            metrics::same_answers,
        ),
        trial(
            "rules_record_and_fire_at_the_same_evaluations",
            &["promtool"],
            rules::same_evaluations,
        ),
        trial(
            "both_jaegers_answer_every_query_alike",
            &["jaeger"],
            traces::same_answers,
        ),
    ]
}
