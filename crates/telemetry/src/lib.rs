//! Traces, metrics and logs of one process, and the names they use.
//!
//! The only crate that names the OpenTelemetry SDK. It knows nothing of the shop.

pub mod names;
pub mod propagation;
pub mod request;
