//! Exemplars: which trace a value of a series came from.

use promql::Labels;

/// Characters that the names and values of one exemplar may have, as OpenMetrics says.
pub(crate) const MOST_CHARACTERS: usize = 128;

/// One value of a series, and what it was a value of.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// What names it.
    pub labels: ExemplarLabels,
    /// What was measured.
    pub value: f64,
    /// When, Unix milliseconds.
    pub t_ms: i64,
}

/// The labels of an exemplar. Nearly all are the ids of a span, which are kept as numbers: a fifth of the memory.
#[derive(Debug, Clone, PartialEq)]
pub enum ExemplarLabels {
    /// `span_id` and `trace_id`, both whole and in lower case.
    Span([u8; 16], [u8; 8]),
    /// Any others.
    Other(Labels),
}

impl ExemplarLabels {
    /// Takes pairs of name and value in any order.
    pub fn new<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> ExemplarLabels {
        let (mut trace_id, mut span_id, mut has_others) = (None, None, false);
        for (name, value) in pairs.clone() {
            match name {
                "trace_id" if trace_id.is_none() => trace_id = id(value),
                "span_id" if span_id.is_none() => span_id = id(value),
                _ => has_others = true,
            }
        }
        match (trace_id, span_id) {
            (Some(trace_id), Some(span_id)) if !has_others => {
                ExemplarLabels::Span(trace_id, span_id)
            }
            _ => ExemplarLabels::Other(Labels::new(pairs)),
        }
    }

    /// All of them, by name.
    pub fn to_labels(&self) -> Labels {
        match self {
            ExemplarLabels::Span(trace_id, span_id) => Labels::new([
                ("span_id", hex::encode(span_id)),
                ("trace_id", hex::encode(trace_id)),
            ]),
            ExemplarLabels::Other(labels) => labels.clone(),
        }
    }

    /// Characters of all names and values; ids of a span have too few to count.
    pub(crate) fn characters(&self) -> usize {
        match self {
            ExemplarLabels::Span(..) => 0,
            ExemplarLabels::Other(labels) => labels
                .iter()
                .map(|(name, value)| name.chars().count() + value.chars().count())
                .sum(),
        }
    }
}

/// An id in exactly this many digits, in lower case; anything else would not come back as it was.
fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut id = [0; N];
    let is_read = text.bytes().all(is_lower) && hex::decode_to_slice(text, &mut id).is_ok();
    is_read.then_some(id)
}
