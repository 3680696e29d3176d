//! Panics as log lines: one `error` line with the message and the location.

use std::panic::PanicHookInfo;

use crate::names::attribute;

/// Replaces the process's panic hook.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(log));
}

fn log(info: &PanicHookInfo<'_>) {
    let message = message(info.payload());
    let location = info
        .location()
        .map(|place| format!("{}:{}", place.file(), place.line()))
        .unwrap_or_default();
    tracing::error!(
        { attribute::PANIC_LOCATION } = location,
        "panicked at {location}: {message}"
    );
}

/// The text of a panic; a payload that is not text has none.
fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
