//! A series of values in one line of blocks.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the values between `low` and `high`, one block each; a gap where there is no finite value.
pub fn sparkline(values: &[Option<f64>], low: f64, high: f64) -> String {
    let span = high - low;
    values
        .iter()
        .map(|value| match value {
            Some(value) if value.is_finite() => {
                // A flat line is drawn low, not in the middle: it says "nothing happens".
                let share = if span > 0.0 {
                    (value - low) / span
                } else {
                    0.0
                };
                BLOCKS[((share * 8.0) as usize).min(7)]
            }
            _ => ' ',
        })
        .collect()
}

/// Brings the values to at most `columns`, keeping the highest of each group so that no spike is lost.
pub fn fit(values: &[Option<f64>], columns: usize) -> Vec<Option<f64>> {
    if columns == 0 || values.len() <= columns {
        return values.to_vec();
    }
    (0..columns)
        .map(|column| {
            let group =
                &values[column * values.len() / columns..(column + 1) * values.len() / columns];
            let finite = group
                .iter()
                .flatten()
                .copied()
                .filter(|value| value.is_finite());
            finite.reduce(f64::max)
        })
        .collect()
}

/// The lowest and the highest finite value, if there is one.
pub fn extent(values: &[Option<f64>]) -> Option<(f64, f64)> {
    let finite = || {
        values
            .iter()
            .flatten()
            .copied()
            .filter(|value| value.is_finite())
    };
    Some((finite().reduce(f64::min)?, finite().reduce(f64::max)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], columns: usize, expected: &str) {
        let values: Vec<Option<f64>> = values.iter().map(|value| Some(*value)).collect();
        let (low, high) = extent(&values).unwrap_or((0.0, 0.0));
        assert_eq!(sparkline(&fit(&values, columns), low, high), expected);
    }

    #[test]
    fn values_become_blocks_between_the_lowest_and_the_highest() {
        check(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 80, "▁▂▃▄▅▆▇█");
        check(&[5.0, 5.0, 5.0], 80, "▁▁▁");
        check(&[0.0, f64::NAN, 1.0], 80, "▁ █");
        check(&[], 80, "");
    }

    #[test]
    fn a_spike_survives_in_a_narrow_terminal() {
        check(&[0.0, 0.0, 0.0, 9.0, 0.0, 0.0], 3, "▁█▁");
    }
}
