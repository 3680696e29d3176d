//! A verdict for a terminal: aligned, and coloured where that is wanted. It opens with what decided it.

use std::fmt::Write as _;

use grader::Verdict;
use grader::pointer::{Executed, Outcome};
use grader::verdict::{Condition, Taken};
use text::format::{self, harmless};

use super::rival::{self, standing};
use crate::terminal::{Ink, Style};

/// Columns before the reason of an item.
const INDENT: usize = 30;

/// The whole verdict, wrapped to `width` columns.
pub fn verdict(verdict: &Verdict, style: Style, width: usize) -> String {
    let width = width.clamp(60, 140);
    let mut out = String::new();
    headline(&mut out, verdict, style, width);
    out.push('\n');
    conditions(&mut out, &verdict.conditions, style, width);
    let rivals = rivals(verdict, style, width);
    if !rivals.is_empty() {
        let _ = write!(out, "\n{rivals}");
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

fn headline(out: &mut String, verdict: &Verdict, style: Style, width: usize) {
    let (word, ink) = match verdict.passed {
        true => ("PASSED", Ink::Good),
        false => ("NOT PASSED", Ink::Error),
    };
    let head = style.paint(ink, word);
    let score = rival::score(verdict);
    match rival::unmet(verdict) {
        Some(unmet) => {
            wrapped(out, &head, &unmet, width);
            wrapped(out, "", &score, width);
        }
        None => wrapped(out, &head, &score, width),
    }
    let mut notes = vec![(Ink::Faint, rival::about(verdict))];
    if verdict.amended {
        notes[0].1 += ", amended: a second write-up, handed in before the answer was shown";
    }
    if verdict.incomplete {
        let note = "Some evidence could not be checked because a backend did not answer or lost it; this does not count against you.";
        notes.push((Ink::Warning, note.to_owned()));
    }
    if let Some(why) = &verdict.unproven {
        let note = format!("Could not check whether the drill is valid: {why}.");
        notes.push((Ink::Warning, note));
    }
    for (ink, note) in notes {
        let mut text = String::new();
        wrapped(&mut text, "", &note, width);
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "{}", style.paint(ink, text.trim_end()));
    }
}

/// The requirements, those that are not met first.
pub(super) fn conditions(out: &mut String, all: &[Condition], style: Style, width: usize) {
    let _ = writeln!(out, "{}", style.paint(Ink::Heading, "Requirements"));
    let widest = all.iter().map(|one| one.name.len()).max().unwrap_or(0);
    for condition in rival::by_weight(all) {
        let (mark, ink) = match (condition.met, condition.unchecked) {
            (true, _) => ("yes", Ink::Good),
            (false, true) => ("?", Ink::Warning),
            (false, false) => ("no", Ink::Error),
        };
        let mark = style.paint(ink, &format!("{mark:3}"));
        let head = format!("  {mark}  {:widest$}", condition.name);
        wrapped(out, &head, &condition.why, width);
    }
}

/// The other causes of the page: what excludes each, or what would have; nothing where there is none.
pub fn rivals(verdict: &Verdict, style: Style, width: usize) -> String {
    let rows = &verdict.rivals;
    if rows.is_empty() {
        return String::new();
    }
    let heading = style.paint(Ink::Heading, "What else it could have been");
    let mut out = format!("{heading}  ({})\n", rival::tally(rows));
    for group in rival::grouped(rows) {
        for (index, row) in group.rows.iter().enumerate() {
            let (mark, ink) = standing(row);
            let mark = if index == 0 { mark } else { "" };
            let page = if row.has_page { "" } else { " (another page)" };
            let _ = writeln!(
                out,
                "  {}  {}{}",
                style.paint(ink, &format!("{mark:8}")),
                harmless(&row.title),
                style.paint(Ink::Faint, page)
            );
        }
        wrapped(&mut out, &" ".repeat(10), &group.reason(), width);
    }
    out
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
            (None, None) => match finding.effect.faint() {
                Some((feature, change)) => {
                    format!(
                        "; too little to tell from noise: {}: {}",
                        feature.name, change.what
                    )
                }
                None => "; no different from before".to_owned(),
            },
        };
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// Writes `head`, then `text` in the columns to its right. Escape sequences in `head` take no room.
fn wrapped(out: &mut String, head: &str, text: &str, width: usize) {
    let indent = match visible(head) {
        0 => 0,
        columns => columns + 2,
    };
    let _ = write!(out, "{head}{}", " ".repeat(indent - visible(head)));
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
        insta::assert_snapshot!(verdict(&sample::verdict(), Style::PLAIN, 90), @r#"
        NOT PASSED  A requirement is not met: other causes are excluded.
        64 of 100 points, 70 needed. The parts below add up to 93; as long as a requirement is not
        met, the score stays below 70.
        run 2026-11-23-100000-k3 of slow-checkout, level 2
        Some evidence could not be checked because a backend did not answer or lost it; this does
        not count against you.

        Requirements
          no   other causes are excluded  What you show would look the same in 1 of 5 others:
                                          Prices are old.
          yes  root cause is right        Component and mechanism are right.

        What else it could have been  (3 of 5 excluded)
          excluded  Orders wait in a queue
                    Stock <is> counted twice
                    cause.evidence[1]: p99 went up (0.04 before, 0.48 then). There it would not,
                    or by far less. Up to 2 more pointers exclude them.
          possible  Prices are old
                    Your evidence would look the same there. This tells them apart:
                    `promql:cache_age_seconds@page`. cache_age_seconds{service="inventory"} goes
                    down in this drill and not there (30 to 31 before, 2 then).
          excluded  Carts are lost (another page)
                    ruled_out[0].evidence[0]: p99 would go up there (3 before, 9 then). Here it
                    did not.
          unknown   Payments fail (another page)
                    Could not be checked and does not count against you: its reference is missing.

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
                   0.48 at 10:07:00; no evidence: `up` says how the scrape went.
          shows    timeline[0].evidence[0]  promql:p99@page => 0.48
                   0.48 at 10:07:00; p99: 0.04 before, 0.48 then.
          fails    trigger.evidence[0]  deploy:<b>\u{1b}[31m
                   this run has no deploy `<b>\u{1b}[31m`.
          unknown  impact.evidence[0]  trace:ab
                   could not be checked: Jaeger does not answer.

        How long it took  (recorded, not graded)
            12s  detect                 The change was at 10:06:48, the page at 10:07:00.
         1m 05s  first look             logs `level=error <x>` at 10:08:05; 2 looks in all.
              -  mitigate               No recorded action ended it.
        "#);
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
