//! What every part of the page needs to know of the incident, in one answer: the run, its times, its pages, what the alert
//! measures.

use anyhow::Context as _;
use drill::api::{Step, Submitted};
use drill::session::Session;
use record::{Chronicle, Deploys, Event, Head, TIMELINE};
use scenario::references;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::Desk;
use super::access::Role;
use crate::commands::source::Place;
use crate::commands::submit::amend;
use crate::context::Context;
use crate::control::Control;
use crate::terminal::Terminal;

/// The incident as it stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Incident {
    /// The run's id.
    run: String,
    /// The drill's id, where it is no secret.
    drill: Option<String>,
    /// What whoever asks may do.
    role: Role,
    /// Whether the run goes on; of one that does not, everything is on record.
    is_live: bool,
    /// `up` where nothing will break; else `starting`, `baseline`, `paged`, `graded` or `void`.
    phase: &'static str,
    #[serde(with = "record::instant")]
    #[schemars(with = "record::instant::Text")]
    started: OffsetDateTime,
    /// When the baseline began to count.
    #[serde(with = "record::instant::option")]
    #[schemars(with = "Option<record::instant::Text>")]
    steady: Option<OffsetDateTime>,
    /// When the run ended.
    #[serde(with = "record::instant::option")]
    #[schemars(with = "Option<record::instant::Text>")]
    ended: Option<OffsetDateTime>,
    pages: Vec<Page>,
    /// What the responder did, oldest first.
    actions: Vec<record::Action>,
    /// Whether the write-up passed.
    passed: Option<bool>,
    /// Whether the graded write-up may still be amended.
    can_amend: bool,
    links: Links,
}

/// An alert that paged, and what it measures.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IncidentPage")]
struct Page {
    #[serde(with = "record::instant")]
    #[schemars(with = "record::instant::Text")]
    at: OffsetDateTime,
    alert: String,
    summary: String,
    description: String,
    indicator: Option<Indicator>,
}

/// The expression of an alert and where it begins to fire.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Indicator {
    expression: String,
    /// `>`, `>=`, `<` or `<=`.
    operator: String,
    threshold: f64,
}

/// Where else the evidence can be read, and where others look on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IncidentLinks")]
struct Links {
    jaeger: Option<String>,
    prometheus: Option<String>,
    /// The path that lets an observer in; only the responder is told.
    observer: Option<String>,
}

/// Reads it from the record of the run.
pub(super) fn read(desk: &Desk, role: Role) -> anyhow::Result<Incident> {
    let (terminal, _) = Terminal::kept();
    let context = desk.context(terminal, false);
    let place = Place::of(&context, None)?;
    let session = context.state.find()?.filter(|_| place.is_live);
    let folder = &place.folder;
    let head = Head::read(folder)?;
    let chronicle = Chronicle::read(folder)?;
    let events = TIMELINE.readable(folder)?;
    let actions = Deploys::open(folder).all().unwrap_or_default();
    let passed = events.iter().find_map(|event| match event {
        Event::Verdict { passed, .. } => Some(*passed),
        _ => None,
    });
    let is_void = events
        .iter()
        .any(|event| matches!(event, Event::Void { .. }));
    Ok(Incident {
        run: head.run,
        drill: session
            .as_ref()
            .and_then(|session| session.scenario.clone()),
        role,
        is_live: place.is_live,
        phase: match () {
            () if head.scenario_hash.is_none() => "up",
            () if is_void => "void",
            () if passed.is_some() => "graded",
            () if chronicle.page.is_some() => "paged",
            () if chronicle.steady.is_some() => "baseline",
            () => "starting",
        },
        started: chronicle.started,
        steady: chronicle.steady,
        ended: (!place.is_live).then_some(place.now),
        pages: events.into_iter().filter_map(page).collect(),
        actions: actions.iter().filter_map(|entry| entry.action()).collect(),
        passed,
        can_amend: amend::is_open(folder),
        links: links(desk, &context, session.as_ref(), role),
    })
}

/// The steps of the grade as far as they are done; none where nothing is graded, or no longer.
pub(super) fn grading(desk: &Desk) -> Vec<Step> {
    let session = desk.context.state.load();
    let steps = session.and_then(|session| Control::new(&session)?.grading());
    steps.unwrap_or_default()
}

/// The last verdict on record.
pub(super) fn verdict(desk: &Desk) -> anyhow::Result<Option<Submitted>> {
    let (terminal, _) = Terminal::kept();
    let place = Place::of(&desk.context(terminal, false), None)?;
    let events = TIMELINE.readable(&place.folder)?;
    let last = events.into_iter().rev().find_map(|event| match event {
        Event::Verdict {
            passed, verdict, ..
        } => Some((passed, verdict)),
        _ => None,
    });
    last.map(|(passed, verdict)| {
        let verdict = serde_json::from_value(verdict).context("the verdict on record")?;
        Ok(Submitted::Verdict { passed, verdict })
    })
    .transpose()
}

fn links(desk: &Desk, context: &Context, session: Option<&Session>, role: Role) -> Links {
    let opened = context.opened.as_ref().map(|opened| &opened.urls);
    let urls = opened.or(session.map(|session| &session.urls));
    Links {
        jaeger: urls.map(|urls| urls.jaeger.clone()),
        prometheus: urls.map(|urls| urls.prometheus.clone()),
        observer: (role == Role::Responder).then(|| desk.tokens.link("", Role::Observer)),
    }
}

fn page(event: Event) -> Option<Page> {
    match event {
        Event::Page {
            at,
            alert,
            summary,
            description,
            ..
        } => Some(Page {
            at,
            indicator: references::rule(&alert).and_then(|rule| indicator(&rule)),
            alert,
            summary,
            description,
        }),
        _ => None,
    }
}

/// Divides the expression of a rule at its first comparison with a number, outside of all brackets.
fn indicator(rule: &str) -> Option<Indicator> {
    let mut depth = 0_i32;
    for (at, letter) in rule.char_indices() {
        match letter {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            '>' | '<' if depth == 0 => {
                let rest = &rule[at..];
                let length = if rest[1..].starts_with('=') { 2 } else { 1 };
                let (operator, rest) = rest.split_at(length);
                let number = rest.split_whitespace().next()?.parse().ok()?;
                let words: Vec<&str> = rule[..at].split_whitespace().collect();
                return Some(Indicator {
                    expression: words.join(" "),
                    operator: operator.to_owned(),
                    threshold: number,
                });
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_what_it_measures_and_where_it_fires() {
        for (rule, expected) in [
            ("rate(a[1m])\n > 0.2", Some(("rate(a[1m])", ">", 0.2))),
            (
                "a{le=\"<1\"} / (b > 1) >= 1e3 and on () c",
                Some(("a{le=\"<1\"} / (b > 1)", ">=", 1e3)),
            ),
            ("sum(a) < 5", Some(("sum(a)", "<", 5.0))),
            ("a > b", None),
            ("absent(a)", None),
        ] {
            let expected = expected.map(|(expression, operator, threshold)| Indicator {
                expression: expression.to_owned(),
                operator: operator.to_owned(),
                threshold,
            });
            assert_eq!(indicator(rule), expected, "{rule}");
        }
    }

    #[test]
    fn every_alert_that_pages_has_an_indicator() {
        for drill in scenario::catalogue::list().expect("the catalogue") {
            let alert = scenario::catalogue::file(&drill.id)
                .expect("it is listed")
                .drill(5)
                .expect("it is sound")
                .0
                .page
                .alert;
            let rule = references::rule(&alert);
            assert!(rule.as_deref().and_then(indicator).is_some(), "{alert}");
        }
    }
}
