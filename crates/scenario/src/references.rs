//! The references that are part of the program, one a drill: what write-ups are held against.
//!
//! ```text
//! scenarios/ID.toml ─────────────────> title, causes, debrief path ─┐
//! scenarios/references/ID.reference ─> what it looks like ──────────┴─> Candidate ──> Lineup of a drill
//! ```
//! One that is missing, damaged, or older than its scenario leaves its drill unjudged, and is told as a problem.

mod claim;

use std::sync::OnceLock;

use grader::effect::expression::Expression;
use grader::lineup::{Candidate, Lineup, Symptom};
use grader::reference::{Probe, Reference};
use grader::verdict::{Facts, Graded};
use grader::{Examined, Verdict, WriteUp};
use shop_api::Service;
use text::Problem;

use crate::{LinkKind, Scenario, catalogue};

pub use claim::untrue;

/// The folder of the references, relative to the repository.
pub const FOLDER: &str = "scenarios/references";

/// Dashboards that anybody would open, whatever the page: requests by service, route and status, time of queries and of calls,
/// and where traces begin. Together they show a side effect of everything.
pub const WIDE_DASHBOARDS: [&str; 4] = [
    "sum by (service, http_route, http_response_status_code) (rate(http_server_request_duration_seconds_count[20s]))",
    "histogram_quantile(0.9, sum by (le, service, db_query_summary) (rate(db_client_operation_duration_seconds_bucket[20s])))",
    "histogram_quantile(0.9, sum by (le, service, target) (rate(http_client_request_duration_seconds_bucket[20s])))",
    "sum by (service, origin) (rate(http_server_traces_total[20s]))",
];

/// The alert rules of the shop.
const RULES: &str = include_str!("../../../compose/prometheus/rules/shop.yml");

/// By id, as the build script found them.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/references.rs"));

/// A baseline of the fast pace, to read expressions by where there is no reference to ask.
const BASELINE_S: f64 = 20.0;

/// Every drill of the catalogue with its reference, by id; read once.
pub fn candidates() -> &'static [Candidate] {
    static CANDIDATES: OnceLock<Vec<Candidate>> = OnceLock::new();
    CANDIDATES.get_or_init(|| drills().map(|drill| own(&drill)).collect())
}

/// The drills that a write-up of this one is held against. A scenario from outside of the catalogue has no reference of its
/// own, and no rival has its cause: nothing could tell them apart.
fn lineup(scenario: &Scenario) -> Lineup {
    let is_known = candidates().iter().any(|one| one.id == scenario.id);
    let causes = causes(scenario);
    let mut catalogue = candidates().to_vec();
    catalogue.retain(|one| is_known || !one.causes.iter().any(|cause| causes.contains(cause)));
    Lineup::of(
        &scenario.id,
        &scenario.page.alert,
        scenario.is_control(),
        &catalogue,
    )
}

/// Grades a write-up of a run of this drill against its rivals.
pub fn grade(scenario: &Scenario, writeup: &WriteUp, examined: Examined, facts: &Facts) -> Verdict {
    let lineup = lineup(scenario);
    let mut verdict = grader::verdict::grade(&scenario.rubric, writeup, examined, facts, &lineup);
    verdict.drill = Some(Graded {
        id: scenario.id.clone(),
        level: scenario.level,
    });
    verdict
}

/// References of the catalogue that cannot be used, each with the command that records it again.
pub fn problems() -> Vec<Problem> {
    let problems = drills().filter_map(|drill| problem(&drill, bytes(&drill)));
    problems.collect()
}

/// A drill of the catalogue as it is held against others.
pub fn own(scenario: &Scenario) -> Candidate {
    candidate(scenario, bytes(scenario))
}

/// A drill as it is held against others; `bytes` are its reference, if there is one.
pub fn candidate(scenario: &Scenario, bytes: Option<&[u8]>) -> Candidate {
    let reference = read(scenario, bytes);
    let baseline_s = reference
        .as_ref()
        .map_or(BASELINE_S, |known| known.baseline.length_s());
    Candidate {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        page: scenario.page.alert.clone(),
        symptom: symptom(&scenario.page.alert),
        is_control: scenario.is_control(),
        causes: causes(scenario),
        suspects: suspects(scenario).collect(),
        path: path(scenario, baseline_s).collect(),
        reference,
    }
}

/// Everything that a run of the drill must show, as pointers: the steps of its debrief, and its signature.
pub fn evidence(scenario: &Scenario, baseline_s: f64) -> Vec<(String, Probe)> {
    let signs = scenario.signature.iter().filter_map(|sign| {
        let promql = sign
            .promql
            .as_ref()
            .map(|expr| (LinkKind::Prometheus, expr));
        let log = sign.log.as_ref().map(|query| (LinkKind::Log, query));
        let (kind, target) = promql.or(log)?;
        pointer(kind, target, baseline_s)
    });
    path(scenario, baseline_s).chain(signs).collect()
}

