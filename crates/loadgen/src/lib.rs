//! Open-loop, seeded load on the shop, with a latency record of its own.
//!
//! Arrivals are planned from a seed and never wait for answers; latency counts from the planned time, so a stalled
//! server shows in full. Knows nothing of telemetry: the [`Record`] is the truth that telemetry is compared with.
//!
//! ```text
//! Load -> plan (pure: when, what) -> pacer (own thread) -> worker (own runtime, connection pool) -> Record
//! ```

pub mod config;
pub mod handle;
pub mod load;
pub mod record;
pub mod route;
pub mod snapshot;

pub use config::Config;
pub use handle::{Handle, start};
pub use load::{Arrival, Load, Mix, Phase, Problem, Profile};
pub use record::{Cell, ErrorKind, Impact, Record};
pub use route::Route;
pub use snapshot::Snapshot;
