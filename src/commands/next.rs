//! `firedrill next`: which drill to run next, by what was run before.

use std::collections::BTreeMap;

use scenario::{Family, Open, catalogue};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::write::Next;
use crate::context::Context;
use crate::error::Outcome;
use crate::history::{Graded, graded};

/// A drill that is proposed.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Proposal {
    id: String,
    family: Family,
    level: u8,
    /// Why, in one sentence.
    why: String,
}

/// Prints the proposal.
pub(super) fn run(context: &Context, args: &Next) -> anyhow::Result<Outcome> {
    let drills = catalogue::list()?;
    let Some(next) = propose(&drills, &graded(&context.state)) else {
        anyhow::bail!("the catalogue is empty");
    };
    if args.format.json {
        context.terminal.json(&next)?;
    } else {
        let Proposal {
            id,
            family,
            level,
            why,
        } = next;
        let family = family.name();
        let text = format!("firedrill run {id}\n\nlevel {level}, family {family}: {why}\n");
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

/// The first rule that gives a drill decides: what was missed last, then a family that was never run, then what was not run
/// of the family with the lowest scores, then what was not run for longest. `drills` are in the order of their levels, `runs`
/// in that of time.
fn propose(drills: &[Open], runs: &[Graded]) -> Option<Proposal> {
    let proposal = |open: &Open, why: String| Proposal {
        id: open.id.clone(),
        family: open.family,
        level: open.level,
        why,
    };
    let last = |open: &Open| runs.iter().rposition(|run| run.drill == open.id);
    if let Some(missed) = runs.last().filter(|run| !run.passed)
        && let Some(open) = drills.iter().find(|open| open.id == missed.drill)
    {
        let (score, mark) = (missed.score, missed.pass_mark);
        let why = format!(
            "you did not pass it last time ({score} of 100 points, {mark} needed), and another seed brings other releases."
        );
        return Some(proposal(open, why));
    }
    let new = |open: &&Open| last(open).is_none();
    let mut families: BTreeMap<Family, Vec<u32>> = BTreeMap::new();
    for open in drills {
        let own = runs.iter().filter(|run| run.drill == open.id);
        let scores = own.map(|run| run.score);
        families.entry(open.family).or_default().extend(scores);
    }
    let is_unknown = |open: &&Open| families[&open.family].is_empty();
    if let Some(open) = drills.iter().find(is_unknown) {
        return Some(proposal(
            open,
            "you have run no drill of this family.".to_owned(),
        ));
    }
    let mean = |family: Family| {
        let scores = &families[&family];
        f64::from(scores.iter().sum::<u32>()) / scores.len() as f64
    };
    let weakest = drills.iter().filter(new).min_by(|one, other| {
        let (one, other) = (
            (mean(one.family), one.level),
            (mean(other.family), other.level),
        );
        one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
    });
    if let Some(open) = weakest {
        let points = mean(open.family).round();
        let why = format!(
            "you have not run it, and your runs of this family have {points} points on average."
        );
        return Some(proposal(open, why));
    }
    let longest = drills.iter().min_by_key(|open| last(open))?;
    let why = "you have run every drill, and this one not for longest; another seed brings other releases.";
    Some(proposal(longest, why.to_owned()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn open(id: &str, family: Family, level: u8) -> Open {
        Open {
            id: id.to_owned(),
            title: String::new(),
            family,
            level,
            briefing: String::new(),
        }
    }

    fn run(drill: &str, score: u32) -> Graded {
        Graded {
            run: "19700101-000000-00ab".to_owned(),
            at: datetime!(2026-11-22 09:00 UTC),
            drill: drill.to_owned(),
            level: 1,
            passed: score >= 70,
            score,
            pass_mark: 70,
            amended: false,
            times: Vec::new(),
        }
    }

    #[test]
    fn what_was_missed_comes_first_then_what_is_new_then_what_is_weak_then_what_is_long_ago() {
        let drills = [
            open("a1", Family::OrdersFail, 1),
            open("b1", Family::Memory, 1),
            open("a2", Family::OrdersFail, 2),
            open("b2", Family::Memory, 3),
        ];
        for (runs, expected, because) in [
            (&[][..], "a1", "no drill of this family"),
            (&[("a1", 30)], "a1", "30 of 100 points, 70 needed"),
            (&[("a1", 30), ("a1", 90)], "b1", "no drill of this family"),
            (&[("a1", 95), ("b1", 75)], "b2", "75 points on average"),
            (&[("a1", 75), ("b1", 95)], "a2", "75 points on average"),
            (
                &[("b2", 90), ("a1", 90), ("b1", 90), ("a2", 90)],
                "b2",
                "not for longest",
            ),
            (&[("gone", 10)], "a1", "no drill of this family"),
        ] {
            let runs: Vec<Graded> = runs.iter().map(|(id, score)| run(id, *score)).collect();
            let next = propose(&drills, &runs).expect("there are drills");
            assert_eq!(next.id, expected, "{runs:?}");
            assert!(next.why.contains(because), "{next:?}");
        }
        assert_eq!(propose(&[], &[]), None);
    }
}
