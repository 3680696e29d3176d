//! The debrief for programs: places in the evidence by kind, so that a page can lead to them.

use grader::Verdict;
use record::{Action, Look};
use scenario::{Limit, Link};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::Story;

/// What happened, the shortest path through the evidence, what misled.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Debrief")]
pub(in crate::commands) struct Told<'a> {
    /// The run's id.
    run: &'a str,
    /// The drill's id.
    id: &'a str,
    title: &'a str,
    happened: &'a str,
    /// When the change happened that set it off; null in a control, and where nothing was graded.
    #[serde(with = "record::instant::option")]
    #[schemars(with = "Option<record::instant::Text>")]
    changed_at: Option<OffsetDateTime>,
    /// The shortest path through the evidence.
    path: Vec<Step<'a>>,
    /// What was misleading.
    misled: Vec<Misleading<'a>>,
    /// Changes that had no part in it, each with its id of the deploy log.
    innocent: &'a [String],
    /// What the responder looked at, oldest first; empty where nothing was graded.
    looks: &'a [Look],
    /// What the responder did, oldest first; empty where nothing was graded.
    actions: &'a [Action],
    /// The hash that was shown at the start.
    scenario_hash: &'a str,
    /// What was hashed before the scenario file.
    nonce: &'a str,
    /// The grade; null where nothing was graded.
    verdict: Option<&'a Verdict>,
}

/// A step of the path.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DebriefStep")]
struct Step<'a> {
    step: &'a str,
    why: &'a str,
    /// Where it shows.
    link: Option<&'a Link>,
}

/// Something that looked like the cause.
#[derive(Debug, Serialize, JsonSchema)]
struct Misleading<'a> {
    text: &'a str,
    /// Where it shows.
    link: Option<&'a Link>,
    /// What the expression of the link goes above.
    above: Option<f64>,
    /// What the expression of the link stays below.
    below: Option<f64>,
}

impl Story {
    pub(super) fn told(&self) -> Told<'_> {
        let debrief = &self.scenario.debrief;
        let path = debrief.path.iter().map(|step| Step {
            step: &step.step,
            why: &step.why,
            link: step.link.as_ref(),
        });
        let misled = debrief.misled.iter().map(|one| {
            let (above, below) = match one.limit {
                Some(Limit::Above(least)) => (Some(least), None),
                Some(Limit::Below(most)) => (None, Some(most)),
                None => (None, None),
            };
            Misleading {
                text: &one.text,
                link: one.link.as_ref(),
                above,
                below,
            }
        });
        let facts = self.facts.as_ref();
        Told {
            run: &self.run,
            id: &self.scenario.id,
            title: &self.scenario.title,
            happened: &debrief.happened,
            changed_at: facts.and_then(|facts| facts.trigger_at),
            path: path.collect(),
            misled: misled.collect(),
            innocent: &self.innocent,
            looks: facts.map_or(&[], |facts| &facts.looks),
            actions: facts.map_or(&[], |facts| &facts.actions),
            scenario_hash: &self.hash,
            nonce: &self.nonce,
            verdict: self.verdict.as_ref(),
        }
    }
}
