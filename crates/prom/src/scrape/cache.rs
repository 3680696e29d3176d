//! What a target exposed before: raw text of a series -> its id in the store.
//!
//! A target writes its series in the same order every time, so that the series of the line at hand is nearly
//! always the one that followed last time: one comparison instead of taking the line apart.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use crate::exemplar::{Exemplar, ExemplarLabels};
use crate::exposition::{self, Description, Label, Visitor};
use crate::number;
use crate::store::{Append, Batch, Kind, Metadata, SeriesId};
use promql::{Labels, STALE, Sample};

/// Scrapes after which a series that does not come back is forgotten.
const FORGET_AFTER: u64 = 60;

/// One series of a target.
#[derive(Debug)]
struct Entry {
    text: Arc<str>,
    labels: Labels,
    id: Option<SeriesId>,
    /// The last scrape that had it.
    seen: u64,
    /// Whether the target gives times itself; such series do not go stale.
    has_time: bool,
    /// The newest one; a target shows it until there is another.
    exemplar: Option<ScrapedExemplar>,
}

/// An exemplar as the target gives it; the time is optional.
#[derive(Debug, Clone, PartialEq)]
struct ScrapedExemplar {
    labels: ExemplarLabels,
    value: f64,
    t_ms: Option<i64>,
}

/// The series of one target.
#[derive(Debug)]
pub(super) struct Cache {
    target: Labels,
    entries: Vec<Entry>,
    by_text: HashMap<Arc<str>, usize>,
    /// Entries in the order of the last scrape, and the place in it.
    order: Vec<usize>,
    cursor: usize,
    /// The scrape at hand.
    scrape: u64,
    current: usize,
    pending: Vec<(usize, f64, Option<i64>)>,
    exemplars: Vec<(usize, ScrapedExemplar)>,
    /// The type of the family at hand.
    kind: Kind,
    added: usize,
    metadata: HashMap<String, Metadata>,
    changed: Vec<String>,
}

impl Cache {
    pub(super) fn new(target: Labels) -> Cache {
        Cache {
            target,
            entries: Vec::new(),
            by_text: HashMap::new(),
            order: Vec::new(),
            cursor: 0,
            // New entries carry 0, which must not look like the scrape before the first.
            scrape: 1,
            current: 0,
            pending: Vec::new(),
            exemplars: Vec::new(),
            kind: Kind::Unknown,
            added: 0,
            metadata: HashMap::new(),
            changed: Vec::new(),
        }
    }

    /// Starts a scrape.
    pub(super) fn begin(&mut self) {
        self.scrape += 1;
        self.cursor = 0;
        self.added = 0;
        self.kind = Kind::Unknown;
        self.pending.clear();
        self.exemplars.clear();
    }

    /// Samples that the scrape at hand has brought so far.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Series of the scrape at hand that were not known before.
    pub(super) fn added(&self) -> usize {
        self.added
    }

    /// Families about which the scrape at hand said something new.
    pub(super) fn take_descriptions(&mut self) -> Vec<(String, Metadata)> {
        let changed = mem::take(&mut self.changed);
        let known = changed
            .into_iter()
            .filter_map(|family| Some((self.metadata.get(&family)?.clone(), family)));
        known.map(|(metadata, family)| (family, metadata)).collect()
    }

    /// Writes the samples of the scrape at hand, and markers for the series that it lacks.
    pub(super) fn commit(&mut self, batch: &mut Batch<'_>, t_ms: i64) {
        self.order.clear();
        let mut pending = mem::take(&mut self.pending);
        for (index, value, own_ms) in pending.drain(..) {
            let entry = &mut self.entries[index];
            entry.seen = self.scrape;
            entry.has_time = own_ms.is_some();
            let t_ms = own_ms.unwrap_or(t_ms);
            entry.append(batch, Sample { t_ms, value });
            self.order.push(index);
        }
        self.pending = pending;
        self.commit_exemplars(batch, t_ms);
        self.mark_stale(batch, t_ms);
        self.forget();
    }

    fn commit_exemplars(&mut self, batch: &mut Batch<'_>, t_ms: i64) {
        for (index, seen) in self.exemplars.drain(..) {
            let entry = &mut self.entries[index];
            let exemplar = Exemplar {
                labels: seen.labels.clone(),
                value: seen.value,
                t_ms: seen.t_ms.unwrap_or(t_ms),
            };
            entry.exemplar = Some(seen);
            if let Some(id) = entry.id {
                batch.exemplar(id, &exemplar);
            }
        }
    }

    /// Writes markers for all series: the scrape failed or the target is gone.
    pub(super) fn fail(&mut self, batch: &mut Batch<'_>, t_ms: i64) {
        self.pending.clear();
        self.exemplars.clear();
        self.mark_stale(batch, t_ms);
    }

    /// Series of the scrape before that the scrape at hand does not have end here.
    fn mark_stale(&mut self, batch: &mut Batch<'_>, t_ms: i64) {
        let previous = self.scrape - 1;
        let gone = |entry: &&mut Entry| entry.seen == previous && !entry.has_time;
        for entry in self.entries.iter_mut().filter(gone) {
            let value = STALE;
            entry.append(batch, Sample { t_ms, value });
        }
    }

