//! A verdict for a terminal: aligned, and coloured where that is wanted.

use std::fmt::Write as _;

use grader::Verdict;
use grader::differential::{Exclusion, Standing};
use grader::lineup::Row;
use grader::pointer::{Executed, Outcome};
use grader::verdict::Taken;
use text::format::{self, harmless};

use crate::terminal::{Ink, Style};

/// Columns before the reason of an item.
const INDENT: usize = 30;

/// The whole verdict, wrapped to `width` columns.
pub fn verdict(verdict: &Verdict, style: Style, width: usize) -> String {
    let width = width.clamp(60, 140);
    let mut out = String::new();
    headline(&mut out, verdict, style);
    out.push('\n');
    conditions(&mut out, verdict, style, width);
    if !verdict.rivals.is_empty() {
        let _ = write!(out, "\n{}", rivals(verdict, style, width));
    }
    out.push('\n');
    items(&mut out, verdict, style, width);
    if !verdict.pointers.is_empty() {
        out.push('\n');
        pointers(&mut out, &verdict.pointers, style, width);
    }
    if !verdict.times.is_empty() {
        out.push('\n');
        times(&mut out, &verdict.times, style, width);
    }
    out
}

fn headline(out: &mut String, verdict: &Verdict, style: Style) {
    let (word, ink) = match verdict.passed {
        true => ("PASSED", Ink::Good),
        false => ("NOT PASSED", Ink::Error),
    };
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "{}  {} of 100 points, {} needed  {}",
        style.paint(ink, word),
        verdict.score,
        verdict.pass_mark,
        style.paint(Ink::Faint, &format!("run {}", verdict.run)),
    );
    if verdict.score < verdict.earned {
        let note = format!(
            "A requirement is not met, so that {} points count as {}.",
            verdict.earned, verdict.score
        );
        let _ = writeln!(out, "{}", style.paint(ink, &note));
    }
    if verdict.incomplete {
        let note = "Some evidence could not be checked because a backend did not answer or lost it; this does not count against you.";
        let _ = writeln!(out, "{}", style.paint(Ink::Warning, note));
    }
    if let Some(why) = &verdict.unproven {
        let note = format!("Could not check whether the drill is valid: {why}.");
        let _ = writeln!(out, "{}", style.paint(Ink::Warning, &note));
    }
}

fn conditions(out: &mut String, verdict: &Verdict, style: Style, width: usize) {
    let _ = writeln!(out, "{}", style.paint(Ink::Heading, "Requirements"));
    for condition in &verdict.conditions {
        let (mark, ink) = match (condition.met, condition.unchecked) {
            (true, _) => ("yes", Ink::Good),
            (false, true) => ("?", Ink::Warning),
            (false, false) => ("no", Ink::Error),
        };
        let head = format!("  {:3}  {:23}", mark, condition.name);
        let painted = head.replacen(mark, &style.paint(ink, mark), 1);
        wrapped(out, &painted, &condition.why, width);
    }
}

/// The other causes of the page: what excludes each, or what would have.
pub fn rivals(verdict: &Verdict, style: Style, width: usize) -> String {
    let heading = style.paint(Ink::Heading, "What else it could have been");
    let mut out = format!("{heading}\n");
    for row in &verdict.rivals {
        let (mark, ink) = standing(row);
        let page = if row.has_page { "" } else { " (another page)" };
        let _ = writeln!(
            out,
            "  {}  {}{}",
            style.paint(ink, &format!("{mark:9}")),
            row.title,
            style.paint(Ink::Faint, page)
        );
        wrapped(&mut out, &" ".repeat(11), &reason(row), width);
    }
    out
}

/// What became of a rival, in one word.
pub(super) fn standing(row: &Row) -> (&'static str, Ink) {
    match row.outcome.standing {
        Standing::Excluded { .. } => ("excluded", Ink::Good),
        Standing::Standing => ("possible", Ink::Error),
        Standing::Unchecked { .. } => ("unknown", Ink::Warning),
    }
}

