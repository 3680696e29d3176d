//! The effect of CPU profiles: functions whose share of the processor grew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Change, Direction, Effect};
use text::format::number;

/// A profile of fewer samples says little about shares.
pub const MIN_SAMPLES: u64 = 40;
/// A share must grow by this much at least.
const MIN_SHARE: f64 = 0.1;

/// How often each function was on the stack of a sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Samples in all.
    pub samples: u64,
    /// Samples with the function anywhere on their stack.
    pub functions: BTreeMap<String, u64>,
}

/// The stacks of a folded profile, `outer;inner COUNT` a line, with their samples; lines that are none are passed over.
pub fn stacks(folded: &str) -> impl Iterator<Item = (&str, u64)> {
    folded.lines().filter_map(|line| {
        let (stack, count) = line.rsplit_once(' ')?;
        Some((stack, count.parse().ok()?))
    })
}

impl Shares {
    /// Of folded stacks.
    pub fn of(folded: &str) -> Self {
        let mut shares = Self::default();
        for (stack, count) in stacks(folded) {
            shares.samples += count;
            let mut functions: Vec<&str> = stack.split(';').collect();
            functions.sort_unstable();
            functions.dedup();
            for function in functions {
                *shares.functions.entry(function.to_owned()).or_default() += count;
            }
        }
        shares
    }

    /// Between 0 and 1: the part of the samples with the function on their stack.
    pub fn share(&self, function: &str) -> f64 {
        let count = self.functions.get(function).copied().unwrap_or(0);
        count as f64 / self.samples.max(1) as f64
    }
}

/// What of a service's processor time went elsewhere than before.
pub fn effect(service: &str, before: &Shares, after: &Shares) -> Effect {
    let fewest = before.samples.min(after.samples);
    if fewest < MIN_SAMPLES {
        return Effect::refused(format!(
            "one of the profiles has {fewest} samples; {MIN_SAMPLES} are needed to compare shares"
        ));
    }
    let mut effect = Effect::default();
    for function in after.functions.keys() {
        let (old, new) = (before.share(function), after.share(function));
        let percent = |share: f64| number((1000.0 * share).round() / 10.0);
        let change = Change {
            size: new - old,
            strength: (new - old) / MIN_SHARE.max(0.5 * old),
            services: [service.to_owned()].into(),
            what: format!(
                "{} % of the samples before, {} % then",
                percent(old),
                percent(new)
            ),
            ..Change::default()
        };
        effect.add(&format!("{service} CPU: {function}"), Direction::Up, change);
    }
    effect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_tells_when_its_share_grew() {
        let before = Shares::of("main;serve;read 50\nmain;serve;write 50\n");
        let after = Shares::of("main;serve;read 20\nmain;serve;write 20\nmain;serve;scan 60\nx\n");
        assert_eq!(before.samples, 100);
        let told = |before: &Shares, after: &Shares| -> Vec<String> {
            let effect = effect("inventory", before, after);
            effect.clear().map(|(one, _)| one.name.clone()).collect()
        };
        assert_eq!(told(&before, &after), ["inventory CPU: scan"]);
        assert_eq!(told(&before, &before), Vec::<String>::new());
        let few = Shares::of("main;scan 3\n");
        assert!(!effect("inventory", &before, &few).is_clear());
    }
}
