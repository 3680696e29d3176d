//! The `firedrill` program as a library: the command line, the drill and the terminal.
//!
//! `main.rs` only parses the arguments and calls [`commands::run`]; tests and tools reach the rest from here.

mod burst;
pub mod cli;
mod clock;
pub mod commands;
pub mod context;
pub mod control;
pub mod error;
mod history;
mod recorded;
pub mod report;
mod runner;
mod runtime;
pub mod session;
pub mod terminal;
mod unpacked;
pub mod verify;
