//! Straight lines through the samples of a window.

use crate::Sample;
use crate::kahan::Sum;
use crate::range::Window;

/// How much the value changes in a second.
pub(super) fn slope(window: &Window) -> Option<f64> {
    // Any moment near the samples keeps the sums small and exact.
    line(window.samples, window.samples[0].t_ms).map(|(slope, _)| slope)
}

/// The value that the line has `ahead_s` seconds after the moment of the step.
pub(super) fn predict(window: &Window, ahead_s: f64) -> Option<f64> {
    line(window.samples, window.step_time_ms).map(|(slope, value)| slope * ahead_s + value)
}

/// Slope, and value at `origin_ms`, of the least-squares line; `None` for fewer than two samples.
fn line(samples: &[Sample], origin_ms: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = samples else {
        return None;
    };
    if samples.iter().all(|sample| sample.value == first.value) {
        if first.value.is_infinite() {
            return Some((f64::NAN, f64::NAN));
        }
        return Some((0.0, first.value));
    }
    let count = samples.len() as f64;
    let (mut x, mut y, mut xy, mut xx) = (
        Sum::default(),
        Sum::default(),
        Sum::default(),
        Sum::default(),
    );
    for sample in samples {
        let at_s = (sample.t_ms - origin_ms) as f64 / 1000.0;
        x.add(at_s);
        y.add(sample.value);
        xy.add(at_s * sample.value);
        xx.add(at_s * at_s);
    }
    let (x, y, xy, xx) = (x.value(), y.value(), xy.value(), xx.value());
    let slope = (xy - x * y / count) / (xx - x * x / count);
    Some((slope, y / count - slope * x / count))
}
