//! The effect of two heap snapshots: functions that grew, in a heap that grew in total, and memory that is held and not used.

use super::{Change, Direction, Effect};
use crate::heap::Diff;
use text::format::bytes as size;

/// Growth below this is chance: the allocator samples once in 512 KiB, and one sample stands for that much.
const MIN_BYTES: i64 = 2 << 20;

/// Bytes that the allocator holds and nobody uses, at the time of each snapshot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retained {
    /// At the first.
    pub before: f64,
    /// At the second.
    pub after: f64,
}

/// Memory of a service that its allocator holds and nobody uses.
pub(crate) fn retained_expr(service: &str) -> String {
    let service = crate::evidence::prometheus::quote(service);
    format!(
        "sum(allocator_resident_bytes{{service={service}}}) - sum(allocator_allocated_bytes{{service={service}}})"
    )
}

/// The most growth between two snapshots that may be chance, in bytes.
fn margin(diff: &Diff) -> i64 {
    MIN_BYTES.max(diff.bytes_before / 10)
}

/// What to do about a heap that grew, but by too little to show anything; `None` if it grew by enough, or not at all.
pub fn too_little(diff: &Diff) -> Option<String> {
    let margin = margin(diff);
    (1..margin).contains(&diff.bytes()).then(|| {
        format!(
            "the allocator only samples, so growth below {} may be chance: let more time pass between two snapshots",
            size(margin as f64)
        )
    })
}

/// What grew in a service between two snapshots of it; memory that is retained is told where it is known.
pub fn effect(service: &str, diff: &Diff, retained: Option<Retained>) -> Effect {
    let margin = margin(diff) as f64;
    let mut effect = Effect::default();
    let change = |bytes: f64, what: String| Change {
        size: bytes,
        strength: bytes / margin,
        services: [service.to_owned()].into(),
        what,
        ..Change::default()
    };
    for growth in &diff.growth {
        // What one function gains and another loses is no growth of the heap.
        let bytes = growth.bytes().min(diff.bytes());
        if bytes > 0 {
            let what = format!("{} more in it", size(growth.bytes() as f64));
            let name = format!("{service} heap: {}", growth.function);
            effect.add(&name, Direction::Up, change(bytes as f64, what));
        }
    }
    if let Some(retained) = retained {
        let more = retained.after - retained.before - diff.bytes().max(0) as f64;
        let what = format!("{} more is held and not in use", size(more));
        let name = format!("{service} memory that is held and not in use");
        effect.add(&name, Direction::Up, change(more.max(0.0), what));
    }
    effect
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{Site, diff};

    fn sites(list: &[(&str, i64)]) -> Vec<Site> {
        list.iter()
            .map(|(function, kib)| Site {
                function: (*function).to_owned(),
                bytes: kib << 10,
                objects: None,
                stack: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn a_function_tells_when_it_and_the_heap_grew() {
        for (before, after, expected) in [
            (
                &[("cache", 1000), ("rest", 500)],
                &[("cache", 4000), ("rest", 600)],
                "cache",
            ),
            (
                &[("cache", 1000), ("rest", 500)],
                &[("cache", 1200), ("rest", 500)],
                "",
            ),
            (
                &[("cache", 1000), ("rest", 3000)],
                &[("cache", 4000), ("rest", 0)],
                "",
            ),
            (
                &[("cache", 1000), ("rest", 500)],
                &[("cache", 998), ("rest", 500)],
                "",
            ),
        ] {
            let effect = effect("gateway", &diff(&sites(before), &sites(after)), None);
            let told: Vec<&str> = effect.clear().map(|(one, _)| one.name.as_str()).collect();
            let expected: Vec<String> = match expected {
                "" => Vec::new(),
                function => vec![format!("gateway heap: {function}")],
            };
            assert_eq!(told, expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_heap_that_grew_by_too_little_says_what_to_do() {
        for (after, expected) in [
            (900, None),
            (1000, None),
            (1600, Some("2.00 MiB")),
            (4000, None),
        ] {
            let diff = diff(&sites(&[("cache", 1000)]), &sites(&[("cache", after)]));
            let said = too_little(&diff);
            assert_eq!(said.is_some(), expected.is_some(), "{after}: {said:?}");
            assert!(
                said.unwrap_or_default()
                    .contains(expected.unwrap_or_default())
            );
        }
    }

    #[test]
    fn memory_that_is_held_is_told_from_memory_that_is_used() {
        let same = diff(&sites(&[("cache", 1000)]), &sites(&[("cache", 1000)]));
        let retained = Retained {
            before: 1e6,
            after: 9e6,
        };
        let effect = effect("gateway", &same, Some(retained));
        let (feature, _) = effect.strongest().expect("it is clear");
        assert_eq!(feature.name, "gateway memory that is held and not in use");
    }
}
