//! The rate over time: phases as a scenario writes them, and the curve that arrivals are drawn from.

use serde::{Deserialize, Serialize};

use super::{Problem, is_rate, rate_message};

/// Changes of the rate over time, in order of their start; empty means steady.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(Vec<Phase>);

/// One change of the rate. Times are seconds since the load started, rates are requests per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// Return to the base rate.
    Steady {
        /// Start, in seconds.
        at_s: f64,
    },
    /// Change the rate at once, until the next phase.
    Step {
        /// Start, in seconds.
        at_s: f64,
        /// New rate.
        rate: f64,
    },
    /// Change the rate linearly; it stays there until the next phase.
    Ramp {
        /// Start, in seconds.
        at_s: f64,
        /// Duration of the change, in seconds.
        for_s: f64,
        /// Rate at the end.
        rate: f64,
    },
    /// Change the rate for a while, then return to the previous rate.
    Burst {
        /// Start, in seconds.
        at_s: f64,
        /// Duration, in seconds.
        for_s: f64,
        /// Rate during the burst.
        rate: f64,
    },
}

impl From<Vec<Phase>> for Profile {
    fn from(phases: Vec<Phase>) -> Self {
        Self(phases)
    }
}

impl Phase {
    /// Start of the phase, in seconds.
    pub fn at_s(&self) -> f64 {
        match *self {
            Self::Steady { at_s }
            | Self::Step { at_s, .. }
            | Self::Ramp { at_s, .. }
            | Self::Burst { at_s, .. } => at_s,
        }
    }

    /// Duration of the change, in seconds; 0 if it happens at once.
    pub fn for_s(&self) -> f64 {
        match *self {
            Self::Steady { .. } | Self::Step { .. } => 0.0,
            Self::Ramp { for_s, .. } | Self::Burst { for_s, .. } => for_s,
        }
    }

    fn rate(&self) -> Option<f64> {
        match *self {
            Self::Steady { .. } => None,
            Self::Step { rate, .. } | Self::Ramp { rate, .. } | Self::Burst { rate, .. } => {
                Some(rate)
            }
        }
    }
}

impl Profile {
    /// The phases, in their order in the scenario.
    pub fn phases(&self) -> &[Phase] {
        &self.0
    }

    /// The rate at a moment, in requests per second.
    pub fn rate_at(&self, base: f64, at_s: f64) -> f64 {
        self.curve(base).rate_at(at_s)
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut free_from_s = 0.0;
        for (index, phase) in self.0.iter().enumerate() {
            let mut add = |key: &str, message: String| {
                problems.push(Problem::new(format!("profile[{index}].{key}"), message))
            };
            if !(0.0..=1e6).contains(&phase.at_s()) {
                add("at_s", "must be from 0 to 1e6 seconds".to_owned());
            } else if phase.at_s() < free_from_s {
                add(
                    "at_s",
                    format!(
                        "is {}, before the previous phase ends at {free_from_s}",
                        phase.at_s()
                    ),
                );
            }
            let has_duration = matches!(phase, Phase::Ramp { .. } | Phase::Burst { .. });
            if has_duration && !(phase.for_s() > 0.0 && phase.for_s() <= 1e6) {
                add(
                    "for_s",
                    "must be above 0 and at most 1e6 seconds".to_owned(),
                );
            }
            if let Some(rate) = phase.rate().filter(|&rate| !is_rate(rate)) {
                add("rate", rate_message(rate, "at least 0"));
            }
            free_from_s = f64::max(free_from_s, phase.at_s() + phase.for_s());
        }
        problems
    }

    pub(crate) fn curve(&self, base: f64) -> Curve {
        let mut curve = Curve::steady(base);
        for phase in &self.0 {
            let before = curve.last_rate();
            match *phase {
                Phase::Steady { at_s } => curve.push(at_s, base, 0.0),
                Phase::Step { at_s, rate } => curve.push(at_s, rate, 0.0),
                Phase::Ramp { at_s, for_s, rate } => {
                    curve.push(at_s, before, (rate - before) / for_s);
                    curve.push(at_s + for_s, rate, 0.0);
                }
                Phase::Burst { at_s, for_s, rate } => {
                    curve.push(at_s, rate, 0.0);
                    curve.push(at_s + for_s, before, 0.0);
                }
            }
        }
        curve
    }
}

/// The rate over time as linear pieces; computes when a number of further arrivals will have happened.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    from_s: f64,
    rate: f64,
    /// Change of the rate per second.
    slope: f64,
}

impl Curve {
    pub(crate) fn steady(rate: f64) -> Self {
        Self {
            pieces: vec![Piece {
                from_s: 0.0,
                rate,
                slope: 0.0,
            }],
        }
    }

    pub(crate) fn rate_at(&self, at_s: f64) -> f64 {
        let index = self.index_at(at_s);
        self.pieces[index].rate_at(at_s)
    }

