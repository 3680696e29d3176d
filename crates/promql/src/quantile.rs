//! Quantiles: of plain values, and of the cumulative buckets of a classic histogram.

use std::cmp::Ordering;

/// The `q`-quantile of some values, interpolated between neighbours; sorts them, NaN first.
pub(super) fn of_values(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = rank.floor();
    let weight = rank - lower;
    let below = values[lower as usize];
    if weight == 0.0 {
        // An infinite neighbour times nothing would be NaN.
        return below;
    }
    let above = values[(lower as usize + 1).min(last)];
    below * (1.0 - weight) + above * weight
}

/// Ascending, with NaN below everything.
pub(super) fn nan_first(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// One cumulative bucket of a classic histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) upper: f64,
    pub(super) count: f64,
}

/// A difference of counts below this share of their sum is rounding, not a decrease.
const TOLERANCE: f64 = 1e-12;

/// The `q`-quantile of a histogram whose buckets are sorted by upper bound, and whether its counts had to be put in order.
///
/// Within a bucket observations are taken to be spread evenly, and the first bucket to start at 0.
pub(super) fn of_buckets(q: f64, buckets: &mut Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if !has_infinite_bucket(buckets) {
        return (f64::NAN, false);
    }
    join_equal_bounds(buckets);
    let is_forced = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, is_forced);
    }
    let mut rank = q * observations;
    // A NaN rank falls into the last bucket.
    let is_below = |bucket: &Bucket| bucket.count.partial_cmp(&rank).is_none_or(Ordering::is_lt);
    let hit = buckets[..last].partition_point(is_below);
    if hit == last {
        return (buckets[last - 1].upper, is_forced);
    }
    let Bucket { upper, mut count } = buckets[hit];
    if hit == 0 && upper <= 0.0 {
        return (upper, is_forced);
    }
    let mut lower = 0.0;
    if hit > 0 {
        lower = buckets[hit - 1].upper;
        count -= buckets[hit - 1].count;
        rank -= buckets[hit - 1].count;
    }
    (lower + (upper - lower) * (rank / count), is_forced)
}

/// The share of observations between two values, of buckets sorted by upper bound.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !has_infinite_bucket(buckets) {
        return f64::NAN;
    }
    join_equal_bounds(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets) - rank_of(lower, buckets)) / count
}

/// How many observations lie below a value.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let total = buckets[buckets.len() - 1].count;
    let mut start = if buckets[0].upper <= 0.0 {
        f64::NEG_INFINITY
    } else {
        0.0
    };
    let mut rank = 0.0;
    for bucket in buckets {
        if start >= value {
            return f64::min(rank, total);
        }
        if bucket.upper > value {
            // A bucket without a lower bound cannot be interpolated in.
            let inside = if start == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (value - start) / (bucket.upper - start)
            };
            return f64::min(inside, total);
        }
        rank = bucket.count;
        start = bucket.upper;
    }
    total
}

fn has_infinite_bucket(buckets: &[Bucket]) -> bool {
    buckets
        .last()
        .is_some_and(|bucket| bucket.upper == f64::INFINITY)
}

/// Adds up buckets of the same bound: `le="1"` and `le="1.0"` may both exist.
fn join_equal_bounds(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|later, kept| {
        let is_equal = later.upper == kept.upper;
        if is_equal {
            kept.count += later.count;
        }
        is_equal
    });
}

/// Lifts counts that fall below the bucket before; says whether one fell by more than rounding.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut is_forced = false;
    let mut highest = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if bucket.count == highest {
            continue;
        }
        if is_nearly(bucket.count, highest) {
            bucket.count = highest;
        } else if bucket.count < highest {
            bucket.count = highest;
            is_forced = true;
        } else {
            highest = bucket.count;
        }
    }
    is_forced
}

fn is_nearly(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
