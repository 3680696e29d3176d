//! The effect of a log query: which patterns of its lines became more or less frequent than in the baseline.
//!
//! A pattern is what remains of a line when its variable parts are removed: service, level, and the words of the message.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Direction, Effect};
use crate::evidence::LogLine;
use crate::log_query::{Query, Scope};
use crate::vocabulary::Component;
use text::format::number;

/// Longest text of a pattern, in characters.
const MAX_TEXT: usize = 160;
/// A query whose lines change in more patterns than this names a kind of service and no kind of line.
const MAX_PATTERNS: usize = 4;
/// So many lines at least must be more than there would have been, or fewer.
const LINES: f64 = 3.0;

/// Lines of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// Who wrote them.
    pub service: String,
    /// Their level, in lower case.
    pub level: String,
    /// Their message without its variable parts.
    pub text: String,
}

/// Lines of one pattern.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// How many there are.
    pub count: Count,
    /// How many of them name each other service, as an error does that says who did not answer.
    pub naming: BTreeMap<String, f64>,
}

/// How many lines there were in each window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Count {
    /// In the baseline.
    pub baseline: f64,
    /// In the incident.
    pub incident: f64,
}

impl Pattern {
    /// The pattern of a line.
    pub fn of(line: &LogLine) -> Self {
        Self {
            service: line.text("service"),
            level: line.text("level").to_lowercase(),
            text: words(&line.text("message")),
        }
    }

    fn name(&self) -> String {
        format!("{} {}: {}", self.service, self.level, self.text)
    }
}

impl Lines {
    /// Counts a line as so many of each window.
    pub fn take(&mut self, line: &LogLine, count: Count) {
        self.count.baseline += count.baseline;
        self.count.incident += count.incident;
        for service in others(line) {
            *self.naming.entry(service).or_default() += count.baseline + count.incident;
        }
    }

    /// The services that are called where they were written: at least half of the lines name them.
    fn callees(&self) -> impl Iterator<Item = String> {
        let half = 0.5 * (self.count.baseline + self.count.incident);
        let named = self.naming.iter().filter(move |(_, lines)| **lines >= half);
        named.map(|(service, _)| service.clone())
    }
}

/// The services that a line names beside its own, as a whole field or in backticks within one.
fn others(line: &LogLine) -> BTreeSet<String> {
    let texts = line.fields.iter().filter(|(key, _)| *key != "service");
    let texts = texts.filter_map(|(_, value)| value.as_str());
    let words = texts.flat_map(|text| {
        // Between backticks lies every other part.
        std::iter::once(text).chain(text.split('`').skip(1).step_by(2))
    });
    let services = words.filter(|word| word.parse::<Component>().is_ok());
    services.map(str::to_owned).collect()
}

/// A message without what differs from one line to the next: quoted parts, numbers, ids.
fn words(message: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    for c in message.chars().take(4 * MAX_TEXT) {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if c == '`' || c == '"' => {
                quote = Some(c);
                text.push('*');
            }
            None => text.push(c),
        }
    }
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| match word.chars().any(|c| c.is_ascii_digit()) {
            true => "*".to_owned(),
            false => word.to_lowercase(),
        })
        .collect();
    let mut words = words;
    words.dedup_by(|next, word| next == "*" && word == "*");
    words.join(" ").chars().take(MAX_TEXT).collect()
}

/// What changed among the lines that match `query`: the lines of each pattern, in windows of so many `seconds`.
pub fn effect(query: &Query, counts: &BTreeMap<Pattern, Lines>, seconds: Count) -> Effect {
    match query.scope() {
        Scope::Writers => Effect::refused("it names who wrote the lines and no kind of line"),
        Scope::Level => total(query, counts, seconds),
        Scope::Content => {
            let effect = by_pattern(counts, seconds);
            match effect.clear().count() > MAX_PATTERNS {
                true => total(query, counts, seconds),
                false => effect,
            }
        }
    }
}

fn by_pattern(counts: &BTreeMap<Pattern, Lines>, seconds: Count) -> Effect {
    let mut effect = Effect::default();
    for (pattern, lines) in counts {
        let services = lines.callees().chain([pattern.service.clone()]);
        let services = services.collect();
        change(&mut effect, &pattern.name(), lines.count, seconds, services);
    }
    effect
}

/// A query that names no more than a level shows how loud somebody is, and not of what.
fn total(query: &Query, counts: &BTreeMap<Pattern, Lines>, seconds: Count) -> Effect {
    let mut sum = Count::default();
    for lines in counts.values() {
        sum.baseline += lines.count.baseline;
        sum.incident += lines.count.incident;
    }
    let services = query.services();
    let name = match services.is_empty() {
        true => "lines of any service".to_owned(),
        false => format!("lines of {}", services.join(", ")),
    };
    let mut effect = Effect::default();
    change(
        &mut effect,
        &name,
        sum,
        seconds,
        services.into_iter().collect(),
    );
    effect
}

