//! The payment provider as a separate program, configured by one line on standard input.

use std::process::ExitCode;

fn main() -> ExitCode {
    match payment::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, there is nowhere to report the error.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}
