//! The debrief: whether everything is told, and every link leads somewhere.

use shop_api::Service;

use super::{Findings, promql};
use crate::{Link, LinkKind, Scenario};

pub(super) fn check(findings: &mut Findings<'_>, scenario: &Scenario) {
    let debrief = &scenario.debrief;
    findings.expect(
        !debrief.happened.trim().is_empty(),
        "debrief.happened",
        "must say what happened",
    );
    findings.expect(
        !debrief.path.is_empty(),
        "debrief.path",
        "is missing; add the steps to the answer as `[[debrief.path]]`",
    );
    findings.expect(
        !debrief.misled.is_empty(),
        "debrief.misled",
        "is missing; list what was misleading, and why it was innocent",
    );
    for (index, step) in debrief.path.iter().enumerate() {
        let key = |field: &str| format!("debrief.path[{index}].{field}");
        findings.expect(
            !step.step.trim().is_empty(),
            &key("step"),
            "must say what to do",
        );
        findings.expect(
            !step.why.trim().is_empty(),
            &key("why"),
            "must say what it shows",
        );
        if let Some(step) = &step.link {
            link(findings, scenario, &key("link"), step);
        }
    }
    misled(findings, scenario);
}

fn misled(findings: &mut Findings<'_>, scenario: &Scenario) {
    for (index, misleading) in scenario.debrief.misled.iter().enumerate() {
        let key = |field: &str| format!("debrief.misled[{index}].{field}");
        findings.expect(
            !misleading.text.trim().is_empty(),
            &key("text"),
            "must say what misled, and why it was innocent",
        );
        if let Some(to) = &misleading.link {
            link(findings, scenario, &key("link"), to);
        }
        let kind = misleading.link.as_ref().map(|link| link.kind);
        let is_measured = kind == Some(LinkKind::Prometheus);
        let message = match is_measured {
            true => "must have one of `above` and `below`: what the link shows",
            false => "must have no `above` or `below` without a link of kind `prometheus`",
        };
        let row = format!("debrief.misled[{index}]");
        if findings.is_read(&row) {
            findings.expect(misleading.limit.is_some() == is_measured, &row, message);
        }
    }
}

/// Whether a link leads anywhere.
fn link(findings: &mut Findings<'_>, scenario: &Scenario, key: &str, link: &Link) {
    let key = format!("{key}.target");
    match link.kind {
        LinkKind::Prometheus => promql(findings, &key, &link.target),
        LinkKind::Log => {
            if let Err(error) = link.target.parse::<grader::log_query::Query>() {
                findings.say(&key, format!("is not a log query: {error}"));
            }
        }
        LinkKind::Heap => findings.expect(
            link.target
                .split_once("..")
                .is_some_and(|(before, after)| !before.is_empty() && !after.is_empty())
                && Service::ALL
                    .iter()
                    .any(|service| link.target.contains(service.name())),
            &key,
            "must name two snapshots of a service, such as `gateway-before..gateway-after`",
        ),
        LinkKind::Deploy => findings.expect(
            scenario
                .history
                .iter()
                .any(|release| link.target == release.id()),
            &key,
            format!(
                "`{}` is not in the release history; write `SERVICE@RELEASE`",
                link.target
            ),
        ),
        LinkKind::Jaeger | LinkKind::Command => {
            findings.expect(!link.target.trim().is_empty(), &key, "must not be empty");
        }
    }
}