    /// Expected arrivals between two moments.
    pub(crate) fn arrivals_between(&self, from_s: f64, to_s: f64) -> f64 {
        let mut at_s = from_s;
        let mut sum = 0.0;
        for index in self.index_at(from_s)..self.pieces.len() {
            let end_s = self.end_of(index).min(to_s);
            sum += self.pieces[index].arrivals(at_s, end_s);
            at_s = end_s;
            if at_s >= to_s {
                break;
            }
        }
        sum
    }

    /// The time by which `arrivals` have happened since `from_s`; `None` if the rate stays 0 before that.
    pub(crate) fn after(&self, from_s: f64, mut arrivals: f64) -> Option<f64> {
        let mut at_s = from_s;
        for index in self.index_at(from_s)..self.pieces.len() {
            let piece = self.pieces[index];
            let end_s = self.end_of(index);
            let within = if end_s.is_finite() {
                piece.arrivals(at_s, end_s)
            } else {
                f64::INFINITY
            };
            if arrivals <= within {
                return piece.after(at_s, arrivals).filter(|at_s| at_s.is_finite());
            }
            arrivals -= within;
            at_s = end_s;
        }
        None
    }

    fn push(&mut self, from_s: f64, rate: f64, slope: f64) {
        self.pieces.push(Piece {
            from_s,
            rate,
            slope,
        });
    }

    fn last_rate(&self) -> f64 {
        self.pieces.last().map_or(0.0, |piece| piece.rate)
    }

    fn index_at(&self, at_s: f64) -> usize {
        self.pieces
            .partition_point(|piece| piece.from_s <= at_s)
            .saturating_sub(1)
    }

    fn end_of(&self, index: usize) -> f64 {
        self.pieces
            .get(index + 1)
            .map_or(f64::INFINITY, |piece| piece.from_s)
    }
}

impl Piece {
    fn rate_at(&self, at_s: f64) -> f64 {
        self.rate + self.slope * (at_s - self.from_s)
    }

    fn arrivals(&self, from_s: f64, to_s: f64) -> f64 {
        (self.rate_at(from_s) + self.rate_at(to_s)) / 2.0 * (to_s - from_s)
    }

    fn after(&self, from_s: f64, arrivals: f64) -> Option<f64> {
        let rate = self.rate_at(from_s);
        if self.slope == 0.0 {
            return (rate > 0.0).then(|| from_s + arrivals / rate);
        }
        // Solves slope/2 t^2 + rate t = arrivals, in the form that is exact for small slopes.
        let root = (rate * rate + 2.0 * self.slope * arrivals).max(0.0).sqrt();
        Some(from_s + 2.0 * arrivals / (rate + root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile::from(vec![
            Phase::Step {
                at_s: 10.0,
                rate: 100.0,
            },
            Phase::Burst {
                at_s: 20.0,
                for_s: 5.0,
                rate: 400.0,
            },
            Phase::Ramp {
                at_s: 30.0,
                for_s: 10.0,
                rate: 0.0,
            },
            Phase::Steady { at_s: 50.0 },
        ])
    }

    #[test]
    fn each_phase_changes_the_rate() {
        for (at_s, expected) in [
            (0.0, 50.0),
            (9.9, 50.0),
            (10.0, 100.0),
            (22.0, 400.0),
            (25.0, 100.0),
            (35.0, 50.0),
            (45.0, 0.0),
            (50.0, 50.0),
        ] {
            assert_eq!(profile().rate_at(50.0, at_s), expected, "at {at_s} s");
        }
    }

    #[test]
    fn after_is_the_inverse_of_arrivals_between() {
        let curve = profile().curve(50.0);
        for (from_s, to_s) in [
            (0.0, 3.0),
            (5.0, 21.0),
            (24.0, 37.0),
            (33.0, 39.5),
            (36.0, 60.0),
            (55.0, 99.0),
        ] {
            let arrivals = curve.arrivals_between(from_s, to_s);
            let back = curve.after(from_s, arrivals);
            assert!(
                back.is_some_and(|back| (back - to_s).abs() < 1e-6),
                "{from_s}..{to_s}: {back:?}"
            );
        }
    }

    #[test]
    fn a_rate_that_stays_zero_has_no_next_arrival() {
        assert_eq!(Curve::steady(0.0).after(1.0, 1.0), None);
    }

    #[test]
    fn overlapping_phases_are_rejected() {
        let profile = Profile::from(vec![
            Phase::Ramp {
                at_s: 10.0,
                for_s: 10.0,
                rate: 5.0,
            },
            Phase::Step {
                at_s: 15.0,
                rate: 1.0,
            },
        ]);
        let problems = profile.problems();
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].to_string(),
            "`profile[1].at_s` is 15, before the previous phase ends at 20"
        );
    }
}