fn path(scenario: &Scenario, baseline_s: f64) -> impl Iterator<Item = (String, Probe)> {
    let links = scenario
        .debrief
        .path
        .iter()
        .filter_map(|step| step.link.as_ref());
    links.filter_map(move |link| pointer(link.kind, &link.target, baseline_s))
}

/// Where the reference of a drill is kept, relative to the repository.
pub fn file(id: &str) -> String {
    format!("{FOLDER}/{id}.reference")
}

/// Why the reference of a drill cannot be used, if so.
pub fn problem(scenario: &Scenario, bytes: Option<&[u8]>) -> Option<Problem> {
    let why = read(scenario, bytes).err()?;
    let id = &scenario.id;
    Some(Problem {
        file: file(id),
        line: 1,
        column: 1,
        key: String::new(),
        message: format!("{why}; record it with `firedrill verify --record {id}`"),
    })
}

/// Files that are not valid are the catalogue's problem.
fn drills() -> impl Iterator<Item = Scenario> {
    let files = catalogue::FILES.iter();
    // What is drawn is no part of what write-ups are held against.
    files.filter_map(|file| Scenario::as_written(file.path, file.text).ok())
}

fn bytes(scenario: &Scenario) -> Option<&'static [u8]> {
    let file = FILES.iter().find(|(id, _)| *id == scenario.id);
    file.map(|(_, bytes)| *bytes)
}

/// The reference of a drill; or why it cannot be used, in one sentence without its full stop.
fn read(scenario: &Scenario, bytes: Option<&[u8]>) -> Result<Reference, String> {
    let bytes = bytes.ok_or("its reference is missing")?;
    let reference =
        Reference::read(bytes).map_err(|error| format!("its reference cannot be used: {error}"))?;
    match reference.id == scenario.id && reference.scenario == scenario.recipe {
        true => Ok(reference),
        false => Err("its reference was recorded before its scenario changed".to_owned()),
    }
}

/// What an alert tells everybody who is paged; nothing for an alert that is not among the shop's rules.
fn symptom(alert: &str) -> Symptom {
    rule(alert)
        .map(|expr| Symptom::of(&expr))
        .unwrap_or_default()
}

/// The expression of an alert among the shop's rules, with its threshold; none for another alert.
pub fn rule(alert: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Rules {
        groups: Vec<Group>,
    }
    #[derive(serde::Deserialize)]
    struct Group {
        rules: Vec<Rule>,
    }
    #[derive(serde::Deserialize)]
    struct Rule {
        alert: String,
        expr: String,
    }
    let rules: Rules = serde_yaml_ng::from_str(RULES).expect("the stack loads the same rules");
    let mut rules = rules.groups.into_iter().flat_map(|group| group.rules);
    Some(rules.find(|rule| rule.alert == alert)?.expr)
}

/// The cause in every accepted wording.
fn causes(scenario: &Scenario) -> Vec<(grader::Component, grader::Mechanism)> {
    let Some(cause) = &scenario.rubric.cause else {
        return Vec::new();
    };
    let others = cause.equivalents.iter();
    let others = others.map(|other| {
        let component = other.component.unwrap_or(cause.component);
        (component, other.mechanism.unwrap_or(cause.mechanism))
    });
    std::iter::once((cause.component, cause.mechanism))
        .chain(others)
        .collect()
}

/// The other links of the causal chain that have a mechanism of their own.
fn suspects(scenario: &Scenario) -> impl Iterator<Item = (grader::Component, grader::Mechanism)> {
    let links = scenario
        .rubric
        .cause
        .iter()
        .flat_map(|cause| &cause.partial);
    links.filter_map(|link| link.component.zip(link.mechanism))
}

/// What a link leads to, as a pointer; none where it can be no evidence.
fn pointer(kind: LinkKind, target: &str, baseline_s: f64) -> Option<(String, Probe)> {
    let target = target.trim();
    match kind {
        LinkKind::Prometheus => {
            let expression = Expression::read(target, baseline_s).ok()?;
            Some((format!("promql:{target}@page"), Probe::Promql(expression)))
        }
        LinkKind::Log => Some((format!("log:{target}"), Probe::Log(target.parse().ok()?))),
        LinkKind::Jaeger => {
            let operation = operation(target)?;
            Some((format!("trace:<{operation}>"), Probe::Trace(operation)))
        }
        LinkKind::Heap => {
            let services = Service::ALL.iter().map(|service| service.name());
            let service = services.into_iter().find(|name| target.contains(name))?;
            Some((format!("heap:{target}"), Probe::Heap(service.to_owned())))
        }
        LinkKind::Deploy | LinkKind::Command => None,
    }
}

/// What the traces begin with that a search in Jaeger finds: `service=gateway&operation=POST /v1/orders&…`.
fn operation(search: &str) -> Option<String> {
    let value = |key: &str| {
        let mut pairs = search.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    Some(format!("{} {}", value("service")?, value("operation")?))
}

#[cfg(test)]
mod tests;
