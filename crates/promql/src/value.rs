//! Samples, series, and what a query answers.

use super::Labels;

/// The staleness marker: one particular NaN by which a scraper says that a series ended here.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is the staleness marker; an ordinary NaN is not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// One value at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Unix time in milliseconds.
    pub t_ms: i64,
    /// The value; [`STALE`] marks the end of a series.
    pub value: f64,
}

impl Sample {
    /// A value at a moment, Unix time in milliseconds.
    pub fn new(t_ms: i64, value: f64) -> Sample {
        Sample { t_ms, value }
    }
}

/// A label set and its samples in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What identifies the series.
    pub labels: Labels,
    /// Its samples in order of time.
    pub samples: Vec<Sample>,
}

/// One member of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// What identifies the series.
    pub labels: Labels,
    /// Its value at the moment of the query.
    pub sample: Sample,
}

/// What an expression evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(Sample),
    /// A text, and the moment of the query in Unix milliseconds.
    String(i64, String),
    /// An instant vector; sorted only if the expression sorts.
    Vector(Vec<VectorSample>),
    /// A range vector, or the answer to a range query; sorted by labels.
    Matrix(Vec<Series>),
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the expression evaluates to.
    pub value: Value,
    /// What may have made the value wrong, each text once.
    pub warnings: Vec<String>,
    /// What is worth knowing about the expression, each text once.
    pub infos: Vec<String>,
}
