//! Arrival times along a rate that changes.

use rand::{Rng, rngs::StdRng};
use rand_distr::{Distribution, Exp1};

use crate::{Arrival, load::Curve};

/// Draws arrival times. Intervals are drawn in *expected arrivals* and converted to time by the rate.
#[derive(Debug)]
pub(super) struct Arrivals {
    curve: Curve,
    kind: Arrival,
    rng: StdRng,
    /// All arrivals up to this time are drawn, seconds.
    from_s: f64,
    /// Expected arrivals between `from_s` and the next arrival.
    gap: f64,
}

impl Arrivals {
    pub(super) fn new(curve: Curve, kind: Arrival, mut rng: StdRng) -> Self {
        let gap = draw(kind, &mut rng);
        Self {
            curve,
            kind,
            rng,
            from_s: 0.0,
            gap,
        }
    }

    /// Time of the next arrival in seconds; `None` if the rate stays 0.
    pub(super) fn next_at(&self) -> Option<f64> {
        self.curve.after(self.from_s, self.gap)
    }

    /// Takes the next arrival.
    pub(super) fn advance(&mut self) -> Option<f64> {
        let at_s = self.next_at()?;
        self.from_s = at_s;
        self.gap = draw(self.kind, &mut self.rng);
        Some(at_s)
    }

    /// Switches to another curve at a moment; the rest of the current interval continues at the new rate.
    pub(super) fn follow(&mut self, at_s: f64, curve: Curve) {
        if at_s > self.from_s {
            let passed = self.curve.arrivals_between(self.from_s, at_s);
            self.gap = (self.gap - passed).max(0.0);
            self.from_s = at_s;
        }
        self.curve = curve;
    }
}

fn draw(kind: Arrival, rng: &mut impl Rng) -> f64 {
    match kind {
        Arrival::Poisson => Exp1.sample(rng),
        Arrival::Constant => 1.0,
    }
}
