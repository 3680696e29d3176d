//! The write-up's reproduction, run on two quiet copies of the shop, one after the other.
//!
//! ```text
//! history ─► everything of the timeline up to the change ─► the shop as the change left it
//!       └──► the same, less the change itself            ─► the shop without it
//! ```
//! Only requests are sent, and only to the copy's gateway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use grader::WriteUp;
use grader::reproduction::{Answered, Reproduced, Trial};
use grader::rubric::{Growth, GrowthOf};
use scenario::{Event, Scenario};
use stack::copy::{Copy, Plan};

use crate::burst::{self, Request};
use crate::deploy_log::DeployLog;
use crate::drill::Drill;
use crate::operator::Operator;
use crate::shop::Processes;

/// The responder waits for it: apart from the requests, starting, changing and stopping a copy takes no longer than this.
const PREPARED_WITHIN: Duration = Duration::from_secs(60);
/// Most time that all requests may take on one copy.
const SENT_WITHIN: Duration = Duration::from_secs(burst::MAX_SECONDS);

/// Runs what the write-up gives; nothing where it gives none or the drill asks for none.
pub(crate) async fn attempt(
    drill: &Drill,
    scenario: &Scenario,
    writeup: &WriteUp,
) -> Option<Reproduced> {
    let symptom = scenario.rubric.reproduction.as_ref()?;
    let lines = &writeup.reproduction.commands;
    if lines.is_empty() {
        return None;
    }
    let requests = match (drill.reader.reproduction)(lines) {
        Ok(requests) => requests,
        Err(why) => return Some(Reproduced::Refused(why)),
    };
    let growth = symptom.growth.as_ref();
    let suspect = tried(drill, scenario, true, &requests, growth).await;
    let outcome = match suspect {
        Ok(suspect) => tried(drill, scenario, false, &requests, growth)
            .await
            .map(|predecessor| Reproduced::Ran {
                suspect,
                predecessor,
            }),
        Err(error) => Err(error),
    };
    Some(outcome.unwrap_or_else(|error| Reproduced::Unchecked(format!("{error:#}"))))
}

/// Starts a copy, with the change or without, and sends the requests to it.
async fn tried(
    drill: &Drill,
    scenario: &Scenario,
    with_change: bool,
    requests: &[Request],
    growth: Option<&Growth>,
) -> anyhow::Result<Trial> {
    let name = if with_change { "copy-1" } else { "copy-2" };
    let prepared = async {
        let copy = Copy::start(Plan {
            scratch: drill.copies.scratch.join(name),
            ..drill.copies.clone()
        })
        .await?;
        let operator = operator(&copy, drill);
        for event in until_the_change(scenario) {
            if with_change || !event.change {
                operator.begin(&event.action, scenario).await?;
                operator.complete(&event.action).await?;
            }
        }
        anyhow::Ok(copy)
    };
    let copy = tokio::time::timeout(PREPARED_WITHIN, prepared)
        .await
        .context("a second copy of the shop did not start in time")??;
    let trial = measured(&copy, requests, growth).await;
    copy.stop().await;
    trial
}

/// The timeline in its order, up to what set it off and with it.
fn until_the_change(scenario: &Scenario) -> &[Event] {
    let change = scenario.timeline.iter().position(|event| event.change);
    &scenario.timeline[..change.map_or(0, |change| change + 1)]
}

/// The copy's own operator, whose shop starts as the drill's did. What it does is kept nowhere.
fn operator(copy: &Copy, drill: &Drill) -> Operator<Processes> {
    let deploys = DeployLog::default();
    let started = drill.scribe.head.started;
    for entry in drill.operator.deploys.entries() {
        if entry.at < started {
            deploys.record(entry);
        }
    }
    Operator {
        shop: Processes {
            fleet: Arc::clone(&copy.fleet),
            provider: Arc::clone(&copy.provider),
        },
        deploys,
    }
}

