//! A sparse histogram with the buckets of an HDR histogram of three significant digits.
//!
//! A second of one route has a handful of values, for which a dense histogram would take 100 kB.

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Values below 2048 microseconds are exact, larger ones accurate to 0.1 %, as in an HDR histogram of three digits.
const EXACT_BITS: u32 = 11;

/// Counts of latencies; merging is lossless.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latency {
    /// Lower bound of the bucket in microseconds and its count, ascending.
    buckets: Vec<(u32, u32)>,
    sum_us: u64,
}

impl Latency {
    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .map(|&(_, count)| u64::from(count))
            .sum()
    }

    /// The sum of all values in microseconds, exact.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// Number of values above a threshold in microseconds, accurate to the width of its bucket (0.1 %).
    pub fn above(&self, threshold_us: u32) -> u64 {
        let first = self
            .buckets
            .partition_point(|&(us, _)| us <= bucket(threshold_us));
        self.buckets[first..]
            .iter()
            .map(|&(_, count)| u64::from(count))
            .sum()
    }

    /// A dense histogram in microseconds with the same counts, for quantiles.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).expect("three digits are supported");
        for &(us, count) in &self.buckets {
            histogram
                .record_n(u64::from(us), u64::from(count))
                .expect("the histogram grows as needed");
        }
        histogram
    }

    /// Adds a value `count` times.
    pub(crate) fn add(&mut self, us: u32, count: u32) {
        self.sum_us += u64::from(us) * u64::from(count);
        self.add_bucket(bucket(us), count);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum_us += other.sum_us;
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        for &(us, count) in &other.buckets {
            self.add_bucket(us, count);
        }
    }

    fn add_bucket(&mut self, us: u32, count: u32) {
        match self.buckets.binary_search_by_key(&us, |&(us, _)| us) {
            Ok(index) => {
                let have = &mut self.buckets[index].1;
                *have = have.saturating_add(count);
            }
            Err(index) => self.buckets.insert(index, (us, count)),
        }
    }
}

fn bucket(us: u32) -> u32 {
    let shift = (u32::BITS - us.leading_zeros()).saturating_sub(EXACT_BITS);
    us >> shift << shift
}

impl Serialize for Latency {
    /// `[sum, us, count, us, count, …]`, each `us` as the difference from the previous one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        let pairs = self.buckets.iter().flat_map(|&(us, count)| {
            let step = us - before;
            before = us;
            [u64::from(step), u64::from(count)]
        });
        serializer.collect_seq(std::iter::once(self.sum_us).chain(pairs))
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<u64>::deserialize(deserializer)?;
        let Some((&sum_us, pairs)) = numbers.split_first() else {
            return Err(de::Error::custom("a latency must start with its sum"));
        };
        let (pairs, []) = pairs.as_chunks::<2>() else {
            return Err(de::Error::custom(
                "a latency must have pairs of value and count",
            ));
        };
        let narrow = |number: u64| {
            u32::try_from(number).map_err(|_| de::Error::custom("a latency is out of range"))
        };
        let mut latency = Self {
            buckets: Vec::with_capacity(pairs.len()),
            sum_us,
        };
        let mut us = 0;
        for &[step, count] in pairs {
            us = narrow(u64::from(us).saturating_add(step))?;
            latency.add_bucket(us, narrow(count)?);
        }
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_a_dense_histogram() {
        let mut dense: Histogram<u64> = Histogram::new(3).expect("three digits");
        let mut sparse = Latency::default();
        let mut us: u32 = 1;
        while us < 2_000_000_000 {
            dense.record(u64::from(us)).expect("grows");
            sparse.add(us, 1);
            us += us / 7 + 1;
        }
        let sparse = sparse.histogram();
        for percent in 0..=100 {
            let quantile = f64::from(percent) / 100.0;
            assert_eq!(
                sparse.value_at_quantile(quantile),
                dense.value_at_quantile(quantile),
                "{percent} %"
            );
        }
    }

    #[test]
    fn values_above_a_threshold_are_counted() {
        let mut latency = Latency::default();
        for us in [100, 999, 1_000, 1_001, 300_000, 900_000] {
            latency.add(us, 2);
        }
        for (threshold_us, expected) in
            [(0, 12), (1_000, 6), (1_001, 4), (500_000, 2), (u32::MAX, 0)]
        {
            assert_eq!(latency.above(threshold_us), expected, "{threshold_us}");
        }
    }

    #[test]
    fn damaged_text_is_rejected() {
        for text in [
            "[]",
            "[1,2]",
            "[1,4294967296,1]",
            "[1,1,4294967296]",
            "[1,-1,1]",
            "{}",
        ] {
            assert!(serde_json::from_str::<Latency>(text).is_err(), "{text}");
        }
    }
}
