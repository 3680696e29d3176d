//! The shop's HTTP interface: paths, headers and JSON bodies, shared by the services and their callers.
//!
//! Only parsing and printing, no IO, so that it is a cheap dependency.

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
