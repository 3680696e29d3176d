//! What every listening socket of Firedrill does before a handler sees a request: how many connections there may be, how
//! long a client may take, which hosts are meant, and who has the token.
//!
//! ```text
//! accept (at most so many) -> Stream (time limits) -> hyper -> Body (time limits) -> guard, token -> routes
//! ```
//! All servers go through it, so that no port can be held by requests that are never finished. It knows no route.

mod bearer;
mod body;
mod course;
mod host;
mod server;
mod stream;
#[cfg(test)]
mod tests;

pub use bearer::{bearer, is_same_token};
pub use host::{guard, is_loopback};
pub use server::{Protocol, Server};
pub use stream::Stream;
