//! Checkout as a separate program, on port 8081 by default.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("checkout", 8081, checkout::build)
}
