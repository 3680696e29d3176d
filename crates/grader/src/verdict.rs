//! The grade: a pure function of rubric, write-up, executed pointers, facts of the run, and the other drills behind its page.

mod alert;
mod calibration;
mod cause;
mod conditions;
mod impact;
mod items;
mod leniency;
mod reproduction;
mod response;
mod settled;
mod times;

use std::borrow::Cow;

pub use conditions::{CAUSE, CLAIM, CONTROL, OTHERS, grounded};
use record::Document;
pub use record::{Action, Counted, Facts, ImpactTruth};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use settled::Comparison;
pub use times::Taken;

use crate::differential::Shown;
use crate::examination::Examined;
use crate::lineup::{Lineup, Row};
use crate::pointer::Executed;
use crate::rubric::Rubric;
use crate::writeup::{Claim, Field, WriteUp};

/// The file of a run folder with its verdict.
pub const VERDICT: Document<Verdict> = Document::new("verdict.json");

/// The first verdict of a run whose write-up was amended.
pub const FIRST_VERDICT: Document<Verdict> = Document::new("verdict.first.json");

/// The grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Run id.
    pub run: String,
    /// The drill; none where the grade alone does not know it, and in verdicts of earlier versions.
    #[serde(default)]
    pub drill: Option<Graded>,
    /// Whether it passed: enough points, and every condition met.
    pub passed: bool,
    /// Whether something could not be checked, so that grading again may give another result.
    pub incomplete: bool,
    /// Whether a second write-up was graded, handed in before the answer was shown.
    #[serde(default)]
    pub amended: bool,
    /// Why it could not be proven that the drill counts, if it could not.
    pub unproven: Option<String>,
    /// Points, 0 to 100; below those that pass where a condition is not met.
    pub score: u32,
    /// Points of the parts alone, 0 to 100.
    pub earned: u32,
    /// Points that pass.
    pub pass_mark: u32,
    /// What must be met whatever the points are.
    pub conditions: Vec<Condition>,
    /// Points one by one.
    pub items: Vec<Item>,
    /// Every pointer with what became of it.
    pub pointers: Vec<Executed>,
    /// The other drills that may be behind the page: what excludes each of them, or that nothing does.
    pub rivals: Vec<Row>,
    /// What the best pointer shows here and in the rivals.
    pub comparison: Option<Comparison>,
    /// How long the parts of the work took; for no points.
    pub times: Vec<Taken>,
}

/// The drill that was graded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GradedDrill")]
pub struct Graded {
    /// Its id.
    pub id: String,
    /// Its difficulty, 1 to 4.
    pub level: u8,
}

/// Something that must be met whatever the points are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Condition {
    /// What must be met.
    pub name: String,
    /// Whether it is.
    pub met: bool,
    /// Whether that could not be checked; then it does not count against anyone.
    pub unchecked: bool,
    /// Why, in one or two sentences.
    pub why: String,
}

/// Points for one part of the write-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// The part.
    pub name: Cow<'static, str>,
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
pub fn grade(
    rubric: &Rubric,
    writeup: &WriteUp,
    examined: Examined,
    facts: &Facts,
    lineup: &Lineup,
) -> Verdict {
    let mut case = Case {
        rubric,
        writeup,
        pointers: &examined.pointers,
        examined: &examined,
        facts,
        lineup,
        shown: &[],
        rows: &[],
    };
    let shown: Vec<Shown> = settled::shown(&case);
    case.shown = &shown;
    let rows = settled::table(&case);
    case.rows = &rows;
    let incomplete = examined.is_incomplete();
    let comparison = settled::comparison(&case);
    let times = times::times(&case);
    let (items, conditions) = leniency::judge(&case);
    let earned = sum(&items);
    let stands = |condition: &Condition| condition.met || condition.unchecked;
    let is_met = conditions.iter().all(stands);
    let score = match is_met {
        true => earned,
        // Below the pass mark, and in the order of what was earned.
        false => earned * (rubric.pass_mark - 1) / 100,
    };
    Verdict {
        run: facts.run.clone(),
        drill: None,
        passed: is_met && score >= rubric.pass_mark,
        incomplete,
        amended: false,
        unproven: None,
        score,
        earned,
        pass_mark: rubric.pass_mark,
        conditions,
        items,
        pointers: examined.pointers,
        rivals: rows,
        comparison,
        times,
    }
}

/// Points of 100; rounded down, so that a score that is shown as the pass mark is one.
fn sum(items: &[Item]) -> u32 {
    let (points, of) = items.iter().fold((0.0, 0.0), |(points, of), item| {
        (points + item.points, of + item.of)
    });
    match of > 0.0 {
        true => (100.0 * points / of + 1e-9).floor() as u32,
        false => 0,
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
    lineup: &'a Lineup,
    /// Every pointer with what it shows here and in the references.
    shown: &'a [Shown],
    rows: &'a [Row],
}

impl<'a> Case<'a> {
    fn says_incident(&self) -> Option<bool> {
        self.writeup.verdict.map(|claim| claim == Claim::Incident)
    }

    /// Pointers of one field of the write-up.
    fn of(&self, field: Field) -> impl Iterator<Item = &'a Executed> {
        of(self.pointers, field)
    }

    fn unchecked(&self) -> usize {
        self.pointers
            .iter()
            .filter(|pointer| pointer.is_unchecked())
            .count()
    }
}

/// Pointers of one field of the write-up.
fn of(pointers: &[Executed], field: Field) -> impl Iterator<Item = &Executed> {
    let is_of = move |pointer: &&Executed| pointer.field.is_some_and(|at| at.field == field);
    pointers.iter().filter(is_of)
}

impl Item {
    fn graded(name: &'static str, share: f64, weight: u32, why: impl Into<String>) -> Self {
        let of = f64::from(weight);
        Self {
            name: name.into(),
            points: (share.clamp(0.0, 1.0) * of * 10.0).round() / 10.0,
            of,
            why: why.into(),
            hint: None,
        }
    }

    /// Leaves the sum: what could not be checked is not the responder's mistake.
    fn unchecked(name: &'static str, why: &str) -> Self {
        Self {
            name: name.into(),
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
