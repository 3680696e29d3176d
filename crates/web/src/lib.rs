//! What all pages share: scripts, style, charts, the headers of an answer, and who may ask.
//!
//! It knows nothing of metrics, traces or drills.

mod asset;
mod host;
mod link;
mod page;
mod reads;
mod stream;

pub use asset::{JAVASCRIPT, answer, assets, script};
pub use host::{guard, is_loopback};
pub use link::{Link, safe};
pub use page::Page;
pub use reads::readable;
pub use stream::{Socket, Stream};
