//! The payment provider as a program of its own; its configuration is one line on standard input.

use std::process::ExitCode;

fn main() -> ExitCode {
    match payment::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}