/// Adds a change if the number of lines is not what the baseline led to expect, with the scatter of a count.
fn change(
    effect: &mut Effect,
    name: &str,
    count: Count,
    seconds: Count,
    services: BTreeSet<String>,
) {
    let longer = seconds.incident.max(1.0) / seconds.baseline.max(1.0);
    let expected = count.baseline * longer;
    let more = count.incident - expected;
    let (direction, strength) = match more > 0.0 {
        true => (Direction::Up, more / (2.0 * expected + LINES)),
        // Two thirds less.
        false => (Direction::Down, -more / (expected * 2.0 / 3.0 + LINES)),
    };
    let minutes = seconds.incident.max(1.0) / 60.0;
    let rate = |lines: f64| number((10.0 * lines / minutes).round() / 10.0);
    let change = Change {
        size: more.abs() / minutes,
        strength,
        services,
        what: format!(
            "{} such lines a minute before, {} then",
            rate(expected),
            rate(count.incident)
        ),
        ..Change::default()
    };
    effect.add(name, direction, change);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Pattern {
        let line = format!("{{\"service\":\"inventory\",\"level\":\"WARN\",\"message\":{text:?}}}");
        Pattern::of(&LogLine::parse(&line).expect("a line"))
    }

    #[test]
    fn variable_parts_are_no_part_of_a_pattern() {
        for (one, other, is_same) in [
            (
                "price for `sku-000017` was older than 5s, refetched",
                "price for `sku-000923` was older than 30s, refetched",
                true,
            ),
            ("order 0198-ab ended", "order 0198-cd ended", true),
            ("read 40 purchase limits", "read 120 purchase limits", true),
            ("order failed", "order stored", false),
        ] {
            assert_eq!(line(one) == line(other), is_same, "{one} / {other}");
        }
        assert_eq!(line("a `b` 1 2 C").text, "a * c");
    }

    fn told(query: &str, counts: &[(&str, f64, f64)]) -> Vec<String> {
        let counts = counts
            .iter()
            .map(|(text, baseline, incident)| {
                let count = Count {
                    baseline: *baseline,
                    incident: *incident,
                };
                let naming = BTreeMap::new();
                (line(text), Lines { count, naming })
            })
            .collect();
        let seconds = Count {
            baseline: 20.0,
            incident: 20.0,
        };
        let effect = effect(&query.parse().expect(query), &counts, seconds);
        effect
            .clear()
            .map(|(feature, _)| format!("{} {:?}", feature.name, feature.direction))
            .collect()
    }

    #[test]
    fn a_line_is_also_at_the_service_that_it_names() {
        let line = |error: &str| {
            let text = format!(
                "{{\"service\":\"checkout\",\"level\":\"ERROR\",\"message\":\"order failed\",\"error\":{error:?}}}"
            );
            LogLine::parse(&text).expect("a line")
        };
        let refused = "`inventory` responded with 422: unknown variant `hold`";
        for (errors, expected) in [
            (&[refused, refused, refused][..], "checkout,inventory"),
            (
                &["payment", "payment", "`payment` is late"],
                "checkout,payment",
            ),
            (
                &["the payment failed", "inventory", "no `stock`"],
                "checkout",
            ),
            (&[], "checkout"),
        ] {
            let mut lines = Lines::default();
            let one = Count {
                baseline: 0.0,
                incident: 9.0,
            };
            for error in errors {
                lines.take(&line(error), one);
            }
            lines.count.incident = 27.0;
            let counts = [(Pattern::of(&line("")), lines)].into();
            let seconds = Count {
                baseline: 20.0,
                incident: 20.0,
            };
            let query = "\"order failed\"".parse().expect("a query");
            let effect = effect(&query, &counts, seconds);
            let services: Vec<&str> = effect.services().into_iter().collect();
            assert_eq!(services.join(","), expected, "{errors:?}");
        }
    }

    #[test]
    fn a_pattern_tells_when_it_comes_three_times_as_often() {
        for (before, then, expected) in [
            (0.0, 2.0, None),
            (0.0, 3.0, Some("Up")),
            (2.0, 8.0, None),
            (2.0, 9.0, Some("Up")),
            (9.0, 0.0, Some("Down")),
            (5.0, 0.0, None),
            (90.0, 60.0, None),
        ] {
            let expected: Vec<String> = expected
                .map(|way| format!("inventory warn: full {way}"))
                .into_iter()
                .collect();
            assert_eq!(
                told("level=warn \"full\"", &[("full", before, then)]),
                expected,
                "{before} {then}"
            );
        }
    }

    #[test]
    fn a_query_for_a_level_tells_how_loud_it_is_and_not_of_what() {
        let lines = [("full", 0.0, 9.0), ("unknown variant", 0.0, 9.0)];
        assert_eq!(told("level>=warn", &lines), ["lines of any service Up"]);
        assert_eq!(
            told("service=inventory level=warn,error", &lines),
            ["lines of inventory Up"]
        );
        assert_eq!(told("service=inventory", &lines), Vec::<String>::new());
        assert_eq!(told("level=info", &lines), Vec::<String>::new());
        assert_eq!(
            told("level>=warn \"a\"", &lines),
            ["lines of any service Up"],
            "a letter is no content"
        );
        assert_eq!(
            told("level>=warn -\"full\"", &lines),
            ["lines of any service Up"]
        );
        assert_eq!(told("\"full\"", &lines).len(), 2);
    }

    #[test]
    fn a_text_that_is_in_every_line_is_no_content() {
        let all: Vec<(String, f64, f64)> = ["aa", "bb", "cc", "dd", "ee"]
            .map(|end| (format!("failed {end}"), 0.0, 9.0))
            .into();
        let all: Vec<(&str, f64, f64)> = all.iter().map(|(t, b, i)| (t.as_str(), *b, *i)).collect();
        assert_eq!(told("\"failed\"", &all), ["lines of any service Up"]);
    }
}
