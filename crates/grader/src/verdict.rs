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

use std::borrow::Cow;

pub use conduct::{Conduct, Glance, Taken, Worth};
use record::Document;
pub use record::{Action, Facts, ImpactTruth};
use serde::{Deserialize, Serialize};

use crate::examination::Examined;
use crate::pointer::{Executed, Tells};
use crate::rubric::Rubric;
use crate::writeup::{Claim, Field, WriteUp};

/// The file of a run folder with its verdict.
pub const VERDICT: Document<Verdict> = Document::new("verdict.json");

/// The grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    fn of(&self, field: Field) -> impl Iterator<Item = &'a Executed> {
        let is_of = move |pointer: &&Executed| pointer.field.is_some_and(|at| at.field == field);
        self.pointers.iter().filter(is_of)
    }

    fn proofs(&self, field: Field) -> impl Iterator<Item = &'a Executed> {
        self.of(field).filter(|pointer| pointer.proves())
    }

    fn unchecked(&self) -> usize {
        self.pointers
            .iter()
            .filter(|pointer| pointer.is_unchecked())
            .count()
    }

    /// Why the first pointer of a field proves nothing.
    fn why_not(&self, field: Field) -> String {
        let Some(pointer) = self.of(field).next() else {
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
