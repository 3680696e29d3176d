//! `firedrill serve ROLE`: one process of a drill, as the runner starts them.

use std::process::ExitCode;

use crate::cli::drill::{Role, Serve};

/// Takes the role until it is told to end.
pub fn run(args: &Serve) -> ExitCode {
    match args.role {
        Role::Gateway => gateway::serve(),
        Role::Checkout => checkout::serve(),
        Role::Inventory => inventory::serve(),
        Role::Payment => third_party(),
        Role::Backend => backend::serve(),
        Role::Native => stack::backend::serve_keeper(),
    }
}

fn third_party() -> ExitCode {
    match payment::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
