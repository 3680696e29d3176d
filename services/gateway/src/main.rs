//! The gateway as a separate program, on port 8080 by default.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::main("gateway", 8080, gateway::build)
}
