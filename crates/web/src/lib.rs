//! What all pages share: scripts, style, charts, and the headers of an answer.
//!
//! It knows nothing of metrics, traces or drills.

mod asset;
mod link;
mod page;
mod reads;
mod stream;

pub use asset::{JAVASCRIPT, answer, assets, script};
pub use link::{Link, safe};
pub use page::Page;
pub use reads::readable;
pub use stream::Escaped;
