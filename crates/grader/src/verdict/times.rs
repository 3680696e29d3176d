//! How long the parts of the work took, from what is on record: never from what was typed, and for no points.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Case;
use super::response::{ending, like};
use crate::evidence::{Deploy, Look, shorten};
use crate::moment::clock_text;

/// How long one part of the work took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TimeTaken")]
pub struct Taken {
    /// The part.
    pub name: String,
    /// Seconds, from the page on; those to detect from the change on. `None` if it is not on record.
    pub seconds: Option<f64>,
    /// What that rests on, in one sentence.
    pub why: String,
}

/// To detect, to look at something, to mitigate, to write it up; none where nothing was wrong.
pub(super) fn times(case: &Case) -> Vec<Taken> {
    if case.rubric.control {
        return Vec::new();
    }
    let facts = case.facts;
    let (change, page) = (facts.trigger_at, facts.frame.page);
    let look = first_look(&facts.looks, page);
    let ended = ending(case).map(|action| {
        let why = format!("`{}` at {} ended it.", action.what, clock_text(action.at));
        (action.at, why)
    });
    let submitted = facts.submitted_at.unwrap_or(facts.frame.ended);
    let why = format!("You submitted at {}.", clock_text(submitted));
    vec![
        detect(behind(case), change, page),
        taken(
            page,
            "first look",
            look,
            "No look at evidence is on record.",
        ),
        taken(page, "mitigate", ended, "No recorded action ended it."),
        taken(page, "write up", Some((submitted, why)), ""),
    ]
}

/// The entry of the deploy log that the change is, if it is one: several may be within seconds of each other.
fn behind<'a>(case: &Case<'a>) -> Option<&'a Deploy> {
    let (facts, trigger) = (case.facts, case.rubric.trigger.as_ref()?);
    let (change, pattern) = (facts.trigger_at?, trigger.deploy.as_ref()?);
    let named = facts
        .deploys
        .iter()
        .filter(|deploy| like(pattern, &deploy.id));
    named.min_by_key(|deploy| (deploy.at - change).abs())
}

/// The change may be long before the symptom, so it is said what is meant by it.
fn detect(
    behind: Option<&Deploy>,
    change: Option<OffsetDateTime>,
    page: Option<OffsetDateTime>,
) -> Taken {
    let why = match (change, page) {
        (Some(change), Some(page)) => {
            let what = behind.map_or_else(String::new, |deploy| format!("`{}` ", deploy.id));
            format!(
                "From the change behind it, {what}at {}, to the page at {}.",
                clock_text(change),
                clock_text(page)
            )
        }
        _ => "There was no page.".to_owned(),
    };
    Taken {
        name: "detect".to_owned(),
        seconds: since(change, page),
        why,
    }
}

fn taken(
    page: Option<OffsetDateTime>,
    name: &str,
    to: Option<(OffsetDateTime, String)>,
    missing: &str,
) -> Taken {
    Taken {
        name: name.to_owned(),
        seconds: since(page, to.as_ref().map(|(at, _)| *at)),
        why: to.map_or_else(|| missing.to_owned(), |(_, why)| why),
    }
}

fn since(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> Option<f64> {
    Some((to? - from?).as_seconds_f64().max(0.0))
}

fn first_look(looks: &[Look], page: Option<OffsetDateTime>) -> Option<(OffsetDateTime, String)> {
    let look = looks
        .iter()
        .find(|look| page.is_none_or(|page| look.at >= page))?;
    let why = format!(
        "{} `{}` at {}; {} looks in all.",
        look.kind.as_str(),
        shorten(&look.what, 80),
        clock_text(look.at),
        looks.len()
    );
    Some((look.at, why))
}
