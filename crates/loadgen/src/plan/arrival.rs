//! Arrival times along a rate that changes.

use rand::{Rng, rngs::StdRng};
use rand_distr::{Distribution, Exp1};

use crate::{Arrival, load::Curve};

/// Draws arrival times: gaps are drawn in *expected arrivals* and stretched over time by the rate.
#[derive(Debug)]
pub(super) struct Arrivals {
    curve: Curve,
    kind: Arrival,
    rng: StdRng,
    /// Up to here everything has been drawn, seconds.
    from_s: f64,
    /// Expected arrivals that are still to pass after `from_s` before the next one.
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

    /// The next arrival in seconds; `None` while the rate is 0 for good.
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

    /// Goes on along another curve from a moment on; the gap under way is kept, at the new pace.
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