async fn measured(
    copy: &Copy,
    requests: &[Request],
    growth: Option<&Growth>,
) -> anyhow::Result<Trial> {
    let client = stack::http::client().build().context("HTTP client")?;
    let base = format!("http://{}", copy.gateway);
    let before = total(copy, &client, growth).await?;
    let deadline = Instant::now() + SENT_WITHIN;
    let mut commands = Vec::new();
    for request in requests {
        let outcomes = burst::send(&client, &base, request, deadline).await;
        commands.push(Answered {
            requests: outcomes.len(),
            failed: outcomes.iter().filter(|one| one.is_failure()).count(),
            p90_ms: burst::p90_ms(&outcomes),
        });
    }
    let after = total(copy, &client, growth).await?;
    let grown = before.zip(after).map(|(before, after)| after - before);
    Ok(Trial { commands, grown })
}

/// The metric that is to grow, over all instances of its service.
async fn total(
    copy: &Copy,
    client: &reqwest::Client,
    growth: Option<&Growth>,
) -> anyhow::Result<Option<f64>> {
    let Some(growth) = growth else {
        return Ok(None);
    };
    let mut sum = 0.0;
    for view in copy.fleet.views().await {
        if view.service.name() == growth.service {
            let url = format!("http://{}/metrics", view.admin);
            let answer = client.get(url).timeout(Duration::from_secs(5)).send();
            let answer = answer.await.context("metrics of a copy")?;
            let text = answer.text().await.context("metrics of a copy")?;
            sum += series(&text, growth);
        }
    }
    Ok(Some(sum))
}

/// The sum of a metric's series in a scrape, or their number, as far as they have the labels.
fn series(text: &str, growth: &Growth) -> f64 {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(growth.metric.as_str())?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(labels) => labels.split_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let has = |(name, value): (&String, &String)| {
            let wanted = format!("{name}=\"{value}");
            // Label values here come from closed lists: none holds a quote.
            labels
                .split("\",")
                .any(|label| label.strip_suffix('"').unwrap_or(label) == wanted)
        };
        if !growth.labels.iter().all(has) {
            return None;
        }
        let value = value.split_whitespace().next()?.parse::<f64>().ok()?;
        Some(match growth.of {
            GrowthOf::Values => value,
            GrowthOf::Series => 1.0,
        })
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_the_series_that_have_the_labels() {
        fn check(growth: &str, expected: f64) {
            let text = "# TYPE a gauge\na{x=\"1\",y=\"p,q\"} 3 1700000000\na{x=\"2\",y=\"p\"} 4e1\na 5\nab 100\n\
                        a_total{z=\"/{id}\"} 7\n";
            let growth: Growth =
                toml::from_str(&format!("service = 's'\nby = 1\n{growth}")).expect(growth);
            assert_eq!(series(text, &growth), expected, "{growth:?}");
        }
        check("metric = 'a'", 48.0);
        check("metric = 'a'\nof = 'series'", 3.0);
        check("metric = 'a_total'", 7.0);
        check("metric = 'b'", 0.0);
        check("metric = 'a'\nlabels = { x = '2' }", 40.0);
        check("metric = 'a'\nlabels = { x = '1', y = 'p,q' }", 3.0);
        check("metric = 'a'\nlabels = { y = 'q' }", 0.0);
        check("metric = 'a'\nlabels = { x = '1', y = 'p' }", 0.0);
        check("metric = 'a_total'\nlabels = { z = '/{id}' }", 7.0);
    }

    #[test]
    fn a_copy_gets_what_came_up_to_the_change() {
        for seed in 0..8 {
            let scenario = scenario::catalogue::load_for("error-spike", seed).expect("it is valid");
            let change = scenario.change().expect("an incident");
            let earlier = scenario.timeline.iter();
            let earlier = earlier.filter(|event| event.at_s < change.at_s).count();
            let events = until_the_change(&scenario);
            let changes: Vec<bool> = events.iter().map(|event| event.change).collect();
            // At least the half-rolled release comes before it.
            assert!(earlier > 0, "seed {seed}");
            assert_eq!(changes, [vec![false; earlier], vec![true]].concat());
        }
    }
}
