//! The grade: a pure function of rubric, write-up, executed pointers and facts of the run.

mod alert;
mod calibration;
mod cause;
mod clinch;
mod conditions;
mod conduct;
mod impact;
mod items;
mod leniency;
mod reproduction;
mod response;

pub use conduct::{Conduct, Glance, Taken, Worth};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::evidence::{Deploy, Look};
use crate::examination::Examined;
use crate::mitigation::Measurement;
use crate::moment::Frame;
use crate::pointer::{Executed, Tells};
use crate::rubric::Rubric;
use crate::writeup::{Claim, WriteUp};

/// What the run itself knows and no telemetry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Run id.
    pub run: String,
    /// Start, page, end, and the sealed windows.
    pub frame: Frame,
    /// When the change happened that set it off; `None` in a control.
    #[serde(with = "time::serde::rfc3339::option")]
    pub trigger_at: Option<OffsetDateTime>,
    /// Impact by the load generator's record; `None` if it could not be had.
    pub impact: Option<ImpactTruth>,
    /// The run's deploy history, actions of the responder included.
    pub deploys: Vec<Deploy>,
    /// What the responder did to the system.
    pub actions: Vec<Action>,
    /// The indicator after it; `None` where the rubric has no mitigation.
    pub mitigation: Option<Measurement>,
    /// What the responder looked at, oldest first.
    #[serde(default)]
    pub looks: Vec<Look>,
}

/// Impact by the load generator's record, over the routes that the rubric names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImpactTruth {
    /// First affected second; `None` if nobody was affected.
    #[serde(with = "time::serde::rfc3339::option")]
    pub start: Option<OffsetDateTime>,
    /// Last affected second; `None` while it goes on.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
    /// Requests between start and end.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those slower than the rubric's limit.
    pub slow: u64,
    /// 99th percentile between start and end, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// Something the responder did to the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The command without its program: `rollback inventory`.
    pub what: String,
}

/// The grade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Run id.
    pub run: String,
    /// Whether it passed: enough points, and every condition met.
    pub passed: bool,
    /// Whether something could not be checked, so that grading again may give another result.
    pub incomplete: bool,
    /// Why it could not be proven that the drill counts, if it could not.
    pub unproven: Option<String>,
    /// Points, 0 to 100.
    pub score: u32,
    /// Points that pass.
    pub pass_mark: u32,
    /// What must be met whatever the points are.
    pub conditions: Vec<Condition>,
    /// Points one by one.
    pub items: Vec<Item>,
    /// Every pointer with what became of it.
    pub pointers: Vec<Executed>,
    /// How the responder worked; for no points.
    pub conduct: Conduct,
}

/// Something that must be met whatever the points are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// What must be met.
    pub name: String,
    /// Whether it is.
    pub met: bool,
    /// Whether that could not be checked; then it is not held against anyone.
    pub unchecked: bool,
    /// Why, in one or two sentences.
    pub why: String,
}

/// Points for one part of the write-up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// The part.
    pub name: &'static str,
    /// Points earned.
    pub points: f64,
    /// Points that could be earned; 0 if it was not checked.
    pub of: f64,
    /// Why, in one or two sentences with numbers.
    pub why: String,
    /// What would have earned more, without telling the answer before the debrief.
    pub hint: Option<String>,
}

/// Grades a write-up. Does no input or output, reads no clock, and cannot fail.
pub fn grade(rubric: &Rubric, writeup: &WriteUp, examined: Examined, facts: &Facts) -> Verdict {
    let case = Case {
        rubric,
        writeup,
        pointers: &examined.pointers,
        examined: &examined,
        facts,
    };
    let incomplete = examined.is_incomplete();
    let conduct = conduct::conduct(&case);
    let (items, conditions) = leniency::judge(&case);
    let (points, of) = items.iter().fold((0.0, 0.0), |(points, of), item| {
        (points + item.points, of + item.of)
    });
    // Rounded down, so that a score that is shown as the pass mark is one.
    let score = if of > 0.0 {
        (100.0 * points / of + 1e-9).floor() as u32
    } else {
        0
    };
    let stands = |condition: &Condition| condition.met || condition.unchecked;
    let passed = score >= rubric.pass_mark && conditions.iter().all(stands);
    Verdict {
        run: facts.run.clone(),
        passed,
        incomplete,
        unproven: None,
        score,
        pass_mark: rubric.pass_mark,
        conditions,
        items,
        pointers: examined.pointers,
        conduct,
    }
}

/// Every part, with the points for it.
fn items(case: &Case) -> Vec<Item> {
    vec![
        items::severity(case),
        impact::window(case),
        impact::numbers(case),
        items::detection(case),
        items::timeline(case),
        response::trigger(case),
        cause::item(case),
        items::contributing(case),
        items::ruled_out(case),
        items::evidence(case),
        response::mitigation(case),
        items::action_items(case),
        alert::item(case),
        calibration::item(case),
        reproduction::item(case),
    ]
}

/// Share of the points, why, and a hint.
type Answer = (f64, String, Option<String>);

/// Everything that a part of the grade may look at.
struct Case<'a> {
    rubric: &'a Rubric,
    writeup: &'a WriteUp,
    pointers: &'a [Executed],
    examined: &'a Examined,
    facts: &'a Facts,
}

impl<'a> Case<'a> {
    fn says_incident(&self) -> Option<bool> {
        self.writeup.verdict.map(|claim| claim == Claim::Incident)
    }

    /// Pointers of one field of the write-up.
    fn of(&self, claim: &str) -> impl Iterator<Item = &'a Executed> {
        self.pointers
            .iter()
            .filter(move |pointer| pointer.claim() == claim)
    }

    fn proofs(&self, claim: &str) -> impl Iterator<Item = &'a Executed> {
        self.of(claim).filter(|pointer| pointer.proves())
    }

    fn unchecked(&self) -> usize {
        self.pointers
            .iter()
            .filter(|pointer| pointer.is_unchecked())
            .count()
    }

    /// Why the first pointer of a field proves nothing.
    fn why_not(&self, claim: &str) -> String {
        let Some(pointer) = self.of(claim).next() else {
            return "there is none.".to_owned();
        };
        let why = match pointer.finding() {
            Some(finding) if finding.value_holds == Some(false) => {
                format!("the claimed value is wrong: {}", finding.what)
            }
            Some(finding) => match &finding.tells {
                Tells::No(why) => why.clone(),
                Tells::NotAsked => format!(
                    "it resolves ({}), but shows only that something exists, not that it changed",
                    finding.what
                ),
                Tells::Yes(_) => finding.what.clone(),
            },
            None => pointer.sentence(),
        };
        format!("`{}`: {why}.", crate::evidence::shorten(&pointer.text, 80))
    }
}

impl Item {
    fn graded(name: &'static str, share: f64, weight: u32, why: impl Into<String>) -> Self {
        let of = f64::from(weight);
        Self {
            name,
            points: (share.clamp(0.0, 1.0) * of * 10.0).round() / 10.0,
            of,
            why: why.into(),
            hint: None,
        }
    }

    /// Leaves the sum: what could not be checked is nobody's mistake.
    fn unchecked(name: &'static str, why: &str) -> Self {
        Self {
            name,
            points: 0.0,
            of: 0.0,
            why: why.to_owned(),
            hint: None,
        }
    }

    fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

#[cfg(test)]
mod tests;
