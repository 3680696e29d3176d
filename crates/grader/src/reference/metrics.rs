//! The metrics of a reference: one value a second for each series, those that stay the same once.
//!
//! ```text
//! series := labels, first second, stretches of values; a stretch that stays the same is one value and a length
//! value  := difference to the one before, in whole numbers or millionths
//! ```

use std::collections::BTreeMap;

use ::promql::{Labels, METRIC_NAME, Matcher, Options, Sample, Series, Source, Value};

use super::Stretch;
use crate::evidence;

/// When a reference begins, for whoever asks by Unix time: any moment that is not 0 will do.
const EPOCH_MS: i64 = 1_000_000_000_000;
/// Of a query over a reference: more than a run's Prometheus allows, so that no expression works in a run and not here.
const MAX_SAMPLES: usize = 20_000_000;
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);
/// Millionths are kept: microseconds of a histogram's sum.
const SCALE: f64 = 1e6;
/// Whole numbers up to here are kept exactly.
const EXACT: f64 = 9e15;
/// More of anything than a reference has.
const MOST: u64 = 1 << 20;

/// The metrics of a reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    rows: Vec<Row>,
    /// Rows by the metric's name.
    names: BTreeMap<String, Vec<usize>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    labels: Labels,
    /// Second of the first value.
    first: usize,
    /// One value a second; not a number where there is none.
    values: Vec<f64>,
}

impl Metrics {
    /// Of series whose samples lie at whole seconds from `begin_s` on; others are taken to the second before.
    pub fn of(series: &[evidence::Series], begin_s: f64) -> Self {
        let mut rows: Vec<Row> = series
            .iter()
            .filter_map(|series| Row::of(series, begin_s))
            .collect();
        rows.sort_by(|one, other| one.labels.cmp(&other.labels));
        Self::with(rows)
    }

    fn with(rows: Vec<Row>) -> Self {
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let name = row.labels.name().unwrap_or_default();
            names.entry(name.to_owned()).or_default().push(index);
        }
        Self { rows, names }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Names of the metrics, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Names of the labels of a metric, in order.
    pub fn labels_of(&self, metric: &str) -> Vec<String> {
        let rows = self.names.get(metric).into_iter().flatten();
        let labels = rows.flat_map(|row| self.rows[*row].labels.iter());
        let mut names: Vec<String> = labels
            .map(|(name, _)| name.to_owned())
            .filter(|name| name != METRIC_NAME)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// An expression once a second over a stretch; samples are told in seconds from the begin.
    pub fn range(&self, expr: &str, stretch: Stretch) -> Result<Vec<evidence::Series>, String> {
        let options = Options {
            // The backends evaluate rules once a second, and subqueries step as rules do.
            subquery_step_ms: 1000,
            max_samples: MAX_SAMPLES,
            timeout: TIMEOUT,
            ..Options::default()
        };
        let at = |seconds: f64| EPOCH_MS + (seconds * 1000.0) as i64;
        let (from, to) = (at(stretch.from_s.ceil()), at(stretch.to_s));
        let answer = ::promql::range(self, expr, from, to.max(from), 1000, &options)
            .map_err(|error| error.to_string())?;
        Ok(match answer.value {
            Value::Matrix(series) => series.into_iter().map(plain).collect(),
            _ => Vec::new(),
        })
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, self.rows.len() as u64);
        for row in &self.rows {
            row.write(&mut bytes);
        }
        bytes
    }

    /// As it was written; none if it was not.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = bytes;
        let count = read(&mut bytes)?;
        let mut rows = Vec::new();
        for _ in 0..count.min(MOST) {
            rows.push(Row::read(&mut bytes)?);
        }
        bytes.is_empty().then(|| Self::with(rows))
    }
}

fn plain(series: Series) -> evidence::Series {
    let labels = series.labels.iter();
    evidence::Series {
        labels: labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        samples: series
            .samples
            .into_iter()
            .map(|sample| evidence::Sample {
                at_s: (sample.t_ms - EPOCH_MS) as f64 / 1000.0,
                value: sample.value,
            })
            .collect(),
    }
}

impl Source for Metrics {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        let name = matchers
            .iter()
            .find(|one| one.name == METRIC_NAME && one.op == ::promql::MatchOp::Equal);
        let rows: Vec<&Row> = match name {
            Some(name) => {
                let rows = self.names.get(&name.value).into_iter().flatten();
                rows.map(|row| &self.rows[*row]).collect()
            }
            None => self.rows.iter().collect(),
        };
        let matches = |row: &&Row| {
            let value = |name: &str| row.labels.get(name).unwrap_or_default();
            matchers.iter().all(|one| one.is_match(value(&one.name)))
        };
        rows.into_iter()
            .filter(matches)
            .filter_map(|row| row.between(from_ms, to_ms))
            .collect()
    }
}

impl Row {
    fn of(series: &evidence::Series, begin_s: f64) -> Option<Self> {
        let second = |at_s: f64| (at_s - begin_s + 1e-6).floor().max(0.0) as usize;
        let samples = || series.samples.iter().filter(|one| one.value.is_finite());
        let first = second(samples().next()?.at_s);
        let last = second(samples().next_back()?.at_s);
        let mut values = vec![f64::NAN; last - first + 1];
        for sample in samples() {
            values[second(sample.at_s) - first] = kept(sample.value);
        }
        let labels = series.labels.iter();
        Some(Self {
            labels: Labels::new(labels.map(|(name, value)| (name.as_str(), value.as_str()))),
            first,
            values,
        })
    }

