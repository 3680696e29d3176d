//! Whether what a pointer shows is one of the things that settle the cause.

use crate::evidence::{Span, Trace};
use crate::heap::Diff;
use crate::log_query::Query;
use crate::moment::Frame;
use crate::pointer::promql::words;
use crate::pointer::{Detail, Executed};
use crate::rubric::{Clincher, HeapClue, LogClue, PromqlClue, TraceClue};
use crate::vocabulary::Kind;

/// Whether a pointer proves something and what it proves is this clincher.
pub(super) fn meets(pointer: &Executed, clincher: &Clincher, frame: &Frame) -> bool {
    let Some(finding) = pointer.finding().filter(|_| pointer.proves()) else {
        return false;
    };
    match &finding.detail {
        Detail::Promql(expr) => clincher
            .promql
            .as_ref()
            .is_some_and(|clue| mentions(expr, clue)),
        Detail::Trace(trace) => clincher
            .trace
            .as_ref()
            .is_some_and(|clue| has_span(trace, clue)),
        Detail::Log(lines) => clincher.log.as_ref().is_some_and(|LogClue { query }| {
            // A malformed query is a problem of the rubric, reported by its check.
            let query = query.parse::<Query>().unwrap_or_default();
            !query.is_empty() && lines.iter().any(|line| query.within(frame).matches(line))
        }),
        Detail::Heap(diff) => clincher.heap.as_ref().is_some_and(|clue| grew(diff, clue)),
        Detail::Unknown | Detail::Deploy(_) => false,
        Detail::Granted => match pointer.kind {
            Some(Kind::Promql) => clincher.promql.is_some(),
            Some(Kind::Trace) => clincher.trace.is_some(),
            Some(Kind::Log) => clincher.log.is_some(),
            Some(Kind::Heap) => clincher.heap.is_some(),
            _ => false,
        },
    }
}

fn mentions(expr: &str, clue: &PromqlClue) -> bool {
    const SUFFIXES: [&str; 4] = ["", "_bucket", "_sum", "_count"];
    let words = words(expr);
    let has = |name: &str| {
        let is_phrase = name.contains(char::is_whitespace);
        (is_phrase && expr.contains(name))
            || words.iter().any(|word| {
                SUFFIXES
                    .iter()
                    .any(|end| word.strip_suffix(end) == Some(name))
            })
    };
    clue.mentions
        .iter()
        .all(|either| either.split('|').any(|name| has(name.trim())))
}

fn has_span(trace: &Trace, clue: &TraceClue) -> bool {
    let whole = trace.duration_ms();
    let count = trace
        .spans
        .iter()
        .filter(|span| fits(span, clue, whole))
        .count();
    let is_narrow = clue
        .max_services
        .is_none_or(|most| trace.services().len() <= most);
    is_narrow && count >= clue.min_count.unwrap_or(1).max(1)
}

fn fits(span: &Span, clue: &TraceClue, whole_ms: f64) -> bool {
    let took = span.duration_ms();
    let wanted = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
    };
    wanted(&clue.service, Some(&span.service))
        && wanted(&clue.kind, Some(&span.kind))
        && wanted(&clue.version, span.version.as_deref())
        && clue
            .span
            .as_deref()
            .is_none_or(|part| contains(&span.name, part))
        && clue.min_ms.is_none_or(|least| took >= least)
        && clue
            .min_share
            .is_none_or(|least| whole_ms > 0.0 && took / whole_ms >= least)
        && clue.error.is_none_or(|error| span.is_error == error)
        && clue
            .text
            .as_deref()
            .is_none_or(|part| texts(span).any(|text| contains(text, part)))
}

fn texts(span: &Span) -> impl Iterator<Item = &str> {
    let events = span
        .events
        .iter()
        .flat_map(|event| std::iter::once(&event.name).chain(event.attributes.values()));
    std::iter::once(&span.status)
        .chain(span.attributes.values())
        .chain(events)
        .map(String::as_str)
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn grew(diff: &Diff, clue: &HeapClue) -> bool {
    diff.growth
        .iter()
        .take(clue.within_top.max(1))
        .any(|growth| {
            growth.function.contains(&clue.function) && growth.bytes() >= clue.min_bytes.max(1)
        })
}
