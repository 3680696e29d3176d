//! The task of one target: when it scrapes, and what one scrape writes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cache::{self, Cache};
use super::fetch::{Client, Page};
use super::{Health, Options, Status};
use crate::clock;
use crate::exposition;
use crate::store::{Batch, SeriesId, Store};
use promql::{Labels, METRIC_NAME, STALE, Sample};

/// The series that the scraper itself writes for every target.
const REPORT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// A scrape that starts later than this part of the interval is booked at the moment when it did start.
const TOLERANCE_PARTS: i64 = 20;

pub(super) struct Loop {
    status: Arc<Status>,
    store: Arc<Store>,
    client: Client,
    url: String,
    interval_ms: i64,
    max_samples: usize,
    cache: Cache,
    report: [(Labels, Option<SeriesId>); 5],
}

impl Loop {
    pub(super) fn new(
        status: Arc<Status>,
        store: Arc<Store>,
        client: Client,
        options: &Options,
    ) -> Loop {
        let labels = &status.target.labels;
        let report = REPORT.map(|name| (labels.with(METRIC_NAME, name), None));
        Loop {
            url: status.target.url(),
            cache: Cache::new(labels.clone()),
            interval_ms: i64::try_from(options.interval.as_millis()).unwrap_or(i64::MAX),
            max_samples: options.samples,
            status,
            store,
            client,
            report,
        }
    }

    /// Scrapes on the grid until `end`, then ends all series.
    pub(super) async fn run(mut self, end: CancellationToken) {
        let offset_ms = self.offset_ms();
        let mut watch = clock::Watch::new();
        loop {
            let now_ms = clock::now_ms();
            let due_ms = next_slot(now_ms, offset_ms, self.interval_ms);
            let wait = Duration::from_millis(due_ms.abs_diff(now_ms));
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
            let (now_ms, went_back) = watch.now_ms();
            if went_back {
                self.store.turn_back();
            }
            let t_ms = booked_ms(due_ms, now_ms, self.interval_ms);
            let started = Instant::now();
            let page = tokio::select! {
                () = end.cancelled() => break,
                page = self.client.get(&self.url) => page,
            };
            self.take(t_ms, page, started);
        }
        self.end(clock::now_ms());
    }

    /// Targets take turns within the interval, each always at the same place in it.
    fn offset_ms(&self) -> i64 {
        let mut hasher = DefaultHasher::new();
        self.status.target.hash(&mut hasher);
        (hasher.finish() % self.interval_ms.max(1).unsigned_abs()) as i64
    }

    fn take(&mut self, t_ms: i64, page: Result<Page, String>, started: Instant) {
        self.cache.begin();
        let read = page.and_then(|page| {
            let read = exposition::parse(&page.body, page.format, &mut self.cache);
            read.map_err(|error| format!("invalid format: {error}"))?;
            let (count, most) = (self.cache.len(), self.max_samples);
            match count > most {
                true => Err(format!("{count} samples; the limit is {most}")),
                false => Ok(()),
            }
        });
        let duration = started.elapsed();
        let (samples, added) = match &read {
            Ok(()) => (self.cache.len(), self.cache.added()),
            Err(_) => (0, 0),
        };
        let store = Arc::clone(&self.store);
        let mut batch = store.batch();
        match &read {
            Ok(()) => self.cache.commit(&mut batch, t_ms),
            Err(_) => self.cache.fail(&mut batch, t_ms),
        }
        let up = f64::from(u8::from(read.is_ok()));
        let counts = [samples as f64, samples as f64, added as f64];
        let values = [up, duration.as_secs_f64(), counts[0], counts[1], counts[2]];
        self.write_report(&mut batch, t_ms, values);
        drop(batch);
        for (family, metadata) in self.cache.take_descriptions() {
            store.describe(&family, metadata.clone());
            self.status.describe(family, metadata);
        }
        self.status.set_health(Health {
            last_scrape_ms: Some(t_ms),
            last_duration: duration,
            last_samples: samples,
            last_error: read.err(),
        });
    }

    fn write_report(&mut self, batch: &mut Batch<'_>, t_ms: i64, values: [f64; 5]) {
        for ((labels, id), value) in self.report.iter_mut().zip(values) {
            cache::append(batch, labels, id, Sample { t_ms, value });
        }
    }

    /// Ends all series of the target.
    fn end(mut self, t_ms: i64) {
        let store = Arc::clone(&self.store);
        let mut batch = store.batch();
        self.cache.begin();
        self.cache.fail(&mut batch, t_ms);
        self.write_report(&mut batch, t_ms, [STALE; 5]);
    }
}

/// The first moment after `now_ms` on the grid of a target, Unix milliseconds.
fn next_slot(now_ms: i64, offset_ms: i64, interval_ms: i64) -> i64 {
    let since = (now_ms - offset_ms).rem_euclid(interval_ms);
    now_ms - since + interval_ms
}

/// The time of the samples: the moment on the grid unless the scrape was late.
fn booked_ms(due_ms: i64, now_ms: i64, interval_ms: i64) -> i64 {
    if (now_ms - due_ms).abs() <= interval_ms / TOLERANCE_PARTS {
        due_ms
    } else {
        now_ms
    }
}
