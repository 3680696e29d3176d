//! Tests that want a program beyond Rust and a C compiler.

use std::path::PathBuf;

use libtest_mimic::Trial;

/// The kind of a test that [`wanting`] marked.
pub(crate) const PROGRAM: &str = "program";

/// Marks tests that want a program beyond Rust and a C compiler: they are skipped, by name, where that is missing.
/// `FIREDRILL_TESTS=programs` runs these alone.
pub(crate) fn wanting(are_there: bool, trials: Vec<Trial>) -> Vec<Trial> {
    let mark = |trial: Trial| trial.with_kind(PROGRAM).with_ignored_flag(!are_there);
    trials.into_iter().map(mark).collect()
}

/// True if a program that a test needs is on PATH; the test is counted as skipped where it is not.
/// Where `FIREDRILL_REQUIRE_PROGRAMS` is set, as in `.ci/run`, a missing one is a failure instead.
pub(crate) fn has_program(program: &str) -> bool {
    find(program, &folders("PATH"), "on PATH").is_some()
}

/// A real backend that tests compare with: built by `tests/tools/build`, or on PATH. The test that wants it is counted
/// as skipped where there is none, and fails where `FIREDRILL_REQUIRE_PROGRAMS` is set.
pub(crate) fn tool(program: &str) -> Option<PathBuf> {
    let folders = [folders("FIREDRILL_TOOLS"), folders("PATH")].concat();
    let place = "in FIREDRILL_TOOLS or on PATH; `tests/tools/build` builds it";
    find(program, &folders, place)
}

/// True if a real backend is there in the very version that `tests/tools/versions` names: tests that compare answer with
/// answer cannot take whatever is on PATH. Missing ones are treated as by [`tool`].
pub(crate) fn is_built(program: &str) -> bool {
    let place = "in FIREDRILL_TOOLS; `tests/tools/build` builds it";
    find(program, &folders("FIREDRILL_TOOLS"), place).is_some()
}

fn folders(variable: &str) -> Vec<PathBuf> {
    let value = std::env::var_os(variable).unwrap_or_default();
    std::env::split_paths(&value).collect()
}

fn find(program: &str, folders: &[PathBuf], place: &str) -> Option<PathBuf> {
    let mut paths = folders.iter().map(|folder| folder.join(program));
    let found = paths.find(|path| path.is_file());
    assert!(
        found.is_some() || std::env::var_os("FIREDRILL_REQUIRE_PROGRAMS").is_none(),
        "`{program}` must be {place}"
    );
    found
}
