//! A verdict for a terminal: aligned, and coloured where that is wanted.

use std::fmt::Write as _;

use grader::Verdict;
use grader::pointer::{Executed, Outcome, Tells};

use crate::console::text::harmless;
use crate::console::{Ink, Style};

/// Columns before the reason of an item.
const INDENT: usize = 28;

/// The whole verdict, wrapped to `width` columns.
pub fn verdict(verdict: &Verdict, style: Style, width: usize) -> String {
    let width = width.clamp(60, 140);
    let mut out = String::new();
    headline(&mut out, verdict, style);
    out.push('\n');
    conditions(&mut out, verdict, style, width);
    out.push('\n');
    items(&mut out, verdict, style, width);
    if !verdict.pointers.is_empty() {
        out.push('\n');
        pointers(&mut out, &verdict.pointers, style, width);
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
    if verdict.incomplete {
        let note = "Some evidence could not be checked because a backend does not answer; submit again when it does.";
        let _ = writeln!(out, "{}", style.paint(Ink::Warning, note));
    }
}

fn conditions(out: &mut String, verdict: &Verdict, style: Style, width: usize) {
    let _ = writeln!(out, "{}", style.paint(Ink::Heading, "Must be met"));
    for condition in &verdict.conditions {
        let (mark, ink) = if condition.met {
            ("yes", Ink::Good)
        } else {
            ("no", Ink::Error)
        };
        let head = format!("  {:3}  {:21}", mark, condition.name);
        let painted = head.replacen(mark, &style.paint(ink, mark), 1);
        wrapped(out, &painted, &condition.why, width);
    }
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
        let head = format!("{}{}  {:19}", "", style.paint(ink, &points), item.name);
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

fn pointers(out: &mut String, pointers: &[Executed], style: Style, width: usize) {
    let _ = writeln!(out, "{}", style.paint(Ink::Heading, "Evidence"));
    for pointer in pointers {
        let (mark, ink) = mark(pointer);
        let _ = writeln!(
            out,
            "  {}  {}  {}",
            style.paint(ink, &format!("{mark:7}")),
            pointer.field,
            style.paint(Ink::Faint, &harmless(&pointer.text))
        );
        wrapped(out, &" ".repeat(11), &account(pointer), width);
    }
}

/// What became of a pointer, in one word.
pub(super) fn mark(pointer: &Executed) -> (&'static str, Ink) {
    match &pointer.outcome {
        _ if pointer.proves() => ("proves", Ink::Good),
        Outcome::Found(_) if !pointer.resolves() => ("differs", Ink::Error),
        Outcome::Found(finding) if finding.tells == Tells::NotAsked => ("is so", Ink::Plain),
        Outcome::Found(_) => ("is so", Ink::Warning),
        Outcome::Unchecked(_) => ("unknown", Ink::Warning),
        Outcome::Malformed(_) | Outcome::Failed(_) => ("is not", Ink::Error),
    }
}

/// What a pointer shows, and whether that tells the incident from the time before.
pub(super) fn account(pointer: &Executed) -> String {
    let mut text = pointer.sentence();
    if let Some(finding) = pointer.finding() {
        if finding.value_holds == Some(false) {
            text += "; the claimed value is more than 10 % off";
        }
        match &finding.tells {
            Tells::NotAsked => {}
            Tells::Yes(why) => text += &format!("; {why}"),
            Tells::No(why) => text += &format!("; no proof: {why}"),
        }
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
