//! Numbers as a median with its range, rows as an aligned table.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    figure: String,
    reach: String,
    measured: String,
}

impl Row {
    /// `reach` is empty for what is told along with a figure and has no goal of its own.
    pub(crate) fn new(figure: &str, reach: &str, measured: String) -> Self {
        Self {
            figure: figure.to_owned(),
            reach: reach.to_owned(),
            measured,
        }
    }
}

/// The rows under their headings.
pub(crate) fn text(rows: &[Row]) -> String {
    let widest = |cell: fn(&Row) -> &str, heading: &str| {
        let cells = rows.iter().map(|row| cell(row).chars().count());
        cells.chain([heading.len()]).max().unwrap_or_default()
    };
    let figure = widest(|row| &row.figure, "figure");
    let reach = widest(|row| &row.reach, "reach");
    let mut text = String::new();
    let heading = Row::new("figure", "reach", "measured".to_owned());
    for row in [heading].iter().chain(rows) {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{:figure$}  {:reach$}  {}",
            row.figure, row.reach, row.measured
        );
    }
    text
}

/// The middle one; of two in the middle, the upper.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// `12.3 ms [10.1 to 15.0, 5 rounds]`.
pub(crate) fn spread(numbers: &[f64], unit: &str, digits: usize) -> String {
    let (low, high) = numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
            (low.min(*number), high.max(*number))
        });
    format!(
        "{:.digits$}{unit} [{low:.digits$} to {high:.digits$}, {} rounds]",
        median(numbers),
        numbers.len()
    )
}