    /// The labels of a new series. A bound has one notation, whatever the target's, as in Prometheus 3.
    fn labels(&self, found: &[Label<'_>]) -> Labels {
        let bound = match self.kind {
            Kind::Histogram => "le",
            Kind::Summary => "quantile",
            _ => return merge(&self.target, found),
        };
        let mut found = found.to_vec();
        for (_, value) in found.iter_mut().filter(|(name, _)| name == bound) {
            if let Ok(number) = value.parse() {
                *value = number::open_metrics(number).into();
            }
        }
        merge(&self.target, &found)
    }

    fn forget(&mut self) {
        let oldest = self.scrape.saturating_sub(FORGET_AFTER);
        if !self.scrape.is_multiple_of(FORGET_AFTER)
            || self.entries.iter().all(|entry| entry.seen >= oldest)
        {
            return;
        }
        self.entries.retain(|entry| entry.seen >= oldest);
        let texts = self.entries.iter().enumerate();
        self.by_text = texts
            .map(|(index, entry)| (Arc::clone(&entry.text), index))
            .collect();
        // The next scrape learns the order again.
        self.order.clear();
    }
}

impl Entry {
    fn append(&mut self, batch: &mut Batch<'_>, sample: Sample) {
        append(batch, &mut self.labels, &mut self.id, sample);
    }
}

/// Adds a sample to a series whose id may be unknown or out of date.
pub(super) fn append(
    batch: &mut Batch<'_>,
    labels: &mut Labels,
    id: &mut Option<SeriesId>,
    sample: Sample,
) {
    let known = id.map(|id| batch.append(id, sample));
    if !matches!(known, None | Some(Append::Gone)) {
        return;
    }
    *id = batch.series(labels);
    if let Some(id) = *id {
        batch.append(id, sample);
        // The store's copy shares its texts with other series.
        if let Some(shared) = batch.labels(id) {
            *labels = shared.clone();
        }
    }
}

impl Visitor for Cache {
    fn recall(&mut self, line: &str) -> Option<usize> {
        let next = self.order.get(self.cursor);
        if let Some(index) = next.copied()
            && let text = &self.entries[index].text
            && line.starts_with(&**text)
            && ends_series(&line[text.len()..])
        {
            self.cursor += 1;
            self.current = index;
            return Some(text.len());
        }
        let length = series_length(line)?;
        let index = *self.by_text.get(&line[..length])?;
        self.current = index;
        // What follows is likely what followed this series last time.
        let place = self
            .order
            .iter()
            .skip(self.cursor)
            .position(|known| *known == index);
        if let Some(ahead) = place {
            self.cursor += ahead + 1;
        }
        Some(length)
    }

    fn series(&mut self, text: &str, labels: &[Label<'_>]) {
        self.added += 1;
        self.current = self.entries.len();
        let text: Arc<str> = text.trim_end().into();
        let labels = self.labels(labels);
        self.entries.push(Entry {
            text: Arc::clone(&text),
            labels,
            id: None,
            seen: 0,
            has_time: false,
            exemplar: None,
        });
        self.by_text.insert(text, self.current);
    }

    fn sample(&mut self, value: f64, t_ms: Option<i64>) {
        self.pending.push((self.current, value, t_ms));
    }

    fn exemplar(&mut self, found: exposition::Exemplar<'_>) {
        let pairs = found.labels.iter().map(|(name, value)| (&**name, &**value));
        let seen = ScrapedExemplar {
            labels: ExemplarLabels::new(pairs),
            value: found.value,
            t_ms: found.t_ms,
        };
        if self.entries[self.current].exemplar.as_ref() != Some(&seen) {
            self.exemplars.push((self.current, seen));
        }
    }

    fn describe(&mut self, family: &str, description: Description<'_>) {
        if let Description::Kind(kind) = &description {
            self.kind = *kind;
        }
        if !self.metadata.contains_key(family) {
            self.metadata.insert(family.to_owned(), Metadata::default());
        }
        let Some(known) = self.metadata.get_mut(family) else {
            return;
        };
        let is_new = match &description {
            Description::Kind(kind) => known.kind != *kind,
            Description::Help(help) => known.help != *help,
            Description::Unit(unit) => known.unit != *unit,
        };
        if !is_new {
            return;
        }
        match description {
            Description::Kind(kind) => known.kind = kind,
            Description::Help(help) => known.help = help.into_owned(),
            Description::Unit(unit) => known.unit = unit.to_owned(),
        }
        if !self.changed.iter().any(|known| known == family) {
            self.changed.push(family.to_owned());
        }
    }
}

/// Whether the text of a series can end before `rest`: a blank follows, and no braces after it.
fn ends_series(rest: &str) -> bool {
    rest.starts_with([' ', '\t']) && !rest.trim_start_matches([' ', '\t']).starts_with('{')
}

/// How long the text of the series at the start of a line is, if its end is plain to see.
fn series_length(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut at = bytes
        .iter()
        .position(|byte| matches!(byte, b'{' | b' ' | b'\t'))?;
    if bytes[at] == b'{' {
        let mut is_quoted = false;
        loop {
            at += 1;
            match bytes.get(at)? {
                b'"' => is_quoted = !is_quoted,
                b'\\' if is_quoted => at += 1,
                b'}' if !is_quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    ends_series(line.get(at..)?).then_some(at)
}

/// The labels of a series in the store: the target's win, and what they hide is kept as `exported_…`.
pub(super) fn merge(target: &Labels, found: &[Label<'_>]) -> Labels {
    let is_taken =
        |name: &str| target.get(name).is_some() || found.iter().any(|(other, _)| other == name);
    let mut pairs: Vec<(String, &str)> = Vec::with_capacity(found.len() + target.len());
    for (name, value) in found {
        let mut name = name.to_string();
        if target.get(&name).is_some() {
            if value.is_empty() {
                continue;
            }
            name = format!("exported_{name}");
            while is_taken(&name) {
                name = format!("exported_{name}");
            }
        }
        pairs.push((name, value));
    }
    pairs.extend(target.iter().map(|(name, value)| (name.to_owned(), value)));
    Labels::new(pairs)
}
