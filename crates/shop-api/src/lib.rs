//! The shop's wire: paths, headers and JSON bodies, shared by the services and by whoever calls them.
//!
//! No IO and no behaviour beyond parsing and printing, so that a caller can depend on it for free.

pub mod cart;
pub mod catalogue;
pub mod header;
pub mod money;
pub mod order;
pub mod path;
pub mod payment;
pub mod problem;
pub mod product;
pub mod reservation;
pub mod service;
pub mod sku;
pub mod v1;

pub use money::{Currency, Money};
pub use service::Service;
pub use sku::Sku;
