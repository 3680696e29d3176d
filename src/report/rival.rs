//! What is said of the other causes behind a page, in words: the same on a terminal and on the page.

use grader::Verdict;
use grader::differential::{Exclusion, Standing};
use grader::effect::{Direction, Feature};
use grader::lineup::{Remedy, Row};
use grader::verdict::{Comparison, Condition, Graded};
use text::format::counted;

use crate::terminal::Ink;

/// What became of a rival, in one word.
pub(super) fn standing(row: &Row) -> (&'static str, Ink) {
    match row.outcome.standing {
        Standing::Excluded { .. } => ("excluded", Ink::Good),
        Standing::Standing => ("possible", Ink::Error),
        Standing::Unchecked { .. } => ("unknown", Ink::Warning),
    }
}

/// Rivals of which the same is to be said.
pub(super) struct Group<'a> {
    pub(super) rows: Vec<&'a Row>,
    said: String,
}

/// The rivals with what excludes each, or would tell it apart; what is the same for several is said once.
pub(super) fn grouped(rows: &[Row]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in rows {
        let said = said(row);
        let is_same = |group: &&mut Group<'_>| {
            group.said == said && standing(group.rows[0]).0 == standing(row).0
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                rows: vec![row],
                said,
            }),
        }
    }
    groups
}

impl Group<'_> {
    /// What excludes them, or what would tell them apart.
    pub(super) fn reason(&self) -> String {
        let more = self.rows.iter().map(|row| match &row.outcome.standing {
            Standing::Excluded { by } => by.len().saturating_sub(1),
            Standing::Standing | Standing::Unchecked { .. } => 0,
        });
        let (least, most) = more.fold((usize::MAX, 0), |(least, most), more| {
            (least.min(more), most.max(more))
        });
        let whom = match self.rows.len() {
            1 => "it",
            _ => "them",
        };
        let said = &self.said;
        match (least, most) {
            (_, 0) => said.clone(),
            (1, 1) => format!("{said} One more pointer excludes {whom}."),
            (least, most) if least == most => {
                format!("{said} {most} more pointers exclude {whom}.")
            }
            (_, 1) => format!("{said} One more pointer excludes some of {whom}."),
            (_, most) => format!("{said} Up to {most} more pointers exclude {whom}."),
        }
    }
}

/// What is to be said of one rival, but for how many pointers exclude it.
fn said(row: &Row) -> String {
    match (&row.outcome.standing, &row.would) {
        (Standing::Excluded { by }, _) => by.first().map(exclusion).unwrap_or_default(),
        (Standing::Unchecked { why }, _) => {
            format!("Could not be checked and does not count against you: {why}.")
        }
        (Standing::Standing, Some(would)) => {
            format!("Your evidence would look the same there. {}", remedy(would))
        }
        (Standing::Standing, None) => "Your evidence would look the same there.".to_owned(),
    }
}

fn exclusion(by: &Exclusion) -> String {
    let Exclusion {
        field,
        feature,
        what,
        ..
    } = by;
    let (name, way) = (&feature.name, way(feature));
    match by.is_here {
        true => format!("{field}: {name} went {way} ({what}). There it would not, or by far less."),
        false => format!("{field}: {name} would go {way} there ({what}). Here it did not."),
    }
}

fn remedy(would: &Remedy) -> String {
    let Remedy {
        pointer,
        feature,
        what,
        ..
    } = would;
    let places = match would.is_here {
        true => "in this drill and not there",
        false => "there and not in this drill",
    };
    let (name, way) = (&feature.name, way(feature));
    format!("This tells them apart: `{pointer}`. {name} goes {way} {places} ({what}).")
}

/// Which way a feature changed, in one word.
pub(super) fn way(feature: &Feature) -> &'static str {
    match feature.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    }
}

/// How many of the other causes are excluded: `4 of 5 excluded`.
pub(super) fn tally(rows: &[Row]) -> String {
    let excluded = rows.iter().filter(|row| row.outcome.is_excluded()).count();
    format!("{excluded} of {} excluded", rows.len())
}

/// The requirements with what decides first: those that are not met, then those that are not known to be.
pub(super) fn by_weight(conditions: &[Condition]) -> Vec<&Condition> {
    let mut all: Vec<&Condition> = conditions.iter().collect();
    all.sort_by_key(|one| (one.met, one.unchecked));
    all
}

/// The requirements that are not met, as a clause: `root cause is right; other causes are excluded`.
pub(super) fn unmet(verdict: &Verdict) -> Option<String> {
    let unmet = verdict
        .conditions
        .iter()
        .filter(|one| !one.met && !one.unchecked);
    let names: Vec<&str> = unmet.map(|one| one.name.as_str()).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("A requirement is not met: {one}.")),
        many => Some(format!(
            "{} are not met: {}.",
            counted(many.len(), "requirement"),
            many.join("; ")
        )),
    }
}

/// What was graded: the run, and the drill as far as it is known.
pub(super) fn about(verdict: &Verdict) -> String {
    let run = &verdict.run;
    match &verdict.drill {
        Some(Graded { id, level }) => format!("run {run} of {id}, level {level}"),
        None => format!("run {run}"),
    }
}

/// The points, and why they are fewer than were earned.
pub(super) fn score(verdict: &Verdict) -> String {
    let Verdict {
        score,
        pass_mark,
        earned,
        ..
    } = verdict;
    match score < earned {
        true => format!(
            "{score} of 100 points, {pass_mark} needed. The parts below add up to {earned}; as long as a requirement is not met, the score stays below {pass_mark}."
        ),
        false => format!("{score} of 100 points, {pass_mark} needed."),
    }
}

/// How much a pointer changed in one drill, with its unit; or why there is no number.
pub(super) fn size(comparison: &Comparison, there: Option<f64>, row: &Row) -> String {
    match (there, &row.outcome.standing) {
        (Some(size), _) => comparison.unit.text(size),
        (None, Standing::Unchecked { .. }) => "not known".to_owned(),
        (None, _) => "no change".to_owned(),
    }
}
