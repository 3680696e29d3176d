//! `completions`: a script for a shell, from the clap definitions.

use clap::CommandFactory as _;

use crate::cli::{Cli, write};
use crate::context::Context;
use crate::error::Outcome;

/// Prints the script.
pub(super) fn run(context: &Context, args: &write::Completions) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    // Generated into memory: the generator panics when it cannot write, as into a closed pipe.
    clap_complete::generate(args.shell, &mut Cli::command(), "firedrill", &mut script);
    context.terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
