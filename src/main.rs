//! `firedrill`: parse the command line, run one command, turn the outcome into an exit code.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use firedrill::{
    cli::{Cli, Command},
    commands, context, error,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Serve(args)) = &cli.command {
        return commands::serve::run(args);
    }
    let style = context::style(cli.global.color, std::io::stderr().is_terminal());
    match commands::run(cli) {
        Ok(outcome) => outcome.into(),
        // The reader of our output went away (`firedrill logs | head`): there is no reader.
        Err(error) if error::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("{}", error::render(&error, style));
            error::exit_code(&error).into()
        }
    }
}
