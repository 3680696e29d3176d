//! What the responder looked at.
//!
//! Commands write it, and the embedded backend writes what is asked over its APIs from elsewhere.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::file::Error;
use crate::{LOOKS, shorten};

/// No responder looks at more in a drill; a script that does is not recorded any further.
const MAX_BYTES: u64 = 1 << 20;
/// Longest text of one look, in characters.
const MAX_TEXT: usize = 4096;

/// One look at the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "crate::instant::Text")]
    pub at: OffsetDateTime,
    /// How.
    pub by: By,
    /// At what kind of thing.
    pub kind: LookKind,
    /// At what: an id, an expression, a query.
    pub what: String,
    /// The moment that an expression was evaluated for, the last of a range; [`Look::at`] if left out.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[schemars(with = "Option<crate::instant::Text>")]
    pub time: Option<OffsetDateTime>,
    /// The first moment of a range.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[schemars(with = "Option<crate::instant::Text>")]
    pub from: Option<OffsetDateTime>,
}

/// How the responder looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LookBy")]
pub enum By {
    /// With a command of `firedrill`.
    Command,
    /// Over the API of a backend: a browser, or a program of the responder's.
    Browser,
}

/// What kind of thing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
}

/// Reader and writer of what was looked at.
#[derive(Debug, Clone)]
pub struct Looks {
    folder: PathBuf,
}

impl Looks {
    /// Of a run folder; nothing is read yet.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Every look, oldest first; the same thing looked at twice in a row is one look.
    pub fn all(&self) -> Result<Vec<Look>, Error> {
        let mut all = LOOKS.readable(&self.folder)?;
        all.sort_by_key(|look| look.at);
        all.dedup_by(|next, look| (next.kind, &next.what) == (look.kind, &look.what));
        Ok(all)
    }

    /// Writes one down.
    pub fn note(&self, look: &Look) -> Result<(), Error> {
        let look = Look {
            what: shorten(&look.what, MAX_TEXT),
            ..look.clone()
        };
        LOOKS.open(&self.folder)?.push_below(MAX_BYTES, &look)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-11-23 10:07:00 UTC);

    #[test]
    fn what_is_noted_is_read_back_and_what_is_torn_is_passed_over() {
        let folder = tempfile::tempdir().expect("there is room");
        let looks = Looks::open(folder.path());
        assert_eq!(looks.all(), Ok(Vec::new()), "no looks yet");
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
            .open(LOOKS.path(folder.path()))
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
        let size = std::fs::metadata(LOOKS.path(folder.path())).map(|file| file.len());
        assert!(size.is_ok_and(|size| size <= MAX_BYTES));
    }
}