    fn between(&self, from_ms: i64, to_ms: i64) -> Option<Series> {
        let mut samples = Vec::new();
        let mut was_there = false;
        // One past the end, so that a series that ended is known to be over.
        for offset in 0..=self.values.len() {
            let value = self.values.get(offset).copied().unwrap_or(f64::NAN);
            let t_ms = EPOCH_MS + ((self.first + offset) * 1000) as i64;
            let is_end = value.is_nan() && was_there;
            was_there = !value.is_nan();
            if (from_ms..=to_ms).contains(&t_ms) && (was_there || is_end) {
                let value = if is_end { ::promql::STALE } else { value };
                samples.push(Sample { t_ms, value });
            }
        }
        (!samples.is_empty()).then(|| Series {
            labels: self.labels.clone(),
            samples,
        })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        write(bytes, self.labels.len() as u64);
        for text in self.labels.iter().flat_map(|(name, value)| [name, value]) {
            write(bytes, text.len() as u64);
            bytes.extend(text.as_bytes());
        }
        write(bytes, self.first as u64);
        write(bytes, self.values.len() as u64);
        let is_whole = self.values.iter().all(|v| v.is_nan() || v.fract() == 0.0);
        bytes.push(u8::from(is_whole));
        let scale = if is_whole { 1.0 } else { SCALE };
        let mut last = 0;
        let mut values = self.values.iter().peekable();
        while let Some(value) = values.next() {
            let mut length = 1;
            let is_same = |next: &&f64| **next == *value || next.is_nan() && value.is_nan();
            while values.next_if(is_same).is_some() {
                length += 1;
            }
            write(bytes, 2 * length + u64::from(value.is_nan()));
            if !value.is_nan() {
                let scaled = (value * scale).round() as i64;
                write(bytes, zigzag(scaled.wrapping_sub(last)));
                last = scaled;
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut pairs = Vec::new();
        for _ in 0..read(bytes)?.min(MOST) {
            let (name, value) = (text(bytes)?, text(bytes)?);
            pairs.push((name, value));
        }
        let first = usize::try_from(read(bytes)?.min(MOST)).ok()?;
        let count = usize::try_from(read(bytes)?.min(MOST)).ok()?;
        let (is_whole, rest) = bytes.split_first()?;
        *bytes = rest;
        let scale = if *is_whole == 1 { 1.0 } else { SCALE };
        let (mut values, mut last) = (Vec::new(), 0_i64);
        while values.len() < count {
            let code = read(bytes)?;
            let length = usize::try_from(code / 2).ok()?;
            if length == 0 || length > count - values.len() {
                return None;
            }
            let value = match code % 2 {
                1 => f64::NAN,
                _ => {
                    last = last.wrapping_add(unzigzag(read(bytes)?));
                    last as f64 / scale
                }
            };
            values.extend(std::iter::repeat_n(value, length));
        }
        Some(Self {
            labels: Labels::new(pairs),
            first,
            values,
        })
    }
}

/// A value as it will be read back.
fn kept(value: f64) -> f64 {
    match value.fract() == 0.0 && value.abs() < EXACT {
        true => value,
        false => (value * SCALE).round().clamp(-EXACT, EXACT) / SCALE,
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Seven bits a byte, the lowest first.
fn write(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(read(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)], samples: &[(f64, f64)]) -> evidence::Series {
        evidence::Series {
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            samples: samples
                .iter()
                .map(|(at_s, value)| evidence::Sample {
                    at_s: *at_s,
                    value: *value,
                })
                .collect(),
        }
    }

    fn table() -> Metrics {
        let counter: Vec<(f64, f64)> = (0..20).map(|s| (f64::from(s), f64::from(s * 7))).collect();
        let ends: Vec<(f64, f64)> = (0..5).map(|s| (f64::from(s), 0.25)).collect();
        let gap = [(1.0, 3.0), (2.0, 3.0), (9.0, 1e12), (10.0, -4.5)];
        Metrics::of(
            &[
                series(&[("__name__", "a_total"), ("service", "x")], &counter),
                series(&[("__name__", "b"), ("service", "x")], &ends),
                series(&[("__name__", "b"), ("service", "y")], &gap),
            ],
            0.0,
        )
    }

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_not() {
        let table = table();
        let bytes = table.bytes();
        let again = Metrics::read(&bytes).expect("it was written");
        assert_eq!(again.bytes(), bytes);
        assert_eq!(again.len(), 3);
        for cut in 0..bytes.len() {
            assert_eq!(Metrics::read(&bytes[..cut]), None, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            // Whatever comes of it, it comes to an end.
            let _ = Metrics::read(&damaged);
        }
    }

    #[test]
    fn expressions_are_evaluated_over_it() {
        let table = table();
        let stretch = Stretch {
            from_s: 0.0,
            to_s: 19.0,
        };
        let values = |expr: &str| -> Vec<(f64, f64)> {
            let series = table.range(expr, stretch).expect(expr);
            let samples = series.iter().flat_map(|series| &series.samples);
            samples.map(|sample| (sample.at_s, sample.value)).collect()
        };
        let mut rates = values("rate(a_total{service=\"x\"}[5s])");
        // At the begin a window is not full yet.
        rates.retain(|(at_s, _)| *at_s >= 5.0);
        assert!(
            rates.iter().all(|(_, rate)| (rate - 7.0).abs() < 1e-9),
            "{rates:?}"
        );
        let seconds: Vec<f64> = values("b{service=\"x\"}")
            .iter()
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(seconds, [0.0, 1.0, 2.0, 3.0, 4.0], "it ends where it ended");
        assert_eq!(
            values("b{service!=\"x\"}"),
            [(1.0, 3.0), (2.0, 3.0), (9.0, 1e12), (10.0, -4.5)]
        );
        assert!(table.range("rate(", stretch).is_err());
        assert_eq!(table.labels_of("b"), ["service"]);
    }
}