/// What excludes a rival, or what would have.
pub(super) fn reason(row: &Row) -> String {
    match (&row.outcome.standing, &row.would) {
        (Standing::Excluded { by }, _) => {
            let first = by.first().map(excluded).unwrap_or_default();
            match by.len() {
                0 | 1 => format!("{first}."),
                many => format!("{first}; and {} more.", many - 1),
            }
        }
        (Standing::Unchecked { why }, _) => format!("It could not be checked: {why}."),
        (Standing::Standing, Some(would)) => format!(
            "What you show would look the same there. This tells them apart: {} ({}: {}).",
            would.pointer, would.feature.name, would.what
        ),
        (Standing::Standing, None) => "What you show would look the same there.".to_owned(),
    }
}

fn excluded(by: &Exclusion) -> String {
    let there = match by.is_here {
        true => "not so there",
        false => "there, and not here",
    };
    format!("{}: {} ({}), {there}", by.field, by.feature.name, by.what)
}

fn items(out: &mut String, verdict: &Verdict, style: Style, width: usize) {
    let _ = writeln!(out, "{}", style.paint(Ink::Heading, "Points"));
    for item in &verdict.items {
        let (points, ink) = match item.of {
            0.0 => ("-".to_owned(), Ink::Faint),
            of if item.points >= of => (format!("{}/{of}", item.points), Ink::Good),
            of if item.points == 0.0 => (format!("0/{of}"), Ink::Error),
            of => (format!("{}/{of}", item.points), Ink::Warning),
        };
        let points = format!("{points:>7}");
        let head = format!("{}  {:21}", style.paint(ink, &points), item.name);
        wrapped(out, &head, &item.why, width);
        if let Some(hint) = &item.hint {
            let mut text = String::new();
            wrapped(
                &mut text,
                &" ".repeat(INDENT),
                &format!("hint: {hint}"),
                width,
            );
            let _ = writeln!(out, "{}", style.paint(Ink::Faint, text.trim_end()));
        }
    }
}

fn times(out: &mut String, times: &[Taken], style: Style, width: usize) {
    let heading = style.paint(Ink::Heading, "How long it took");
    let _ = writeln!(out, "{heading}  (recorded, not graded)");
    for taken in times {
        let head = format!("{:>7}  {:21}", took(taken), taken.name);
        wrapped(out, &head, &taken.why, width);
    }
}

/// How long a part took, `-` if it is not on record.
pub(super) fn took(taken: &Taken) -> String {
    taken.seconds.map_or_else(
        || "-".to_owned(),
        |seconds| format::elapsed(seconds.round() as u64),
    )
}

fn pointers(out: &mut String, pointers: &[Executed], style: Style, width: usize) {
    let _ = writeln!(out, "{}", style.paint(Ink::Heading, "Evidence"));
    for pointer in pointers {
        let (mark, ink) = mark(pointer);
        let _ = writeln!(
            out,
            "  {}  {}  {}",
            style.paint(ink, &format!("{mark:7}")),
            pointer.address(),
            style.paint(Ink::Faint, &harmless(&pointer.text))
        );
        wrapped(out, &" ".repeat(9), &account(pointer), width);
    }
}

/// What became of a pointer, in one word.
pub(super) fn mark(pointer: &Executed) -> (&'static str, Ink) {
    match &pointer.outcome {
        _ if pointer.shows() => ("shows", Ink::Good),
        Outcome::Found(_) if !pointer.resolves() => ("differs", Ink::Error),
        Outcome::Found(_) => ("found", Ink::Plain),
        Outcome::Unchecked(_) => ("unknown", Ink::Warning),
        Outcome::Malformed(_) | Outcome::Failed(_) => ("fails", Ink::Error),
    }
}

