//! Exemplars: which trace a value of a histogram came from. A new one of each bucket is kept here, beside the registry,
//! whose histograms have no room for them.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use metrics::Label;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::family::{FAMILIES, Kind};

/// Series that exemplars are kept for; a service has about fifty. The values of further ones are counted as ever.
const MOST_SERIES: usize = 256;

/// How long an exemplar stays in its bucket. In a bucket that is hit all the time, one every few seconds tells as much as
/// one a scrape, costs requests next to nothing, and leaves scrapers room for the rare ones. Those come at once.
const STAYS: Duration = Duration::from_secs(5);

/// From here on this module counts time.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the histograms of this process write into; absent where metrics are off.
static STORE: OnceLock<Arc<Store>> = OnceLock::new();

/// One value, and the span that it was measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exemplar {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) value: f64,
    /// Since the Unix epoch.
    pub(super) at: Duration,
}

/// One series of a histogram whose values remember their trace.
#[derive(Clone)]
pub struct Histogram {
    inner: metrics::Histogram,
    slots: Option<Arc<Slots>>,
}

/// The series of the histogram `name` with these labels, for the whole process.
///
/// Finding it costs more than recording into it: keep it.
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
    /// Counts a value that was measured in `span`, which becomes its exemplar if its trace is kept.
    pub fn record(&self, value: f64, span: &Span) {
        self.inner.record(value);
        let Some(slots) = &self.slots else { return };
        if span.is_disabled() {
            return;
        }
        let now = START.elapsed();
        if let Some(bucket) = slots.wanting(value, now) {
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

/// Makes `store` the one that the histograms of this process write into.
pub(super) fn install(store: &Arc<Store>) {
    // A second one cannot come: the recorder is installed only once.
    let _ = STORE.set(Arc::clone(store));
}

/// Family and labels of a series, labels by name.
type Key = (String, Vec<(String, String)>);

/// The exemplars of one process.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: Mutex<HashMap<Key, Arc<Slots>>>,
}

impl Store {
    /// Room for the exemplars of a series; none where the family is no histogram or there are too many series.
    pub(super) fn slots(&self, name: &str, labels: &[(&str, String)]) -> Option<Arc<Slots>> {
        let Kind::Histogram(bounds) = FAMILIES.iter().find(|family| family.name == name)?.kind
        else {
            return None;
        };
        let key = key(name, labels.iter().map(|(name, value)| (*name, &**value)));
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = series.get(&key) {
            return Some(Arc::clone(known));
        }
        if series.len() >= MOST_SERIES {
            return None;
        }
        let slots = Arc::new(Slots::new(bounds));
        series.insert(key, Arc::clone(&slots));
        Some(slots)
    }

    /// The exemplars of a series by bucket, the one without a bound last; empty if it has none.
    pub(super) fn newest<'a>(
        &self,
        name: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<Option<Exemplar>> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
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
    /// From when on each bucket takes another one, in milliseconds since [`START`].
    free_at_ms: Vec<AtomicU64>,
    newest: Mutex<Vec<Option<Exemplar>>>,
}

impl Slots {
    fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            free_at_ms: bounds
                .iter()
                .chain([&0.0])
                .map(|_| AtomicU64::new(0))
                .collect(),
            newest: Mutex::new(vec![None; bounds.len() + 1]),
        }
    }

    /// The bucket of a value, if it takes another exemplar; asked of every value, and so it must be cheap.
    pub(super) fn wanting(&self, value: f64, now: Duration) -> Option<usize> {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let free_at_ms = self.free_at_ms[bucket].load(Ordering::Relaxed);
        (millis(now) >= free_at_ms && !value.is_nan()).then_some(bucket)
    }

    /// Takes the value as the exemplar of its bucket if its trace is kept.
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
        // A request waits for nobody: where two end at once, one of them will do.
        if let Ok(mut newest) = self.newest.try_lock() {
            newest[bucket] = Some(exemplar);
            self.free_at_ms[bucket].store(millis(now + STAYS), Ordering::Relaxed);
        }
    }

    fn newest(&self) -> Vec<Option<Exemplar>> {
        let newest = self.newest.lock();
        newest.unwrap_or_else(PoisonError::into_inner).clone()
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

    fn note(slots: &Slots, context: &SpanContext, value: f64, now: Duration) {
        if let Some(bucket) = slots.wanting(value, now) {
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
    fn each_bucket_keeps_one_value_until_another_is_due() {
        let slots = Slots::new(&[1.0, 2.0]);
        let values = [
            (1, 0.5, 0),
            (2, 1.0, 4_999),
            (3, 1.5, 0),
            (4, f64::NAN, 0),
            (5, 9.0, 0),
        ];
        for (trace, value, ms) in values {
            let context = context(trace, TraceFlags::SAMPLED);
            note(&slots, &context, value, Duration::from_millis(ms));
        }
        assert_eq!(kept(&slots), of(&[(1, 0.5), (3, 1.5), (5, 9.0)]));
        let context = context(6, TraceFlags::SAMPLED);
        note(&slots, &context, 1.0, STAYS);
        assert_eq!(kept(&slots), of(&[(6, 1.0), (3, 1.5), (5, 9.0)]));
    }

    #[test]
    fn a_trace_that_is_not_kept_is_no_exemplar_and_takes_no_turn() {
        let slots = Slots::new(&[]);
        let now = Duration::ZERO;
        note(&slots, &context(1, TraceFlags::default()), 0.5, now);
        note(&slots, &SpanContext::empty_context(), 0.5, now);
        assert_eq!(kept(&slots), [None]);
        note(&slots, &context(2, TraceFlags::SAMPLED), 0.5, now);
        assert_eq!(kept(&slots), of(&[(2, 0.5)]));
    }

    #[test]
    fn a_series_is_found_by_its_labels_in_any_order() {
        let store = Store::default();
        let labels = [
            (label::TARGET, "inventory".to_owned()),
            (label::HTTP_REQUEST_METHOD, "GET".to_owned()),
        ];
        let slots = store.slots(metric::HTTP_CLIENT_REQUEST_DURATION, &labels);
        let slots = slots.expect("a histogram");
        note(
            &slots,
            &context(1, TraceFlags::SAMPLED),
            0.1,
            Duration::ZERO,
        );
        let turned = labels.iter().rev().map(|(name, value)| (*name, &**value));
        let found = store.newest(metric::HTTP_CLIENT_REQUEST_DURATION, turned);
        assert_eq!(found.iter().flatten().count(), 1);
        assert!(store.slots(metric::ORDERS, &[]).is_none(), "no histogram");
        assert!(lag(&store).is_some());
    }

    #[test]
    fn only_so_many_series_have_exemplars() {
        let store = Store::default();
        for number in 0..MOST_SERIES {
            let labels = [(label::TARGET, number.to_string())];
            let slots = store.slots(metric::HTTP_CLIENT_REQUEST_DURATION, &labels);
            assert!(slots.is_some());
        }
        assert!(lag(&store).is_none());
    }
}
