//! What is said of the other causes behind a page, in words: the same on a terminal and on the page.

use grader::Verdict;
use grader::differential::{Exclusion, Standing};
use grader::effect::{Direction, Feature};
use grader::lineup::{Remedy, Row};
use grader::verdict::Condition;
use text::format::{counted, number};

use crate::terminal::Ink;

/// What became of a rival, in one word.
pub(super) fn standing(row: &Row) -> (&'static str, Ink) {
    match row.outcome.standing {
        Standing::Excluded { .. } => ("excluded", Ink::Good),
        Standing::Standing => ("possible", Ink::Error),
        Standing::Unchecked { .. } => ("unknown", Ink::Warning),
    }
}

/// What excludes a rival, or what would tell it apart.
pub(super) fn reason(row: &Row) -> String {
    match (&row.outcome.standing, &row.would) {
        (Standing::Excluded { by }, _) => {
            let first = by.first().map(exclusion).unwrap_or_default();
            match by.len() {
                0 | 1 => first,
                2 => format!("{first} One more pointer excludes it."),
                many => format!("{first} {} more pointers exclude it.", many - 1),
            }
        }
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
pub(super) fn by_weight(verdict: &Verdict) -> Vec<&Condition> {
    let mut all: Vec<&Condition> = verdict.conditions.iter().collect();
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

/// How much a pointer changed in one drill: a number, or why there is none.
pub(super) fn size(there: Option<f64>, row: Option<&Row>) -> String {
    let is_unchecked = |row: &Row| matches!(row.outcome.standing, Standing::Unchecked { .. });
    match there {
        Some(size) => number(size),
        None if row.is_some_and(is_unchecked) => "not known".to_owned(),
        None => "no change".to_owned(),
    }
}
