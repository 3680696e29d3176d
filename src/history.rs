//! The graded runs of a state folder, oldest first.

pub(crate) mod picture;

use std::path::Path;

use grader::verdict::{Taken, VERDICT};
use record::{Head, VOID};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use drill::session::StateDir;

/// One run that was graded and counts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "GradedRun")]
pub(crate) struct Graded {
    /// The run's id.
    pub(crate) run: String,
    /// When it began.
    #[serde(with = "record::instant")]
    #[schemars(with = "record::instant::Text")]
    pub(crate) at: OffsetDateTime,
    /// The drill's id.
    pub(crate) drill: String,
    /// Its level.
    pub(crate) level: u8,
    pub(crate) passed: bool,
    pub(crate) score: u32,
    pub(crate) pass_mark: u32,
    /// Whether this is the grade of a second write-up.
    pub(crate) amended: bool,
    /// Seconds to detect, localise, diagnose and mitigate, as far as they are on record.
    pub(crate) times: Vec<Time>,
}

/// How long one part of the work took.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "PartTime")]
pub(crate) struct Time {
    pub(crate) name: String,
    pub(crate) seconds: Option<f64>,
}

/// The part of a scenario that is told here.
#[derive(Deserialize)]
struct Scenario {
    id: String,
    level: u8,
}

impl Graded {
    /// The seconds that a part took, if that is on record.
    pub(crate) fn seconds(&self, part: &str) -> Option<f64> {
        self.times.iter().find(|time| time.name == part)?.seconds
    }
}

/// All of them; a run that was not graded, is void, or has another format is left out.
pub(crate) fn graded(state: &StateDir) -> Vec<Graded> {
    let runs = state.recorded();
    let read = |run: &String| read(&state.runs().join(run));
    runs.iter().filter_map(read).collect()
}

fn read(folder: &Path) -> Option<Graded> {
    let head = Head::read(folder).ok()?;
    let verdict = VERDICT.find(folder).ok()??;
    if VOID.path(folder).exists() {
        return None;
    }
    // Only what is told of it, so that a drill of another version is told, too.
    let scenario = std::fs::read_to_string(record::scenario_file(folder)?).ok()?;
    let scenario: Scenario = toml::from_str(&scenario).ok()?;
    let time = |taken: Taken| Time {
        name: taken.name,
        seconds: taken.seconds,
    };
    Some(Graded {
        run: head.run,
        at: head.started,
        drill: scenario.id,
        level: scenario.level,
        passed: verdict.passed,
        score: verdict.score,
        pass_mark: verdict.pass_mark,
        amended: verdict.amended,
        times: verdict.times.into_iter().map(time).collect(),
    })
}
