//! A trace as a waterfall: spans as a tree, with bars on a common time line.

use std::collections::{BTreeMap, BTreeSet};

use grader::evidence::{Span, Trace};
use text::format::{self, counted};

use super::{Ink, Style, column};

/// A span in the order of the waterfall.
struct Row<'t> {
    span: &'t Span,
    depth: usize,
    self_ns: u64,
    /// Its parent is not part of the trace, and it is not the one span that all others descend from.
    is_orphan: bool,
    /// No other span of the trace hangs below it.
    is_leaf: bool,
}

/// Deeper spans are shown at this depth: names need the room.
const MAX_DEPTH: usize = 16;
/// Bars get what the names leave, but never less.
const MIN_BAR: usize = 16;
const MAX_NAME: usize = 56;
/// `duration` and `self` with the gaps around them.
const NUMBERS: usize = 24;

/// The trace as lines of at most `columns`; `verbose` adds attributes, events and links of every span.
pub fn waterfall(trace: &Trace, style: Style, columns: usize, verbose: bool) -> String {
    let rows = rows(trace);
    let start = trace.start_ns();
    let end = trace
        .spans
        .iter()
        .map(|span| span.end_ns)
        .max()
        .unwrap_or(start);
    let names: Vec<String> = rows.iter().map(name).collect();
    let longest = names
        .iter()
        .map(|name| column::width(name))
        .max()
        .unwrap_or(0);
    let name_columns = longest.clamp(4, MAX_NAME);
    let bar_columns = columns.saturating_sub(name_columns + NUMBERS).max(MIN_BAR);
    let hues = hues(trace);
    let mut lines = summary(trace, style, end - start);
    lines.push_str(&style.paint(
        Ink::Heading,
        &format!(
            "{}  {:>9}  {:>9}",
            column::left("SPAN", name_columns),
            "DURATION",
            "SELF"
        ),
    ));
    lines.push('\n');
    for (row, name) in rows.iter().zip(&names) {
        let hue = Ink::Hue(hues.get(row.span.service.as_str()).copied().unwrap_or(0));
        let ink = if row.span.is_error { Ink::Error } else { hue };
        let bar = bar(row.span, start, end, bar_columns);
        lines.push_str(&format!(
            "{}  {}  {}  {}",
            style.paint(
                ink,
                &column::left(&column::cut(name, name_columns), name_columns)
            ),
            column::right(
                &duration(row.span.end_ns.saturating_sub(row.span.start_ns)),
                9
            ),
            style.paint(Ink::Faint, &column::right(&duration(row.self_ns), 9)),
            style.paint(ink, &bar),
        ));
        lines.push('\n');
        details(&mut lines, row, style, verbose);
    }
    lines
}

fn summary(trace: &Trace, style: Style, length_ns: u64) -> String {
    let errors = trace.spans.iter().filter(|span| span.is_error).count();
    let mut parts = vec![
        format!("trace {}", trace.id),
        format::date_time(trace.start()),
        duration(length_ns),
        counted(trace.spans.len(), "span"),
        counted(trace.services().len(), "service"),
    ];
    if errors > 0 {
        parts.push(style.paint(Ink::Error, &counted(errors, "error")));
    }
    format!("{}\n", parts.join(" · "))
}

fn name(row: &Row<'_>) -> String {
    let indent = "  ".repeat(row.depth.min(MAX_DEPTH));
    let mark = if row.span.is_error { "✗ " } else { "" };
    let orphan = if row.is_orphan { "… " } else { "" };
    let who = row.span.instance.as_deref().unwrap_or(&row.span.service);
    let called = called(row).map_or_else(String::new, |called| format!(" → {called}"));
    format!(
        "{indent}{orphan}{mark}{} {}{}",
        text::format::harmless(who),
        text::format::harmless(&row.span.name),
        text::format::harmless(&called)
    )
}

/// Whom a client span calls. The path is only said where no span of the other side says what it was asked for.
fn called(row: &Row<'_>) -> Option<String> {
    let attribute = |key: &str| row.span.attributes.get(key).map(String::as_str);
    let peer = attribute("peer.service").filter(|_| row.span.kind == "client")?;
    let address = attribute("url.full").filter(|_| row.is_leaf);
    let path = address.and_then(|address| {
        let (_, rest) = address.split_once("://")?;
        let path = &rest[rest.find('/')?..];
        path.split(['?', '#']).next()
    });
    Some(
        format!("{peer} {}", path.unwrap_or_default())
            .trim_end()
            .to_owned(),
    )
}

