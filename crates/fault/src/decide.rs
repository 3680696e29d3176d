//! Seeded decisions: the same seed and key give the same decision in every run, on every machine and
//! in any order.
//!
//! Each decision is a function of seed, purpose and key. A shared generator would make decisions depend
//! on the order of concurrent requests.

/// Makes the decisions of one seed and purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decider {
    seed: u64,
}

impl Decider {
    /// Makes decisions by `seed` and `purpose`; purposes are independent of each other.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let seed = purpose
            .bytes()
            .fold(mix(seed), |state, byte| mix(state ^ u64::from(byte)));
        Self { seed }
    }

    /// A uniformly distributed number in `0.0..1.0` for `key`.
    pub fn unit(&self, key: u64) -> f64 {
        // A double holds 53 bits exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let number = (mix(self.seed ^ mix(key)) >> 11) as f64;
        number / (1_u64 << 53) as f64
    }

    /// Whether `key` is in the chosen `share` (0 to 1) of all keys.
    pub fn happens(&self, key: u64, share: f64) -> bool {
        self.unit(key) < share
    }
}

/// Spreads every bit of `state` over all bits (the finaliser of SplitMix64).
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_do_not_depend_on_run_or_order() {
        let decider = Decider::new(7, "payment");
        let chosen: Vec<u64> = (0..40).filter(|key| decider.happens(*key, 0.2)).collect();
        let again: Vec<u64> = (0..40)
            .rev()
            .filter(|key| Decider::new(7, "payment").happens(*key, 0.2))
            .collect();
        assert!(chosen.iter().eq(again.iter().rev()), "{chosen:?} {again:?}");
        let other = Decider::new(8, "payment");
        assert_ne!(decider.unit(1).to_bits(), other.unit(1).to_bits());
    }

    #[test]
    fn shares_are_accurate_to_two_percent() {
        for share in [0.0, 0.01, 0.3, 0.5, 1.0] {
            let decider = Decider::new(42, "share");
            let count = (0..10_000)
                .filter(|key| decider.happens(*key, share))
                .count();
            #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
            let found = count as f64 / 10_000.0;
            assert!((found - share).abs() < 0.02, "{found} for {share}");
        }
    }

    #[test]
    fn purposes_are_independent() {
        let (one, two) = (Decider::new(1, "one"), Decider::new(1, "two"));
        let both = (0..10_000)
            .filter(|key| one.happens(*key, 0.5) && two.happens(*key, 0.5))
            .count();
        assert!((2_300..2_700).contains(&both), "{both} of 10,000");
    }
}
