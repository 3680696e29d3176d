//! Compiles the references that are there into the program: one may be missing, and is then told as a problem of its drill.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let folder = Path::new("../../scenarios/references");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry?.path().canonicalize())
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "reference"));
    files.sort();
    let mut table = "&[\n".to_owned();
    for path in &files {
        let id = path.file_stem().unwrap_or_default().display().to_string();
        // Writing to a String cannot fail.
        let _ = writeln!(table, "    ({id:?}, include_bytes!({path:?})),");
    }
    table.push(']');
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or_else(|| std::io::Error::other("OUT_DIR is not set"))?;
    std::fs::write(out.join("references.rs"), table)
}
