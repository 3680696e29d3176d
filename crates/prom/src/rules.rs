//! Alerting and recording rules: Prometheus's own rule files, evaluated over the store.
//!
//! ```text
//! rule file -> Group -> every interval: promql -> recording: samples into the store
//!                                              -> alerting:  inactive -> pending -> firing, ALERTS into the store
//! ```
//!
//! Evaluation takes the time as an argument; only [`Rules::run`] reads a clock.

mod alert;
mod file;
mod group;
pub mod template;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use alert::{Alert, State};
pub use file::Problem;
pub use group::{Group, Health, Rule, RuleKind};

use super::clock;
use super::store::Store;

/// All rule groups and what they write to.
#[derive(Debug)]
pub struct Rules {
    store: Arc<Store>,
    options: promql::Options,
    groups: Vec<Mutex<Group>>,
}

impl Rules {
    /// Reads rule files; groups without an interval take `interval`. All problems of all files are reported.
    pub fn load(
        paths: &[PathBuf],
        store: Arc<Store>,
        interval: Duration,
        options: promql::Options,
    ) -> Result<Rules, Vec<Problem>> {
        let mut groups = Vec::new();
        let mut problems = Vec::new();
        for path in paths {
            match file::load(path, interval) {
                Ok(found) => groups.extend(found.into_iter().map(Mutex::new)),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Rules {
            store,
            options,
            groups,
        })
    }

    /// The groups as they stand, in the order of the files.
    pub fn groups(&self) -> Vec<Group> {
        self.groups
            .iter()
            .map(|group| group.lock().clone())
            .collect()
    }

    /// Evaluates every group at `t_ms`, Unix milliseconds.
    pub fn evaluate(&self, t_ms: i64) {
        for group in &self.groups {
            group.lock().evaluate(&self.store, &self.options, t_ms);
        }
    }

    /// Evaluates every group at its interval until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        for index in 0..self.groups.len() {
            tasks.spawn(Arc::clone(&self).run_group(index, shutdown.clone()));
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn run_group(self: Arc<Self>, index: usize, shutdown: CancellationToken) {
        let interval = self.groups[index].lock().interval;
        let interval_ms = i64::try_from(interval.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let mut watch = clock::Watch::new();
        loop {
            let (now_ms, went_back) = watch.now_ms();
            if went_back {
                self.store.turn_back();
            }
            let due_ms = now_ms - now_ms.rem_euclid(interval_ms) + interval_ms;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(due_ms.abs_diff(now_ms))) => {}
            }
            let rules = Arc::clone(&self);
            let evaluated = tokio::task::spawn_blocking(move || {
                rules.groups[index]
                    .lock()
                    .evaluate(&rules.store, &rules.options, due_ms);
            });
            if let Err(error) = evaluated.await {
                tracing::error!("a rule group panicked: {error}");
            }
        }
    }
}
