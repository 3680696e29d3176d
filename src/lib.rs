//! The `firedrill` program as a library: the command line, the drill and the console.
//!
//! `main.rs` only parses the arguments and calls [`commands::run`]; tests and tools reach the rest from here.

mod burst;
pub mod cli;
mod clock;
pub mod commands;
pub mod console;
pub mod context;
pub mod control;
pub mod error;
mod guard;
mod history;
mod http;
mod recorded;
pub mod report;
mod runner;
mod runtime;
pub mod scenario;
pub mod session;
mod settings;
mod stack;
mod unpacked;
pub mod verify;
pub mod when;
