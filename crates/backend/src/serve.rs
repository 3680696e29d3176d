//! The role `firedrill serve backend`: four listeners, two halves, one end.

use std::process::ExitCode;

/// Runs the backend until SIGTERM or the end of standard input.
pub fn serve() -> ExitCode {
    ExitCode::FAILURE
}
