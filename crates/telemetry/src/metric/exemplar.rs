//! Exemplars: which trace a value of a histogram came from. The most recent one of each bucket is kept here, next to the
//! registry, because its histograms cannot store exemplars.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use metrics::Label;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use parking_lot::Mutex;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::names::metric::{FAMILIES, MetricKind};

/// Maximum number of series with exemplars; a service has about fifty. Further series are counted without exemplars.
const MAX_SERIES: usize = 256;

/// Minimum time that an exemplar stays in its bucket. For a bucket that is hit all the time, one every few seconds is as
/// useful as one per scrape, costs requests almost nothing, and leaves room for exemplars of rare values.
const KEEP: Duration = Duration::from_secs(5);

/// The zero of this module's clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Where the histograms of this process store exemplars; absent if metrics are disabled.
static STORE: OnceLock<Arc<Store>> = OnceLock::new();

/// A value and the span in which it was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exemplar {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) value: f64,
    /// Since the Unix epoch.
    pub(super) at: Duration,
}

/// One series of a histogram that keeps exemplars.
#[derive(Clone)]
pub struct Histogram {
    inner: metrics::Histogram,
    slots: Option<Arc<Slots>>,
}

/// The series of the histogram `name` with these labels, for the whole process.
///
/// The lookup costs more than recording into it, so keep the result.
pub fn histogram<const N: usize>(
    name: &'static str,
    labels: [(&'static str, String); N],
) -> Histogram {
    let store = STORE.get();
    let slots = store.and_then(|store| store.slots(name, &labels));
    let labels: Vec<Label> = labels
        .into_iter()
        .map(|(key, value)| Label::new(key, value))
        .collect();
    Histogram {
        inner: metrics::histogram!(name, labels),
        slots,
    }
}

impl Histogram {
    /// Records a value that was measured in `span`; the span becomes its exemplar if its trace is sampled.
    pub fn record(&self, value: f64, span: &Span) {
        self.inner.record(value);
        let Some(slots) = &self.slots else { return };
        if span.is_disabled() {
            return;
        }
        let now = START.elapsed();
        if let Some(bucket) = slots.open_bucket(value, now) {
            let context = span.context();
            slots.keep(bucket, context.span().span_context(), value, now);
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").finish_non_exhaustive()
    }
}

/// Makes the histograms of this process write into `store`.
pub(super) fn install(store: &Arc<Store>) {
    // There is no second store: the recorder is installed once.
    let _ = STORE.set(Arc::clone(store));
}

/// Family and labels of a series, labels sorted by name.
type Key = (String, Vec<(String, String)>);

/// The exemplars of one process.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: Mutex<HashMap<Key, Arc<Slots>>>,
}

impl Store {
    /// The slots for the exemplars of a series; `None` if the family is not a histogram or there are too many series.
    pub(super) fn slots(&self, name: &str, labels: &[(&str, String)]) -> Option<Arc<Slots>> {
        let MetricKind::Histogram(bounds) =
            FAMILIES.iter().find(|family| family.name == name)?.kind
        else {
            return None;
        };
        let key = key(name, labels.iter().map(|(name, value)| (*name, &**value)));
        let mut series = self.series.lock();
        if let Some(known) = series.get(&key) {
            return Some(Arc::clone(known));
        }
        if series.len() >= MAX_SERIES {
            return None;
        }
        let slots = Arc::new(Slots::new(bounds));
        series.insert(key, Arc::clone(&slots));
        Some(slots)
    }

    /// The exemplars of a series by bucket, the unbounded bucket last; empty if the series has none.
    pub(super) fn newest<'a>(
        &self,
        name: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<Option<Exemplar>> {
        let series = self.series.lock();
        let found = series.get(&key(name, labels));
        found.map_or_else(Vec::new, |slots| slots.newest())
    }
}

fn key<'a>(name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> Key {
    let mut labels: Vec<(String, String)> = labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    labels.sort_unstable();
    (name.to_owned(), labels)
}

/// An exemplar for each bucket of one series.
#[derive(Debug)]
pub(super) struct Slots {
    bounds: &'static [f64],
    /// When each bucket accepts the next exemplar, in milliseconds since [`START`].
    free_at_ms: Vec<AtomicU64>,
    newest: Mutex<Vec<Option<Exemplar>>>,
}

impl Slots {
    fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            free_at_ms: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            newest: Mutex::new(vec![None; bounds.len() + 1]),
        }
    }

    /// The bucket of a value, if it accepts a new exemplar. Called for every value, so it must be cheap.
    pub(super) fn open_bucket(&self, value: f64, now: Duration) -> Option<usize> {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let free_at_ms = self.free_at_ms[bucket].load(Ordering::Relaxed);
        (millis(now) >= free_at_ms && !value.is_nan()).then_some(bucket)
    }

    /// Stores the value as the exemplar of its bucket if its trace is sampled.
    pub(super) fn keep(&self, bucket: usize, context: &SpanContext, value: f64, now: Duration) {
        if !context.is_valid() || !context.is_sampled() {
            return;
        }
        let at = SystemTime::now().duration_since(UNIX_EPOCH);
        let exemplar = Exemplar {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            value,
            at: at.unwrap_or_default(),
        };
        // A request never waits here: of two that finish at the same time, one exemplar is enough.
        if let Some(mut newest) = self.newest.try_lock() {
            newest[bucket] = Some(exemplar);
            self.free_at_ms[bucket].store(millis(now + KEEP), Ordering::Relaxed);
        }
    }

    fn newest(&self) -> Vec<Option<Exemplar>> {
        self.newest.lock().clone()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceFlags, TraceState};

    use super::*;
    use crate::names::{label, metric};

    fn context(trace: u128, flags: TraceFlags) -> SpanContext {
        let (trace, span) = (TraceId::from(trace), SpanId::from(7));
        SpanContext::new(trace, span, flags, false, TraceState::NONE)
    }

    fn lag(store: &Store) -> Option<Arc<Slots>> {
        store.slots(metric::RUNTIME_SCHEDULER_LAG, &[])
    }

    fn record(slots: &Slots, context: &SpanContext, value: f64, now: Duration) {
        if let Some(bucket) = slots.open_bucket(value, now) {
            slots.keep(bucket, context, value, now);
        }
    }

    fn kept(slots: &Slots) -> Vec<Option<(TraceId, f64)>> {
        let newest = slots.newest();
        let kept = newest
            .iter()
            .map(|slot| slot.map(|one| (one.trace_id, one.value)));
        kept.collect()
    }

    fn of(expected: &[(u128, f64)]) -> Vec<Option<(TraceId, f64)>> {
        let expected = expected.iter();
        let expected = expected.map(|(trace, value)| Some((TraceId::from(*trace), *value)));
        expected.collect()
    }

    #[test]
    fn a_bucket_keeps_its_exemplar_for_the_minimum_time() {
        let slots = Slots::new(&[1.0, 2.0]);
        let late = [(1, 0.5, 0), (2, 1.0, 4_999), (3, 1.5, 0)];
        let values = late.into_iter().chain([(4, f64::NAN, 0), (5, 9.0, 0)]);
        for (trace, value, ms) in values {
            let context = context(trace, TraceFlags::SAMPLED);
            record(&slots, &context, value, Duration::from_millis(ms));
        }
        assert_eq!(kept(&slots), of(&[(1, 0.5), (3, 1.5), (5, 9.0)]));
        let context = context(6, TraceFlags::SAMPLED);
        record(&slots, &context, 1.0, KEEP);
        assert_eq!(kept(&slots), of(&[(6, 1.0), (3, 1.5), (5, 9.0)]));
    }

    #[test]
    fn an_unsampled_trace_is_never_an_exemplar() {
        let slots = Slots::new(&[]);
        let now = Duration::ZERO;
        record(&slots, &context(1, TraceFlags::default()), 0.5, now);
        record(&slots, &SpanContext::empty_context(), 0.5, now);
        assert_eq!(kept(&slots), [None]);
        record(&slots, &context(2, TraceFlags::SAMPLED), 0.5, now);
        assert_eq!(kept(&slots), of(&[(2, 0.5)]));
    }

    #[test]
    fn the_order_of_labels_does_not_matter() {
        let store = Store::default();
        let labels = [
            (label::TARGET, "inventory".to_owned()),
            (label::HTTP_REQUEST_METHOD, "GET".to_owned()),
        ];
        let slots = store.slots(metric::HTTP_CLIENT_REQUEST_DURATION, &labels);
        let slots = slots.expect("a histogram");
        let context = context(1, TraceFlags::SAMPLED);
        record(&slots, &context, 0.1, Duration::ZERO);
        let turned = labels.iter().rev().map(|(name, value)| (*name, &**value));
        let found = store.newest(metric::HTTP_CLIENT_REQUEST_DURATION, turned);
        assert_eq!(found.iter().flatten().count(), 1);
        let orders = store.slots(metric::ORDERS, &[]);
        assert!(orders.is_none(), "not a histogram");
        assert!(lag(&store).is_some());
    }

    #[test]
    fn the_number_of_series_with_exemplars_is_limited() {
        let store = Store::default();
        for number in 0..MAX_SERIES {
            let labels = [(label::TARGET, number.to_string())];
            let slots = store.slots(metric::HTTP_CLIENT_REQUEST_DURATION, &labels);
            assert!(slots.is_some());
        }
        assert!(lag(&store).is_none());
    }
}
