//! The proof that a drill counts: its symptom showed, and goes when its cause goes.

use std::time::Duration;

use record::GAME_MASTER;
use scenario::{Remedy, Scenario};

use crate::api::Action;
use crate::clock::now;
use crate::drill::Drill;
use crate::measure;

/// Whether the drill counts.
pub(crate) struct Proof {
    /// Why not, with the number that says so.
    pub(crate) void: Option<String>,
    /// Why it could not be had, if it could not.
    pub(crate) unproven: Option<String>,
}

/// The proof; where Prometheus does not answer, that it could not be had.
pub(crate) async fn attempt(drill: &Drill, scenario: &Scenario) -> anyhow::Result<Proof> {
    match refute(drill, scenario).await {
        Ok(void) => Ok(Proof {
            void,
            unproven: drill.course(|course| course.unchecked.clone()),
        }),
        Err(error) if measure::is_outage(&error) => Ok(Proof {
            void: None,
            unproven: Some(format!("{error:#}")),
        }),
        Err(error) => Err(error),
    }
}

/// Why the drill does not count, if it does not.
async fn refute(drill: &Drill, scenario: &Scenario) -> anyhow::Result<Option<String>> {
    let manifest = &scenario.manifest;
    let window = drill.course(|course| course.symptom(now()));
    let during = measure::highest(&drill.sources, manifest, window).await?;
    drill.course(|course| course.measured.insert("during".to_owned(), during));
    if scenario.is_control() {
        let limit = manifest.after_below;
        return Ok((during >= limit).then(|| format!("this drill has no incident, but the indicator reached {during:.4}; the limit is {limit}")));
    }
    let needed = manifest.during_above.unwrap_or_default();
    if during <= needed {
        return Ok(Some(format!(
            "the symptom did not show: the indicator reached {during:.4} and must exceed {needed}"
        )));
    }
    let patience = Duration::from_secs_f64(manifest.settle_s);
    let mut settled = measure::recovery(&drill.sources, manifest, Duration::ZERO).await?;
    if !settled.recovered {
        remove_cause(drill, scenario).await?;
        settled = measure::recovery(&drill.sources, manifest, patience).await?;
    }
    drill.course(|course| course.measured.insert("after".to_owned(), settled.last));
    Ok((!settled.recovered).then(|| {
        format!(
            "the symptom did not end with its cause: the indicator is {:.4} and must fall below {}",
            settled.last, manifest.after_below
        )
    }))
}

async fn remove_cause(drill: &Drill, scenario: &Scenario) -> anyhow::Result<()> {
    for remedy in &scenario.remedy {
        let (_, entry) = drill.operator.perform(&action(remedy), GAME_MASTER).await?;
        if let Some(entry) = entry {
            drill.announce(entry).await;
        }
    }
    Ok(())
}

fn action(remedy: &Remedy) -> Action {
    match remedy {
        Remedy::Rollback { service } => Action::Rollback { service: *service },
        Remedy::Restart { service } => Action::Restart { service: *service },
        Remedy::Config { service, settings } => Action::Set {
            service: *service,
            settings: settings.clone(),
        },
        Remedy::Skip => Action::Skip {},
        Remedy::Replay => Action::Replay {},
        Remedy::Revert => Action::Revert {},
        Remedy::Deploy { service, release } => Action::Deploy {
            service: *service,
            release: release.clone(),
        },
    }
}
