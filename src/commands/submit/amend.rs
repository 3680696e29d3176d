//! The one amended write-up of a run: graded by its record, with the first one and its verdict kept beside it.

use std::path::{Path, PathBuf};

use grader::Verdict;
use grader::verdict::{FIRST_VERDICT, VERDICT};
use record::{DEBRIEFED, FIRST_WRITE_UP, VERDICT_PAGE, VOID, WRITE_UP, replace};

use crate::context::Context;
use crate::error::Error;

/// What to do where nothing can be amended.
const GRADE_ONLY: &str =
    "`firedrill submit FILE --run RUN` grades any write-up by the record and changes nothing";

/// The folder of a run whose write-up may be amended; or why it may not.
pub(super) fn folder(context: &Context, run: Option<&str>) -> anyhow::Result<PathBuf> {
    if let Some(run) = run.filter(|run| Path::new(run).is_file()) {
        let message = format!("`{run}` is an archive, which cannot be amended");
        return Err(Error::usage(message, GRADE_ONLY).into());
    }
    let hint = "the first write-up is submitted without `--amend`";
    let folder = context.ended(run, hint)?;
    refusal(&folder)?.map_or(Ok(folder), |refusal| Err(refusal.into()))
}

/// Whether the write-up of a run may be amended.
pub(in crate::commands) fn is_open(folder: &Path) -> bool {
    matches!(refusal(folder), Ok(None))
}

fn refusal(folder: &Path) -> Result<Option<Error>, record::Error> {
    let run = record::run_of(folder);
    let refused = |why: &str, hint: &str| Some(Error::usage(format!("run {run} {why}"), hint));
    if VOID.path(folder).exists() {
        return Ok(refused(
            "is void: it does not count",
            "`firedrill run` starts another drill",
        ));
    }
    let Some(verdict) = VERDICT.find(folder)? else {
        return Ok(refused(
            "has no graded write-up that could be amended",
            "name a graded run with `--run RUN`; `firedrill history` lists them",
        ));
    };
    if verdict.amended || FIRST_VERDICT.path(folder).exists() {
        return Ok(refused("was amended already: once is allowed", GRADE_ONLY));
    }
    if DEBRIEFED.path(folder).exists() {
        let why = "cannot be amended any more: `debrief` or a grade of another write-up has shown its answer";
        return Ok(refused(why, GRADE_ONLY));
    }
    Ok(None)
}

/// Puts the amended write-up and its verdict in the place of the first ones, which stay beside them. The verdict comes last:
/// what is cut short before it leaves the first one in force.
pub(super) fn keep(
    folder: &Path,
    text: &str,
    page: &str,
    verdict: &Verdict,
) -> Result<(), record::Error> {
    let first = VERDICT.read(folder)?;
    let write_up = folder.join(WRITE_UP);
    let said = std::fs::read(&write_up).map_err(|error| record::Error::file(&write_up, error))?;
    replace(&folder.join(FIRST_WRITE_UP), &said)?;
    replace(&write_up, text.as_bytes())?;
    replace(&folder.join(VERDICT_PAGE), page.as_bytes())?;
    FIRST_VERDICT.replace(folder, &first)?;
    VERDICT.replace(folder, verdict)
}

#[cfg(test)]
mod tests {
    use record::{Debriefed, Void};
    use time::macros::datetime;

    use super::*;
    use crate::report::sample;

    fn graded() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        VERDICT
            .replace(folder.path(), &sample::verdict())
            .expect("a verdict");
        std::fs::write(folder.path().join(WRITE_UP), "first").expect("a write-up");
        folder
    }

    fn said(folder: &Path) -> String {
        let refusal = refusal(folder).expect("it can be read");
        refusal.map_or_else(|| "allowed".to_owned(), |refusal| refusal.to_string())
    }

    #[test]
    fn a_write_up_is_amended_once_and_before_the_answer_is_shown() {
        let empty = tempfile::tempdir().expect("a temporary folder");
        assert!(said(empty.path()).contains("has no graded write-up"));

        let void = graded();
        let reason = "nothing was to be seen".to_owned();
        VOID.replace(void.path(), &Void { reason }).expect("a mark");
        assert!(said(void.path()).contains("is void"));

        let told = graded();
        let at = datetime!(2026-11-23 10:00 UTC);
        DEBRIEFED
            .replace(told.path(), &Debriefed { at })
            .expect("a mark");
        assert!(said(told.path()).contains("has shown its answer"));

        let run = graded();
        assert_eq!(said(run.path()), "allowed");
        let second = Verdict {
            amended: true,
            score: 90,
            ..sample::verdict()
        };
        keep(run.path(), "second", "page", &second).expect("it can be kept");
        assert!(said(run.path()).contains("was amended already"));
        let read = |name: &str| std::fs::read_to_string(run.path().join(name)).expect(name);
        assert_eq!(
            (read(FIRST_WRITE_UP), read(WRITE_UP)),
            ("first".into(), "second".into())
        );
        assert_eq!(FIRST_VERDICT.read(run.path()), Ok(sample::verdict()));
        assert_eq!(VERDICT.read(run.path()), Ok(second));
        assert_eq!(read(VERDICT_PAGE), "page");
    }
}
