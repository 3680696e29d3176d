//! One statement of a transaction, with its own span and metric.

use std::time::Instant;

use telemetry::names::attribute;
use tracing::{Span, field::Empty, info_span};

use super::{Statement, duration};

/// Runs one statement of a transaction and records its duration and span.
///
/// Outside of a trace there is no span: background tasks would fill the backend with traces of one span.
pub fn step<T>(
    statement: &'static Statement,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let span = span(statement);
    let started = Instant::now();
    let result = span.in_scope(work);
    let took = started.elapsed();
    if let Err(error) = &result {
        let code = error
            .sqlite_error_code()
            .map_or_else(|| "other".to_owned(), |code| format!("{code:?}"));
        span.record(attribute::ERROR_TYPE, code);
        span.record(attribute::SPAN_STATUS, "error");
    }
    duration::of(statement.summary).record(took.as_secs_f64(), &span);
    result
}

fn span(statement: &'static Statement) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    let (operation, table) = statement
        .summary
        .split_once(' ')
        .unwrap_or((statement.summary, ""));
    info_span!(
        "db",
        { attribute::SPAN_NAME } = statement.summary,
        { attribute::SPAN_KIND } = "client",
        { attribute::SPAN_STATUS } = Empty,
        { attribute::ERROR_TYPE } = Empty,
        { attribute::DB_SYSTEM_NAME } = "sqlite",
        { attribute::DB_OPERATION_NAME } = operation,
        { attribute::DB_COLLECTION_NAME } = table,
        { attribute::DB_QUERY_TEXT } = statement.text,
        { attribute::DB_QUERY_SUMMARY } = statement.summary,
    )
}
