//! Heap snapshots of a drill that is recorded. Their functions are named once it is over: that takes a processor for seconds.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use drill::session::Session;
use grader::evidence::{Snapshot, Snapshots};
use grader::heap::{self, Profile, Symbols};
use shop_api::Service;
use time::OffsetDateTime;

use crate::control::Control;

/// For one snapshot on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often one is tried for, and the time between.
const TRIES: usize = 15;
const PAUSE: Duration = Duration::from_secs(1);

/// Takes a snapshot of one instance of every service; `stage` is part of its name.
pub(super) fn snapshots(session: &Session, stage: &str) -> anyhow::Result<()> {
    let http = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .context("HTTP client")?;
    // The session lags behind a rollout; the runner itself knows.
    let instances = Control::new(session)?.status()?.services;
    let snapshots = Snapshots::open(&session.folder);
    for service in Service::ALL {
        let instance = instances.iter().find(|one| one.service == service.name());
        let instance = instance.with_context(|| format!("no instance of {service} runs"))?;
        let url = format!("http://{}/debug/pprof/heap", instance.admin);
        let take = || {
            let answer = http.get(&url).bearer_auth(&session.token).send();
            answer
                .and_then(reqwest::blocking::Response::error_for_status)
                .and_then(reqwest::blocking::Response::bytes)
        };
        // A process in trouble may have no file left for it just then.
        let mut taken = take();
        for _ in 1..TRIES {
            if taken.is_err() {
                std::thread::sleep(PAUSE);
                taken = take();
            }
        }
        let bytes = taken.with_context(|| format!("heap snapshot of {}", instance.instance))?;
        let meta = Snapshot {
            name: format!("{service}-{stage}"),
            service: instance.service.clone(),
            instance: instance.instance.clone(),
            release: instance.release.clone(),
            at: OffsetDateTime::now_utc(),
            executable: std::env::current_exe().context("this program")?,
        };
        snapshots.save(&meta, &bytes)?;
    }
    Ok(())
}

/// Names the functions of all snapshots of a run.
pub(super) fn name_functions(folder: &Path) -> anyhow::Result<()> {
    let snapshots = Snapshots::open(folder);
    let symbols = Symbols::load(&std::env::current_exe().context("this program")?)?;
    for meta in snapshots.list()? {
        let profile = Profile::parse(&snapshots.bytes(&meta.name)?)?;
        snapshots.save_sites(&meta.name, &heap::sites(&profile, &symbols))?;
    }
    Ok(())
}
