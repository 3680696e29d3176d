//! `compare logs`: patterns that are new or multiplied.

use std::collections::BTreeMap;

use grader::effect::log::Pattern;
use grader::evidence::{LogLine, Logs, Look, LookKind};
use grader::moment::Frame;
use schemars::JsonSchema;
use serde::Serialize;
use time::Duration;

use super::{Spells, surprise};
use crate::cli::compare::CompareLogs as Args;
use crate::commands::source::{self, Place};
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Lines of one pattern on both sides.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "LogDifference")]
pub(in crate::commands) struct Row {
    service: String,
    level: String,
    /// The newest line's message.
    message: String,
    /// Lines in the baseline, and per second.
    before: u64,
    before_per_s: f64,
    /// Lines since something may have changed, and per second.
    now: u64,
    now_per_s: f64,
    /// What `logs` finds them with.
    query: String,
    score: f64,
}

/// Prints the patterns that differ.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let spells = Spells::of(&place);
    let frame = source::frame(&place.folder, place.now);
    let look = Look::by_command(LookKind::Log, "compare".to_owned(), context.now);
    place.note(&look);
    let mut rows = counted(&place, &frame, spells)?;
    rows.truncate(args.limit);
    if args.recorded.format.json {
        context.terminal.json(&rows)?;
    } else if rows.is_empty() {
        context
            .terminal
            .note("no log pattern differs from the baseline");
    } else {
        let text = render(&rows, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn counted(place: &Place, frame: &Frame, spells: Spells) -> anyhow::Result<Vec<Row>> {
    let mut patterns: BTreeMap<(String, String, String), (u64, u64, String)> = BTreeMap::new();
    let count = |line: &LogLine| {
        let Some(at) = line.at else { return };
        let is_before = spells.baseline.contains(at, Duration::ZERO);
        let is_now = spells.incident.contains(at, Duration::ZERO);
        if !is_before && !is_now {
            return;
        }
        let Pattern {
            service,
            level,
            text,
        } = Pattern::of(line);
        let counts = patterns.entry((service, level, text)).or_default();
        counts.0 += u64::from(is_before);
        counts.1 += u64::from(is_now);
        if is_now || counts.2.is_empty() {
            counts.2 = line.text("message");
        }
    };
    Logs::open(&place.folder)
        .visit(frame, count)
        .map_err(source::explain)?;
    let (before_s, now_s) = (
        spells.baseline.length().as_seconds_f64(),
        spells.incident.length().as_seconds_f64(),
    );
    let rows = patterns
        .into_iter()
        .map(|((service, level, _), (before, now, message))| Row {
            score: weight(&level) * surprise(before as f64, before_s, now as f64, now_s),
            query: format!("service={service} level={level} {}", literal(&message)),
            before_per_s: before as f64 / before_s.max(1.0),
            now_per_s: now as f64 / now_s.max(1.0),
            service,
            level,
            message,
            before,
            now,
        });
    Ok(ranked(rows.collect()))
}

/// New ones first, then by how much they differ; what does not differ is left out.
fn ranked(mut rows: Vec<Row>) -> Vec<Row> {
    // A few lines that are missing are what a start has said.
    rows.retain(|row| row.score > 0.3 && (row.now > 0 || row.before >= 5));
    rows.sort_by(|a, b| {
        let is_new = |row: &Row| row.before == 0;
        is_new(b).cmp(&is_new(a)).then(b.score.total_cmp(&a.score))
    });
    rows
}

/// An error says more than a line of routine.
fn weight(level: &str) -> f64 {
    match level {
        "error" => 3.0,
        "warn" => 2.0,
        _ => 1.0,
    }
}

/// The longest part of a message without what varies in it, quoted.
fn literal(message: &str) -> String {
    let varies = |word: &str| word.contains(|c: char| c.is_ascii_digit() || "`\"'".contains(c));
    let mut longest = String::new();
    let mut run: Vec<&str> = Vec::new();
    for word in message.split_whitespace().chain(["0"]) {
        if varies(word) {
            let text = run.join(" ");
            if text.len() > longest.len() {
                longest = text;
            }
            run.clear();
        } else {
            run.push(word);
        }
    }
    format!("\"{}\"", longest.replace('\\', "\\\\"))
}

fn render(rows: &[Row], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("BEFORE/S", Align::Right),
        ("NOW/S", Align::Right),
        ("LINES", Align::Right),
        ("LEVEL", Align::Left),
        ("SERVICE", Align::Left),
        ("MESSAGE", Align::Left),
    ]);
    for row in rows {
        let before = match row.before {
            0 => Cell::new(Ink::Warning, "new"),
            _ => format!("{:.2}", row.before_per_s).into(),
        };
        let ink = match row.level.as_str() {
            "error" => Ink::Error,
            "warn" => Ink::Warning,
            _ => Ink::Faint,
        };
        table.row([
            before,
            Cell::new(Ink::Strong, format!("{:.2}", row.now_per_s)),
            row.now.to_string().into(),
            Cell::new(ink, row.level.to_uppercase()),
            Cell::new(Ink::Heading, row.service.as_str()),
            row.message.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(message: &str, level: &str, before: u64, now: u64) -> Row {
        Row {
            service: "inventory".to_owned(),
            level: level.to_owned(),
            message: message.to_owned(),
            before,
            before_per_s: before as f64 / 10.0,
            now,
            now_per_s: now as f64 / 30.0,
            query: String::new(),
            score: weight(level) * surprise(before as f64, 10.0, now as f64, 30.0),
        }
    }

    #[test]
    fn new_patterns_come_first_and_those_that_are_as_before_are_left_out() {
        let rows = ranked(vec![
            row("as before", "info", 20, 60),
            row("multiplied", "warn", 10, 300),
            row("new", "error", 0, 40),
        ]);
        insta::assert_snapshot!(render(&rows, Style::PLAIN, 100), @r"
        BEFORE/S  NOW/S  LINES  LEVEL  SERVICE    MESSAGE
             new   1.33     40  ERROR  inventory  new
            1.00  10.00    300  WARN   inventory  multiplied
        ");
    }

    #[test]
    fn what_varies_in_a_message_is_not_searched() {
        for (message, expected) in [
            (
                "failed to read order 17 of cart c-9",
                "\"failed to read order\"",
            ),
            (
                "unknown variant `x`, expected `y` at line 1",
                "\"unknown variant\"",
            ),
            ("17", "\"\""),
        ] {
            assert_eq!(literal(message), expected);
        }
    }
}
