//! A reference as text: one change a line, in an order that depends on nothing but the changes.

use std::fmt::Write as _;

use super::Reference;
use crate::effect::{Direction, Effect};
use text::format::number;

/// Everything that a new recording may have changed.
pub(super) fn text(reference: &Reference) -> String {
    let mut text = format!(
        "{} ({}{})\nbaseline {:.0} s, incident {:.0} s, {} series\n",
        reference.id,
        reference.page,
        if reference.is_control {
            ", control"
        } else {
            ""
        },
        reference.baseline.length_s(),
        reference.incident.length_s(),
        reference.metrics.len(),
    );
    let mut section = |name: &str, lines: Vec<String>| {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "\n{name}");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    };
    let metrics = reference.changes.iter();
    section(
        "metrics",
        metrics
            .map(|feature| format!("{} {}", sign(feature.direction), feature.name))
            .collect(),
    );
    section("logs", logs(reference));
    section("traces", traces(reference));
    let services = reference.heaps.keys();
    section(
        "heap",
        services
            .flat_map(|name| told(&reference.heap(name)))
            .collect(),
    );
    let services = reference.profiles.keys();
    section(
        "cpu",
        services
            .flat_map(|name| told(&reference.profile(name)))
            .collect(),
    );
    text
}

fn logs(reference: &Reference) -> Vec<String> {
    let lines = reference.logs.iter().filter_map(|logged| {
        let pattern = logged.pattern()?;
        Some(format!(
            "{} {}: {} | {} before, {} then",
            pattern.service, pattern.level, pattern.text, logged.baseline.0, logged.incident.0
        ))
    });
    lines.collect()
}

fn traces(reference: &Reference) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, operation) in &reference.operations {
        lines.push(format!(
            "{name}: {} before, {} then",
            operation.baseline, operation.incident
        ));
        for one in &operation.traits {
            lines.push(format!(
                "  {} {} in {:.0} of 100, up to {}",
                sign(one.direction),
                one.name,
                100.0 * one.share,
                number(one.size)
            ));
        }
    }
    lines
}

fn told(effect: &Effect) -> Vec<String> {
    let clear = effect.clear();
    clear
        .map(|(feature, change)| {
            format!(
                "{} {}: {}",
                sign(feature.direction),
                feature.name,
                change.what
            )
        })
        .collect()
}

const fn sign(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "+",
        Direction::Down => "-",
    }
}
