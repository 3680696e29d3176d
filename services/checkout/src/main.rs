//! Checkout as a program of its own, on port 8081 unless told otherwise.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("checkout", 8081, checkout::build)
}
