//! The inventory as a program of its own, on port 8082 unless told otherwise.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("inventory", 8082, inventory::build)
}
