//! How the responder worked, from what is on record: never from what was typed, and for no points.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::response::ending;
use super::{Case, clinch};
use crate::evidence::{By, LookKind, Trace};
use crate::moment::clock_text;
use crate::pointer::{Detail, Executed};
use crate::retrace::Seen;
use crate::vocabulary::Component;

/// How the responder worked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conduct {
    /// Times to detect, localise, diagnose and mitigate; none where nothing was wrong.
    pub times: Vec<Taken>,
    /// What was looked at, oldest first.
    pub looks: Vec<Glance>,
}

/// How long one part of the work took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// The part.
    pub name: String,
    /// Seconds, from the page on; those to detect from the change on. `None` if it is not on record.
    pub seconds: Option<f64>,
    /// What that rests on, in one sentence.
    pub why: String,
}

/// One look, and what it was good for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Glance {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Whether it was a command or a browser.
    pub by: By,
    /// At what kind of thing.
    pub kind: LookKind,
    /// At what.
    pub what: String,
    /// What it was good for.
    pub worth: Worth,
}

/// What a look was good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "about")]
pub enum Worth {
    /// It shows nothing that tells the incident from the time before.
    Little,
    /// It tells the incident from the time before.
    Telling,
    /// It settles the cause, and how.
    Settling(String),
}

pub(super) fn conduct(case: &Case) -> Conduct {
    let seen = &case.examined.looks;
    let looks: Vec<Glance> = seen
        .iter()
        .map(|seen| Glance {
            at: seen.look.at,
            by: seen.look.by,
            kind: seen.look.kind,
            what: crate::evidence::shorten(&seen.look.what, 300),
            worth: worth(case, seen.executed.as_ref()),
        })
        .collect();
    let times = match case.rubric.control {
        true => Vec::new(),
        false => times(case, &looks),
    };
    Conduct { times, looks }
}

fn worth(case: &Case, executed: Option<&Executed>) -> Worth {
    let Some(executed) = executed.filter(|executed| executed.proves()) else {
        return Worth::Little;
    };
    let frame = &case.facts.frame;
    let mut clinchers = case.rubric.clinchers.iter();
    match clinchers.find(|clincher| clinch::meets(executed, clincher, frame)) {
        Some(clincher) => Worth::Settling(clincher.about.trim_end_matches('.').to_owned()),
        None => Worth::Telling,
    }
}

fn times(case: &Case, looks: &[Glance]) -> Vec<Taken> {
    let (change, page) = (case.facts.trigger_at, case.facts.frame.page);
    let since = |from: Option<OffsetDateTime>, to: Option<OffsetDateTime>| {
        Some(((to? - from?).as_seconds_f64()).max(0.0))
    };
    let taken = |name: &str, to: Option<(OffsetDateTime, String)>, missing: &str| Taken {
        name: name.to_owned(),
        seconds: since(page, to.as_ref().map(|(at, _)| *at)),
        why: to.map_or_else(|| missing.to_owned(), |(_, why)| why),
    };
    let is_late = |glance: &&Glance| change.is_none_or(|change| glance.at >= change);
    let settled = looks.iter().filter(is_late).find_map(|glance| {
        let Worth::Settling(about) = &glance.worth else {
            return None;
        };
        let why = format!(
            "{} is the first look that shows the deciding signal: {about}.",
            told(glance)
        );
        Some((glance.at, why))
    });
    // Who has settled it has found the place.
    let place = localised(case, looks)
        .filter(|(at, _)| settled.as_ref().is_none_or(|(settled, _)| at <= settled))
        .or_else(|| settled.clone());
    let ended = ending(case).map(|action| {
        let why = format!("`{}` at {} ended it.", action.what, clock_text(action.at));
        (action.at, why)
    });
    let detect = Taken {
        name: "detect".to_owned(),
        seconds: since(change, page),
        why: match (change, page) {
            (Some(change), Some(page)) => format!(
                "The change was at {}, the page at {}.",
                clock_text(change),
                clock_text(page)
            ),
            _ => "There was no page.".to_owned(),
        },
    };
    vec![
        detect,
        taken(
            "localise",
            place,
            "No recorded look goes to the affected component and stays there.",
        ),
        taken(
            "diagnose",
            settled,
            "No recorded look shows the deciding signal.",
        ),
        taken("mitigate", ended, "No recorded action ended it."),
    ]
}

/// The first look at the place of the cause that the responder stayed with, or that told something about it.
fn localised(case: &Case, looks: &[Glance]) -> Option<(OffsetDateTime, String)> {
    let guilty = places(case.rubric.cause.as_ref()?.component);
    let seen = &case.examined.looks;
    let named: Vec<Option<bool>> = seen.iter().map(|seen| names(seen, &guilty)).collect();
    let change = case.facts.trigger_at;
    let found = looks.iter().enumerate().find(|(index, glance)| {
        let stays = named[index + 1..].iter().flatten().next() != Some(&false);
        let is_worth = !matches!(glance.worth, Worth::Little);
        named[*index] == Some(true)
            && (stays || is_worth)
            && change.is_none_or(|change| glance.at >= change)
    });
    let (_, glance) = found?;
    let why = format!(
        "{} is the first look at {}.",
        told(glance),
        guilty.join(" or ")
    );
    Some((glance.at, why))
}

/// The words by which a component is named in a query: services, or what it is called.
fn places(component: Component) -> Vec<&'static str> {
    let word = component.as_str();
    match word.strip_suffix("-link") {
        Some(ends) => ends.split('-').collect(),
        None => vec![word],
    }
}

/// Whether a look goes to one of `places`; `None` where it goes to no place in particular.
fn names(seen: &Seen, places: &[&str]) -> Option<bool> {
    const SERVICES: [&str; 4] = ["gateway", "checkout", "inventory", "payment"];
    let executed = seen.executed.as_ref();
    let detail = executed.and_then(|executed| executed.finding());
    if let Some(Detail::Trace(trace)) = detail.map(|finding| &finding.detail) {
        // A trace like any other passes through every place and points to none.
        let proves = executed.is_some_and(Executed::proves);
        return proves.then(|| stands_out(trace, places));
    }
    let what = seen.look.what.to_lowercase();
    match places.iter().any(|place| what.contains(place)) {
        true => Some(true),
        false => SERVICES
            .iter()
            .any(|name| what.contains(name))
            .then_some(false),
    }
}

/// Whether a trace fails or spends at least half of its time in one of `places`.
fn stands_out(trace: &Trace, places: &[&str]) -> bool {
    let whole = trace.duration_ms();
    trace.spans.iter().any(|span| {
        let is_large = whole > 0.0 && span.duration_ms() >= 0.5 * whole;
        places.contains(&span.service.as_str()) && (span.is_error || is_large)
    })
}

fn told(glance: &Glance) -> String {
    let what = crate::evidence::shorten(&glance.what, 80);
    format!(
        "{} `{what}` at {}",
        glance.kind.as_str(),
        clock_text(glance.at)
    )
}
