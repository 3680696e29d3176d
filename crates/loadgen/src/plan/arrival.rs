//! Arrival times at a rate that can change.

use rand::{Rng, rngs::StdRng};
use rand_distr::{Distribution, Exp1};

use crate::Arrival;

/// Draws arrival times. Intervals are drawn in *expected arrivals* and converted to time by the rate.
#[derive(Debug)]
pub(super) struct Arrivals {
    rate: f64,
    kind: Arrival,
    rng: StdRng,
    /// All arrivals up to this time are drawn, seconds.
    from_s: f64,
    /// Expected arrivals between `from_s` and the next arrival.
    gap: f64,
}

impl Arrivals {
    pub(super) fn new(rate: f64, kind: Arrival, mut rng: StdRng) -> Self {
        let gap = draw(kind, &mut rng);
        Self {
            rate,
            kind,
            rng,
            from_s: 0.0,
            gap,
        }
    }

    /// Time of the next arrival in seconds; `None` if the rate stays 0.
    pub(super) fn next_at(&self) -> Option<f64> {
        let at_s = self.from_s + self.gap / self.rate;
        (self.rate > 0.0 && at_s.is_finite()).then_some(at_s)
    }

    /// Takes the next arrival.
    pub(super) fn advance(&mut self) -> Option<f64> {
        let at_s = self.next_at()?;
        self.from_s = at_s;
        self.gap = draw(self.kind, &mut self.rng);
        Some(at_s)
    }

    /// Switches to another rate at a moment; the rest of the current interval continues at the new rate.
    pub(super) fn follow(&mut self, at_s: f64, rate: f64) {
        if at_s > self.from_s {
            let passed = self.rate * (at_s - self.from_s);
            self.gap = (self.gap - passed).max(0.0);
            self.from_s = at_s;
        }
        self.rate = rate;
    }
}

fn draw(kind: Arrival, rng: &mut impl Rng) -> f64 {
    match kind {
        Arrival::Poisson => Exp1.sample(rng),
        Arrival::Constant => 1.0,
    }
}
