//! The payment provider, a third party: it has no telemetry and knows nothing about the shop.
//!
//! Like every child of the runner it reads one line of configuration from standard input, writes one line to standard
//! output when it is ready, and exits when standard input ends.

mod desk;
mod ledger;
mod quota;
mod serve;

pub use crate::{
    ledger::{Ledger, Settings},
    quota::Quota,
    serve::{Config, Error, Listen, router, run},
};