/// What a pointer leads to, and what of it differs from the baseline.
pub(super) fn account(pointer: &Executed) -> String {
    let mut text = pointer.sentence();
    if let Some(finding) = pointer.finding() {
        if finding.value_holds == Some(false) {
            text += "; the claimed value is more than 10 % off";
        }
        text += &match (finding.effect.strongest(), &finding.effect.refused) {
            (Some((feature, change)), _) => format!("; {}: {}", feature.name, change.what),
            (None, Some(why)) => format!("; no evidence: {why}"),
            (None, None) => "; no different from before".to_owned(),
        };
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// Writes `head`, then `text` in the columns to its right. Escape sequences in `head` take no room.
fn wrapped(out: &mut String, head: &str, text: &str, width: usize) {
    let indent = visible(head) + 2;
    let _ = write!(out, "{head}  ");
    let mut column = indent;
    let mut is_first = true;
    for word in text.split_whitespace() {
        let word = harmless(word);
        let length = word.chars().count();
        if !is_first && column + 1 + length > width {
            let _ = write!(out, "\n{}", " ".repeat(indent));
            column = indent;
        } else if !is_first {
            out.push(' ');
            column += 1;
        }
        out.push_str(&word);
        column += length;
        is_first = false;
    }
    out.push('\n');
}

fn visible(text: &str) -> usize {
    let mut length = 0;
    let mut in_escape = false;
    for c in text.chars() {
        match (in_escape, c) {
            (false, '\x1b') => in_escape = true,
            (false, _) => length += 1,
            (true, 'm') => in_escape = false,
            (true, _) => {}
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_verdict_is_aligned_and_wrapped() {
        insta::assert_snapshot!(verdict(&sample::verdict(), Style::PLAIN, 90), @r"
        NOT PASSED  64 of 100 points, 70 needed  run 2026-11-23-100000-k3
        Some evidence could not be checked because a backend did not answer or lost it; this does not count against you.

        Requirements
          yes  root cause is right      Component and mechanism are right.
          no   root cause is proven     None of the cause's 2 pointers proves anything. The first:
                                        `promql:up@page`: 1 is within the baseline (1).

        Points
            5/5  severity               sev2 fits the impact.
          12/30  root cause             Component and mechanism are right. No evidence shows a
                                        difference from the baseline, so it could be a guess.
                                        hint: point to something that was different before the
                                        incident
            0/5  action items           0 given with at least three words, 1 required; one without
                                        an owner counts half.
              -  reproduction           None is given; it is not counted.

        Evidence
          found    cause.evidence[0]  promql:up@page
                   0.48 at 10:07:00; no proof: 1 is within the baseline (1).
          proves   timeline[0].evidence[0]  promql:p99@page => 0.48
                   0.48 at 10:07:00; 0.48 is outside the baseline (0.04).
          fails    trigger.evidence[0]  deploy:<b>\u{1b}[31m
                   this run has no deploy `<b>\u{1b}[31m`.
          unknown  impact.evidence[0]  trace:ab
                   could not be checked: Jaeger does not answer.

        How you worked  (recorded, not graded)
            12s  detect                 The change was at 10:06:48, the page at 10:07:00.
         1m 05s  diagnose               logs `level=error <x>` at 10:08:05 is the first look that
                                        shows the deciding signal: Lines that were not there.
              -  mitigate               No recorded action ended it.
                 Recorded looks: 2; showing a difference from the baseline: 1; showing the
                 deciding signal: 1.
        ");
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let style = Style {
            color: true,
            terminal: true,
        };
        let coloured = verdict(&sample::verdict(), style, 90);
        let mut plain = String::new();
        for (index, part) in coloured.split('\x1b').enumerate() {
            plain += if index == 0 {
                part
            } else {
                part.split_once('m').map_or("", |(_, rest)| rest)
            };
        }
        assert_eq!(plain, verdict(&sample::verdict(), Style::PLAIN, 90));
    }
}
