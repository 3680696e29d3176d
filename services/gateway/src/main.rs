//! The gateway as a program of its own, on port 8080 unless told otherwise.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("gateway", 8080, gateway::build)
}
