//! The inventory as a separate program, on port 8082 by default.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("inventory", 8082, inventory::build)
}