fn details(lines: &mut String, row: &Row<'_>, style: Style, verbose: bool) {
    let indent = "  ".repeat(row.depth.min(MAX_DEPTH) + 2);
    let mut line = |ink: Ink, text: String| {
        lines.push_str(&style.paint(ink, &format!("{indent}{}", text::format::harmless(&text))));
        lines.push('\n');
    };
    let span = row.span;
    if span.is_error {
        let reason = span
            .attributes
            .get("error.type")
            .map(String::as_str)
            .unwrap_or_default();
        let reason = [reason, span.status.as_str()].join(" ");
        if !reason.trim().is_empty() {
            line(Ink::Error, format!("error: {}", reason.trim()));
        }
    }
    if !verbose {
        return;
    }
    if let Some(version) = &span.version {
        line(Ink::Faint, format!("service.version = {version}"));
    }
    for (key, value) in &span.attributes {
        line(Ink::Faint, format!("{key} = {value}"));
    }
    for event in &span.events {
        let after = event.at_ns.saturating_sub(span.start_ns);
        let attributes: Vec<String> = event
            .attributes
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        line(
            Ink::Faint,
            format!(
                "event {} after {} {}",
                event.name,
                duration(after),
                attributes.join(" ")
            )
            .trim_end()
            .to_owned(),
        );
    }
    for linked in &span.links {
        line(Ink::Faint, format!("linked to trace {linked}"));
    }
}

fn duration(ns: u64) -> String {
    format::duration(ns as f64 / 1e3)
}

/// One hue for each service, in order of appearance.
fn hues(trace: &Trace) -> BTreeMap<&str, u8> {
    trace.services().into_iter().zip(0..).collect()
}

/// The span's place on the time line; a span too short to see is a thin mark.
fn bar(span: &Span, start: u64, end: u64, columns: usize) -> String {
    let length = end.saturating_sub(start).max(1) as f64;
    let column = |at: u64| at.saturating_sub(start) as f64 / length * columns as f64;
    let from = (column(span.start_ns) as usize).min(columns - 1);
    let to = (column(span.end_ns).round() as usize).clamp(from, columns);
    let mark = if to == from {
        "▏".to_owned()
    } else {
        "█".repeat(to - from)
    };
    format!("{}{mark}", " ".repeat(from))
}

fn rows(trace: &Trace) -> Vec<Row<'_>> {
    let ids: BTreeSet<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
    let mut children: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    let mut pending: Vec<(&Span, usize, bool)> = Vec::new();
    for span in &trace.spans {
        match span.parent.as_deref() {
            // A span that names itself would never be reached.
            Some(parent) if ids.contains(parent) && parent != span.id => {
                children.entry(parent).or_default().push(span)
            }
            parent => pending.push((span, 0, parent.is_some())),
        }
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|span| (span.start_ns, span.end_ns));
    }
    // The caller of a lone root is a client that records nothing, and nothing is missing.
    if let [(.., is_orphan)] = pending.as_mut_slice() {
        *is_orphan = false;
    }
    pending.sort_by_key(|(span, ..)| std::cmp::Reverse((span.start_ns, span.end_ns)));
    let mut rows = Vec::with_capacity(trace.spans.len());
    let mut seen = BTreeSet::new();
    // Spans that name each other as parents hang below no root; whatever is left at the end is shown as one.
    let mut left = trace.spans.iter();
    while let Some((span, depth, is_orphan)) = pending
        .pop()
        .or_else(|| left.next().map(|span| (span, 0, true)))
    {
        if !seen.insert(span.id.as_str()) {
            continue;
        }
        let below = children
            .get(span.id.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        rows.push(Row {
            span,
            depth,
            self_ns: self_ns(span, below),
            is_orphan,
            is_leaf: below.is_empty(),
        });
        pending.extend(below.iter().rev().map(|child| (*child, depth + 1, false)));
    }
    rows
}

/// Every span with its self time, in nanoseconds.
pub fn self_times(trace: &Trace) -> Vec<(&Span, u64)> {
    let rows = rows(trace).into_iter();
    rows.map(|row| (row.span, row.self_ns)).collect()
}

