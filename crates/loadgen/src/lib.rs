//! Open-loop, seeded load on the shop, with its own record of latencies.
//!
//! Arrivals are planned from a seed and never wait for responses. Latency counts from the planned time, so that a stalled
//! server is fully visible. The [`Record`] is independent of telemetry, which is compared with it.
//!
//! ```text
//! Load -> plan (pure: when, what) -> pacer (own thread) -> worker (own runtime, connection pool) -> Record
//! ```

mod client;
pub mod config;
pub mod handle;
mod journey;
pub mod load;
mod pacer;
mod plan;
pub mod record;
pub mod route;
mod traffic;
mod worker;

pub use config::Config;
pub use handle::{Handle, StartError, start};
pub use load::{Arrival, Load, Mix, Problem};
pub use record::{Cell, ErrorKind, Impact, Record};
pub use route::Route;
pub use traffic::{Partner, Traffic};
