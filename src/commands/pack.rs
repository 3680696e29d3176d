//! `firedrill pack`: a run as one file.

use std::path::PathBuf;

use record::{archive, run_of};
use serde::Serialize;
use text::format;

use crate::cli::write::Pack;
use crate::context::Context;
use crate::error::{Error, Outcome};

/// What was written.
#[derive(Serialize)]
struct Archive {
    run: String,
    file: PathBuf,
    files: usize,
    bytes: u64,
}

/// Packs the run into the file named, or into one named after the run.
pub(super) fn run(context: &Context, args: &Pack) -> anyhow::Result<Outcome> {
    let hint = "submit a write-up first, or stop the drill with Ctrl-C";
    let folder = context.ended(args.run.as_deref(), hint)?;
    let run = run_of(&folder);
    let named_after_run = || PathBuf::from(format!("{run}.tar.gz"));
    let file = args.file.clone().unwrap_or_else(named_after_run);
    if file.exists() && !args.force {
        return Err(Error::usage(
            format!("`{}` already exists", file.display()),
            "choose another file, or overwrite it with `--force`",
        )
        .into());
    }
    let progress = context.console.progress("packing the run");
    let packed = archive::pack(&folder, &file)?;
    drop(progress);
    let archive = Archive {
        run,
        file,
        files: packed.files,
        bytes: packed.bytes,
    };
    if args.format.json {
        context.console.json(&archive)?;
    } else {
        let size = format::bytes(archive.bytes as f64);
        let text = format!("{}  {size}\n", archive.file.display());
        context.console.print(&text)?;
    }
    Ok(Outcome::Done)
}