/// The time in which none of the children ran; children may overlap, and may outlive the span.
fn self_ns(span: &Span, children: &[&Span]) -> u64 {
    let mut covered = 0;
    let mut until = span.start_ns;
    for child in children {
        let from = child.start_ns.max(until);
        let to = child.end_ns.min(span.end_ns);
        covered += to.saturating_sub(from);
        until = until.max(to);
    }
    span.end_ns
        .saturating_sub(span.start_ns)
        .saturating_sub(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_442_400_000_000_000;

    fn span(
        id: &str,
        parent: Option<&str>,
        service: &str,
        name: &str,
        from_ms: u64,
        to_ms: u64,
    ) -> Span {
        Span {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            service: service.to_owned(),
            instance: Some(format!("{service}-1")),
            name: name.to_owned(),
            start_ns: START + from_ms * 1_000_000,
            end_ns: START + to_ms * 1_000_000,
            ..Span::default()
        }
    }

    fn trace(spans: Vec<Span>) -> Trace {
        Trace {
            id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            spans,
        }
    }

    fn order() -> Trace {
        let mut failed = span("4", Some("3"), "inventory", "SELECT price", 30, 80);
        failed.is_error = true;
        failed.status = "database is locked".to_owned();
        failed
            .attributes
            .insert("error.type".to_owned(), "busy".to_owned());
        failed
            .attributes
            .insert("db.system.name".to_owned(), "sqlite".to_owned());
        trace(vec![
            span("1", Some("client"), "gateway", "POST /v1/orders", 0, 100),
            span("2", Some("1"), "checkout", "POST /internal/orders", 10, 95),
            span(
                "3",
                Some("2"),
                "inventory",
                "POST /internal/reservations",
                20,
                90,
            ),
            failed,
            span("5", Some("2"), "checkout", "INSERT order", 92, 92),
        ])
    }

    #[test]
    fn a_trace_is_a_tree_of_bars_with_errors_marked() {
        insta::assert_snapshot!(waterfall(&order(), Style::PLAIN, 100, false), @r"
        trace 4bf92f3577b34da6a3ce929d0e0e4736 · 2026-11-23 14:00:00 · 100 ms · 5 spans · 3 services · 1 error
        SPAN                                          DURATION       SELF
        gateway-1 POST /v1/orders                       100 ms    15.0 ms  █████████████████████████████████
          checkout-1 POST /internal/orders             85.0 ms    15.0 ms     ████████████████████████████
            inventory-1 POST /internal/reservations    70.0 ms    20.0 ms        ████████████████████████
              ✗ inventory-1 SELECT price               50.0 ms    50.0 ms           █████████████████
                  error: busy database is locked
            checkout-1 INSERT order                       0 µs       0 µs                                ▏
        ");
    }

    #[test]
    fn a_call_says_whom_it_calls_and_for_what_if_nobody_answers() {
        let call = |id: &str, parent: &str, peer: &str| {
            let mut call = span(id, Some(parent), "checkout", "POST", 20, 80);
            call.kind = "client".to_owned();
            for (key, value) in [
                ("peer.service", peer),
                ("url.full", "http://127.0.0.1:1/charges/7?a=b"),
            ] {
                call.attributes.insert(key.to_owned(), value.to_owned());
            }
            call
        };
        let mut trace = order();
        trace.spans[2].parent = Some("6".to_owned());
        trace.spans.push(call("6", "2", "inventory"));
        trace.spans.push(call("7", "2", "payment"));
        let lines = waterfall(&trace, Style::PLAIN, 100, false);
        for name in [
            "    checkout-1 POST → inventory  ",
            "    checkout-1 POST → payment /charges/7  ",
        ] {
            assert!(lines.contains(name), "{lines}");
        }
    }

    #[test]
    fn verbose_adds_attributes() {
        let lines = waterfall(&order(), Style::PLAIN, 100, true);
        assert!(
            lines.contains("          db.system.name = sqlite\n"),
            "{lines}"
        );
    }

    #[test]
    fn self_time_is_what_no_child_covers() {
        let check = |children: &[(u64, u64)], expected_ms: u64| {
            let parent = span("p", None, "a", "p", 10, 110);
            let spans: Vec<Span> = children
                .iter()
                .map(|(from, to)| span("c", Some("p"), "a", "c", *from, *to))
                .collect();
            let children: Vec<&Span> = spans.iter().collect();
            assert_eq!(self_ns(&parent, &children), expected_ms * 1_000_000);
        };
        check(&[], 100);
        check(&[(20, 30), (50, 60)], 80);
        check(&[(20, 60), (40, 70)], 50);
        check(&[(20, 90), (30, 40)], 30);
        check(&[(100, 200)], 90);
        check(&[(0, 20)], 90);
        check(&[(10, 110), (10, 110)], 0);
    }

    #[test]
    fn a_trace_with_missing_parents_or_a_circle_still_shows_what_there_is() {
        let circle = trace(vec![
            span("1", Some("2"), "a", "one", 0, 10),
            span("2", Some("1"), "a", "two", 0, 10),
            span("3", Some("3"), "a", "three", 0, 10),
            span("4", Some("gone"), "a", "four", 5, 10),
            span("5", None, "a", "five", 0, 10),
        ]);
        let lines = waterfall(&circle, Style::PLAIN, 80, false);
        for name in ["… a-1 one", "  a-1 two", "three", "… a-1 four", "a-1 five"] {
            assert!(lines.contains(name), "{lines}");
        }
        assert!(waterfall(&trace(vec![]), Style::PLAIN, 80, false).contains("0 spans"));
    }
}
