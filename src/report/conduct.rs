//! "How you worked": what the record says about times and looks, for a terminal.

use std::fmt::Write as _;

use grader::evidence::By;
use grader::moment::clock_text;
use grader::verdict::{Conduct, Glance, Taken, Worth};
use text::format;
use text::format::harmless;

use crate::terminal::{Ink, Style};

/// Most looks that are listed; the JSON has them all.
const LISTED: usize = 60;

/// How long a part took, `-` if it is not on record.
pub(super) fn took(taken: &Taken) -> String {
    taken.seconds.map_or_else(
        || "-".to_owned(),
        |seconds| format::elapsed(seconds.round() as u64),
    )
}

/// In one sentence, how much was looked at and what it was good for.
pub fn summary(conduct: &Conduct) -> String {
    let all = conduct.looks.len();
    let is_telling = |look: &&Glance| look.worth != Worth::Little;
    let telling = conduct.looks.iter().filter(is_telling).count();
    let is_settling = |look: &&Glance| matches!(look.worth, Worth::Settling(_));
    let settling = conduct.looks.iter().filter(is_settling).count();
    match all {
        0 => "No looks at evidence were recorded.".to_owned(),
        _ => format!(
            "Recorded looks: {all}; showing a difference from the baseline: {telling}; showing the deciding signal: {settling}."
        ),
    }
}

/// Every look on a line of its own.
pub fn looks(conduct: &Conduct, style: Style) -> String {
    let mut out = String::new();
    for look in conduct.looks.iter().take(LISTED) {
        let (mark, ink) = worth(look);
        let by = match look.by {
            By::Command => "",
            By::Browser => " (browser)",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "  {}  {}  {}{by}: {}",
            style.paint(Ink::Faint, &clock_text(look.at)),
            style.paint(ink, &format!("{mark:7}")),
            look.kind.as_str(),
            harmless(&look.what)
        );
    }
    let more = conduct.looks.len().saturating_sub(LISTED);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more");
    }
    out
}

/// What a look was good for, in one word.
pub(super) fn worth(look: &Glance) -> (&'static str, Ink) {
    match look.worth {
        Worth::Little => ("", Ink::Faint),
        Worth::Telling => ("differs", Ink::Warning),
        Worth::Settling(_) => ("decides", Ink::Good),
    }
}
