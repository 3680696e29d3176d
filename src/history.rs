//! The graded runs of a state folder, oldest first: how somebody does, over time.

pub(crate) mod picture;

use std::path::Path;

use grader::verdict::Taken;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::recorded;
use crate::session::StateDir;

/// One run that was graded and counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Graded {
    /// The run's id.
    pub(crate) run: String,
    /// When it began, RFC 3339.
    pub(crate) at: String,
    /// The drill's id.
    pub(crate) drill: String,
    /// Its level.
    pub(crate) level: u8,
    pub(crate) passed: bool,
    pub(crate) score: u32,
    pub(crate) pass_mark: u32,
    /// Seconds to detect, localise, diagnose and mitigate, as far as they are on record.
    pub(crate) times: Vec<Time>,
}

/// How long one part of the work took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Time {
    pub(crate) name: String,
    pub(crate) seconds: Option<f64>,
}

/// The part of a verdict that is told here; older verdicts have less.
#[derive(Deserialize)]
struct Verdict {
    passed: bool,
    score: u32,
    pass_mark: u32,
    #[serde(default)]
    conduct: Conduct,
}

#[derive(Default, Deserialize)]
struct Conduct {
    #[serde(default)]
    times: Vec<Taken>,
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

/// All of them. A run that was not graded, turned out void, or whose verdict cannot be read is none.
pub(crate) fn graded(state: &StateDir) -> Vec<Graded> {
    let runs = state.recorded();
    let read = |run: &String| read(run, &state.runs().join(run));
    runs.iter().filter_map(read).collect()
}

fn read(run: &str, folder: &Path) -> Option<Graded> {
    let verdict = std::fs::read(folder.join("verdict.json")).ok()?;
    let verdict: Verdict = serde_json::from_slice(&verdict).ok()?;
    if folder.join("void.json").exists() {
        return None;
    }
    let head = std::fs::read(folder.join("run.json")).ok()?;
    let head: Value = serde_json::from_slice(&head).ok()?;
    // Only what is told of it, so that a drill of another version is told, too.
    let scenario = std::fs::read_to_string(recorded::kept(folder)?).ok()?;
    let scenario: Scenario = toml::from_str(&scenario).ok()?;
    let time = |taken: Taken| Time {
        name: taken.name,
        seconds: taken.seconds,
    };
    Some(Graded {
        run: run.to_owned(),
        at: head["started"].as_str()?.to_owned(),
        drill: scenario.id,
        level: scenario.level,
        passed: verdict.passed,
        score: verdict.score,
        pass_mark: verdict.pass_mark,
        times: verdict.conduct.times.into_iter().map(time).collect(),
    })
}
