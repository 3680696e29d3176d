//! How long database operations take: the histograms of this process, by operation.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use telemetry::{
    metric::{self as recorded, Histogram},
    names::{label, metric},
};

/// Handles are kept, because finding one by its label costs more than recording.
static KNOWN: LazyLock<RwLock<HashMap<&'static str, Histogram>>> = LazyLock::new(RwLock::default);

/// The histogram of the operation with this summary. There are as many as statements in the source.
pub(super) fn of(summary: &'static str) -> Histogram {
    let known = KNOWN
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(summary)
        .cloned();
    known.unwrap_or_else(|| {
        let histogram = recorded::histogram(
            metric::DB_CLIENT_OPERATION_DURATION,
            [(label::DB_QUERY_SUMMARY, summary.to_owned())],
        );
        KNOWN
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(summary, histogram.clone());
        histogram
    })
}
