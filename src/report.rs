//! The write-up's text format, its template, and how a verdict is shown.
//!
//! ```text
//! report.md ──format──> grader::WriteUp ──grader──> grader::Verdict ──render──> text, JSON, one HTML page
//! ```

pub mod check;
pub mod edit;
pub(crate) mod file;
pub mod format;
pub mod html;
pub mod impact;
mod picture;
mod rival;
#[cfg(test)]
pub(crate) mod sample;
pub mod template;
pub mod text;

pub use check::{Checked, check};
pub use edit::Draft;
pub use format::{draft, parse};
pub use html::html;
pub use template::{Known, Noticed, template, vocabulary};
pub use text::{rivals, verdict};
