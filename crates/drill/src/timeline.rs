//! The timeline of a drill: steady state, then deploys and whatever else the scenario has, then the wait for the page.

use std::sync::Arc;
use std::time::Duration;

use loadgen::Traffic;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use record::{Event, Window};
use scenario::{Action, Event as Step, Pace, Scenario};
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock::now;
use crate::course::Phase;
use crate::drill::Drill;
use crate::measure;
use crate::plan::Incident;

/// The first seconds of traffic, in which caches and pools fill, do not belong to the baseline. At the real pace.
const WARM_UP_S: f64 = 20.0;
/// At the real pace the timeline is stretched by a factor out of this range: the page comes two to six minutes
/// after the start, and the time of the page cannot be known in advance.
const STRETCH: std::ops::RangeInclusive<f64> = 1.6..=3.6;
/// How long the page may take after the last event of the timeline. Alert windows are the same at every pace.
const PAGE_WITHIN: Duration = Duration::from_secs(120);

/// How often it is looked whether the page has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the timeline waits for a Prometheus that is away.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// Plays the scenario's timeline; a drill that cannot count is ended as void.
pub(crate) async fn play(drill: Arc<Drill>) {
    let Some(Incident { scenario, .. }) = &drill.incident else {
        return;
    };
    match play_all(&drill, scenario).await {
        Ok(None) => {}
        Ok(Some(reason)) => drill.void(reason),
        Err(error) => drill.void(format!("the timeline cannot continue: {error:#}")),
    }
}

async fn play_all(drill: &Drill, scenario: &Scenario) -> anyhow::Result<Option<String>> {
    sleep(drill.pace.scale(WARM_UP_S)).await;
    let (start, at) = (Instant::now(), now());
    drill.course(|course| course.steady(at));
    drill.scribe.say(Event::Steady { at });
    let stretch = stretch(drill.pace, drill.scribe.head.seed);
    for step in &with_ends(&scenario.timeline) {
        sleep_until(start + drill.pace.scale(step.at_s * stretch)).await;
        if step.change
            && let Some(reason) = unsteady(drill, scenario).await?
        {
            return Ok(Some(reason));
        }
        perform(drill, scenario, step).await?;
    }
    await_page(drill, scenario).await
}

/// The timeline with the end of each load that has one.
fn with_ends(timeline: &[Step]) -> Vec<Step> {
    let end = |step: &Step| match step.action {
        Action::Load {
            for_s: Some(for_s), ..
        } => Some(Step {
            row: step.row,
            at_s: step.at_s + for_s,
            change: false,
            action: Action::Load {
                traffic: Traffic::default(),
                for_s: None,
            },
        }),
        _ => None,
    };
    let ends: Vec<Step> = timeline.iter().filter_map(end).collect();
    let mut all = [timeline, &ends].concat();
    // Stable: what is written for one moment stays in order.
    all.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    all
}

/// How much later than written everything comes, the same for the same seed.
fn stretch(pace: Pace, seed: u64) -> f64 {
    match pace {
        Pace::Real => StdRng::seed_from_u64(seed ^ 0x7e11).random_range(STRETCH),
        Pace::Fast => 1.0,
    }
}

/// Why the baseline was not steady, if it was not.
async fn unsteady(drill: &Drill, scenario: &Scenario) -> anyhow::Result<Option<String>> {
    let (page, window) = drill.course(|course| {
        let first = course.pages().first().cloned();
        (first, course.baseline(now()))
    });
    if let Some(page) = page {
        return Ok(Some(format!(
            "the baseline was not steady: `{}` fired before anything was changed",
            page.alert
        )));
    }
    let Some(highest) = measured(drill, scenario, window).await? else {
        return Ok(None);
    };
    drill.course(|course| course.measured.insert("before".to_owned(), highest));
    let limit = scenario.manifest.before_below;
    Ok((highest >= limit).then(|| format!("the baseline was not steady: the indicator reached {highest:.4} and must stay below {limit}")))
}

/// The indicator's highest value; nothing where Prometheus is away for longer than the timeline can wait.
/// Then the drill goes on, and its grade says that the baseline was not checked.
async fn measured(
    drill: &Drill,
    scenario: &Scenario,
    window: Window,
) -> anyhow::Result<Option<f64>> {
    let deadline = Instant::now() + BACK_WITHIN;
    loop {
        match measure::highest(&drill.sources, &scenario.manifest, window).await {
            Ok(highest) => return Ok(Some(highest)),
            Err(error) if !measure::is_outage(&error) => return Err(error),
            Err(error) if Instant::now() >= deadline => {
                let why = format!("the baseline could not be measured: {error:#}");
                drill.course(|course| course.unchecked = Some(why));
                return Ok(None);
            }
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
    }
}

async fn perform(drill: &Drill, scenario: &Scenario, step: &Step) -> anyhow::Result<()> {
    if step.change {
        drill.course(|course| course.change(now()));
    }
    if let Action::Load { traffic, .. } = &step.action {
        drill.load.change(traffic.clone());
    }
    if let Some(entry) = drill.operator.begin(&step.action, scenario).await? {
        drill.operator.deploys.written()?;
        drill.announce(entry).await;
    }
    drill.operator.complete(&step.action).await?;
    drill.publish().await
}

/// Waits for the page that the scenario promises; the reason why the drill is void if it does not come.
async fn await_page(drill: &Drill, scenario: &Scenario) -> anyhow::Result<Option<String>> {
    let mut deadline = Instant::now() + PAGE_WITHIN;
    let wanted = &scenario.page.alert;
    while Instant::now() < deadline {
        let is_over = drill.course(|course| {
            course.has_paged(wanted) || matches!(course.phase(), Phase::Grading | Phase::Ended)
        });
        if is_over {
            return Ok(None);
        }
        sleep(LOOK_EVERY).await;
        if drill.course(|course| course.is_blind) {
            deadline += LOOK_EVERY; // There can be no page meanwhile, which is not the scenario's fault.
        }
    }
    let window = drill.course(|course| course.symptom(now()));
    let highest = measure::highest(&drill.sources, &scenario.manifest, window).await?;
    Ok(Some(format!(
        "`{wanted}` did not fire within {} s; the indicator reached {highest:.4}",
        PAGE_WITHIN.as_secs(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_for_a_time_ends_after_it_and_among_the_other_events() {
        let at = |at_s, rate, for_s| Step {
            row: 0,
            at_s,
            change: false,
            action: Action::Load {
                traffic: Traffic {
                    rate,
                    ..Traffic::default()
                },
                for_s,
            },
        };
        let all = with_ends(&[at(10.0, Some(90.0), Some(30.0)), at(50.0, Some(70.0), None)]);
        let seen: Vec<_> = all
            .iter()
            .map(|step| match step.action {
                Action::Load { ref traffic, .. } => (step.at_s, traffic.rate),
                _ => (step.at_s, None),
            })
            .collect();
        assert_eq!(seen, [(10.0, Some(90.0)), (40.0, None), (50.0, Some(70.0))]);
    }

    #[test]
    fn the_stretch_follows_the_seed_and_the_fast_pace_has_none() {
        let first = stretch(Pace::Real, 7);
        assert!(STRETCH.contains(&first));
        assert_eq!(first.to_bits(), stretch(Pace::Real, 7).to_bits());
        assert_ne!(first.to_bits(), stretch(Pace::Real, 8).to_bits());
        assert_eq!(stretch(Pace::Fast, 7).to_bits(), 1.0_f64.to_bits());
    }
}
