//! How people write things and read them: numbers, sizes, durations, times, names, and TOML tables that know their place.
//!
//! No IO: texts in, values out, and back.

pub mod duration;
pub mod format;
pub mod nearest;
pub mod problem;
pub mod table;
pub mod when;

pub use nearest::nearest;
pub use problem::Problem;
