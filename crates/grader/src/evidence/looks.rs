//! What the responder looked at: `queries.jsonl` of the run folder, one line a look.
//!
//! Commands write it, and the embedded backend writes what is asked over its APIs from elsewhere. Each line is one
//! write to a file that only grows, so that a kill loses at most the line that was being written.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Error, lines, shorten};
use crate::moment::Moment;
use crate::pointer::Target;

const FILE: &str = "queries.jsonl";
/// Nobody looks at more in a drill; a script that does is not recorded any further.
const MAX_BYTES: u64 = 1 << 20;
/// Longest text of one look.
const MAX_TEXT: usize = 4096;

/// One look at the evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How.
    pub by: By,
    /// At what kind of thing.
    pub kind: LookKind,
    /// At what: an id, an expression, a query.
    pub what: String,
    /// The moment that an expression was evaluated for, the last of a range; [`Look::at`] if left out.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub time: Option<OffsetDateTime>,
    /// The first moment of a range.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub from: Option<OffsetDateTime>,
}

/// How somebody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// With a command of `firedrill`.
    Command,
    /// Over the API of a backend: a browser, or a program of the responder's.
    Browser,
}

/// What kind of thing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LookKind {
    /// One trace.
    Trace,
    /// A search for traces.
    Traces,
    /// An expression.
    Promql,
    /// Log lines.
    Log,
    /// The deploy history.
    Deploys,
    /// Heap snapshots.
    Heap,
    /// A CPU profile.
    Profile,
    /// A request of one's own.
    Request,
}

impl LookKind {
    /// As people say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Traces => "search for traces",
            Self::Promql => "query",
            Self::Log => "logs",
            Self::Deploys => "deploys",
            Self::Heap => "heap",
            Self::Profile => "profile",
            Self::Request => "request",
        }
    }
}

impl Look {
    /// A look by a command.
    pub fn by_command(kind: LookKind, what: impl Into<String>, at: OffsetDateTime) -> Self {
        Self {
            at,
            by: By::Command,
            kind,
            what: what.into(),
            time: None,
            from: None,
        }
    }

    /// What a pointer to the same thing would point to; `None` where there is no such pointer.
    pub(crate) fn target(&self) -> Option<Target> {
        match self.kind {
            LookKind::Trace => Some(Target::Trace(self.what.clone())),
            LookKind::Promql => Some(Target::Promql {
                expr: self.what.clone(),
                at: Moment::Absolute(self.time.unwrap_or(self.at)),
            }),
            LookKind::Log => self.what.parse().ok().map(Target::Log),
            LookKind::Heap => {
                let (before, after) = self.what.split_once("..")?;
                Some(Target::Heap {
                    before: before.to_owned(),
                    after: after.to_owned(),
                })
            }
            _ => None,
        }
    }
}

/// Reader and writer of what was looked at.
#[derive(Debug, Clone)]
pub struct Looks {
    path: PathBuf,
}

impl Looks {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            path: folder.join(FILE),
        }
    }

    /// Every look, oldest first; the same thing looked at twice in a row is one look.
    pub fn all(&self) -> Result<Vec<Look>, Error> {
        let mut all: Vec<Look> = Vec::new();
        lines::each(&self.path, 2 * MAX_BYTES, |line| {
            // A line of a newer version may be of a kind that is not known here.
            all.extend(serde_json::from_str::<Look>(line));
            true
        })?;
        all.sort_by_key(|look| look.at);
        all.dedup_by(|next, look| (next.kind, &next.what) == (look.kind, &look.what));
        Ok(all)
    }

    /// Writes one down.
    pub fn note(&self, look: &Look) -> Result<(), Error> {
        let failed = |error| lines::unreadable(&self.path, &error);
        let look = Look {
            what: shorten(&look.what, MAX_TEXT),
            ..look.clone()
        };
        let mut line = serde_json::to_vec(&look).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let mut options = File::options();
        let mut file = options
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(failed)?;
        if file.metadata().map_err(failed)?.len() + line.len() as u64 > MAX_BYTES {
            return Ok(());
        }
        // One write call: whoever else appends at the same time does not come between.
        file.write_all(&line).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const AT: OffsetDateTime = datetime!(2026-11-23 10:07:00 UTC);

    #[test]
    fn what_is_noted_is_read_back_and_what_is_torn_is_passed_over() {
        let folder = tempfile::tempdir().expect("there is room");
        let looks = Looks::open(folder.path());
        assert_eq!(looks.all(), Ok(Vec::new()), "nobody looked yet");
        let look = |kind, what: &str, second| {
            Look::by_command(kind, what, AT + time::Duration::seconds(second))
        };
        let expected = [
            look(LookKind::Log, "level=error", 0),
            look(LookKind::Promql, "up", 2),
            look(LookKind::Log, "level=error", 9),
        ];
        for look in [&expected[1], &expected[2], &expected[0]] {
            looks.note(look).expect("there is room");
        }
        looks
            .note(&look(LookKind::Log, "level=error", 11))
            .expect("there is room");
        let mut file = File::options()
            .append(true)
            .open(folder.path().join(FILE))
            .expect("it is there");
        file.write_all(b"{\"at\":\"2026-11-23T10:08:00Z\",\"by\":\"crystal ball\"}\n{\"at\":\"20")
            .expect("there is room");
        assert_eq!(looks.all().expect("it can be read"), expected);
    }

    #[test]
    fn a_script_that_asks_for_ever_fills_no_disk() {
        let folder = tempfile::tempdir().expect("there is room");
        let looks = Looks::open(folder.path());
        for number in 0..400 {
            let what = format!("{number}{}", "x".repeat(1 << 16));
            let look = Look::by_command(LookKind::Promql, what, AT);
            looks.note(&look).expect("there is room");
        }
        let size = std::fs::metadata(folder.path().join(FILE)).map(|file| file.len());
        assert!(size.is_ok_and(|size| size <= MAX_BYTES));
    }
}
