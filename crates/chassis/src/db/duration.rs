//! Duration of database operations: the histograms of this process, by operation.

use std::{collections::HashMap, sync::LazyLock};

use parking_lot::RwLock;
use telemetry::{
    metric::{self as recorded, Histogram},
    names::{label, metric},
};

/// Handles are kept, because looking one up by its label costs more than recording.
static KNOWN: LazyLock<RwLock<HashMap<&'static str, Histogram>>> = LazyLock::new(RwLock::default);

/// The histogram of the operation with this summary; their number is bounded by the statements in the source.
pub(super) fn of(summary: &'static str) -> Histogram {
    let known = KNOWN.read().get(summary).cloned();
    known.unwrap_or_else(|| {
        let histogram = recorded::histogram(
            metric::DB_CLIENT_OPERATION_DURATION,
            [(label::DB_QUERY_SUMMARY, summary.to_owned())],
        );
        KNOWN.write().insert(summary, histogram.clone());
        histogram
    })
}
