//! The payment provider: somebody else's service, so it has no telemetry of ours and knows nothing of the shop.
//!
//! It speaks to the runner as every child does: one line of configuration on standard input, one line on standard
//! output when it is ready, and the end of standard input is its end.

mod desk;
mod ledger;
mod quota;
mod serve;

pub use crate::{
    ledger::{Ledger, Settings},
    quota::Quota,
    serve::{Config, Error, Listen, router, run},
};
