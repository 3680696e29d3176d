//! A verdict as one HTML page without anything beside it, to be sent to a colleague.

use std::fmt::Write as _;

use grader::pointer::Executed;
use grader::verdict::{Item, Taken};
use grader::writeup::{Claim, RuledOut};
use grader::{Verdict, WriteUp};

use super::text::{account, mark, took};
use super::{picture, rival};
use crate::terminal::Ink;

const STYLE: &str = include_str!("verdict.css");

/// The page. `title` is the drill's title; the write-up is shown beside its grade.
pub fn html(title: &str, writeup: &WriteUp, verdict: &Verdict) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{} – {}</title><style>{STYLE}</style></head><body><main>
"#,
        escape(title),
        word(verdict),
    );
    head(&mut out, title, writeup, verdict);
    conditions(&mut out, verdict);
    picture::rivals(&mut out, verdict);
    items(&mut out, &verdict.items);
    pointers(&mut out, &verdict.pointers);
    times(&mut out, &verdict.times);
    answer(&mut out, writeup);
    out.push_str("</main></body></html>\n");
    out
}

fn word(verdict: &Verdict) -> &'static str {
    if verdict.passed {
        "passed"
    } else {
        "not passed"
    }
}

fn head(out: &mut String, title: &str, writeup: &WriteUp, verdict: &Verdict) {
    let class = if verdict.passed { "good" } else { "bad" };
    let _ = write!(
        out,
        r#"<header class="{class}"><div><p class="word">{}</p><h1>{}</h1><p class="run">{}</p></div>
<div class="score" role="img" aria-label="{score} of 100 points, {mark} needed"><strong>{score}</strong><span>of 100<br>{mark} needed</span></div></header>
<div class="bar wide"><i style="width:{score}%"></i><b style="left:{mark}%"></b></div>
"#,
        word(verdict),
        escape(title),
        escape(&rival::about(verdict)),
        score = verdict.score.min(100),
        mark = verdict.pass_mark.min(100),
    );
    let score = escape(&rival::score(verdict));
    match rival::unmet(verdict) {
        Some(unmet) => {
            let unmet = escape(&unmet);
            let _ = writeln!(
                out,
                "<p class=\"note bad\"><strong>{unmet}</strong> {score}</p>"
            );
        }
        // The bar says the rest.
        None if verdict.passed => {}
        None => drop(writeln!(out, "<p class=\"note bad\">{score}</p>")),
    }
    if verdict.amended {
        out.push_str("<p class=\"note\">Amended: this grades a second write-up, handed in before the answer was shown. The first one and its verdict are kept beside it.</p>\n");
    }
    if verdict.incomplete {
        out.push_str("<p class=\"note\">Some evidence could not be checked because a backend did not answer or lost it.</p>\n");
    }
    if let Some(why) = &verdict.unproven {
        let _ = writeln!(
            out,
            "<p class=\"note\">Could not check whether the drill is valid: {}.</p>",
            escape(why)
        );
    }
    if !writeup.summary.is_empty() {
        let _ = writeln!(out, "<p class=\"summary\">{}</p>", escape(&writeup.summary));
    }
    if !writeup.not_known.is_empty() {
        let text = escape(&writeup.not_known);
        let _ = writeln!(out, "<p class=\"note\">Not known: {text}</p>");
    }
}

fn conditions(out: &mut String, verdict: &Verdict) {
    out.push_str("<h2>Requirements</h2><ul class=\"conditions\">\n");
    for condition in rival::by_weight(&verdict.conditions) {
        let (class, sign) = match (condition.met, condition.unchecked) {
            (true, _) => ("good", "✓"),
            (false, true) => ("part", "?"),
            (false, false) => ("bad", "✗"),
        };
        let _ = writeln!(
            out,
            "<li class=\"{class}\"><b aria-hidden=\"true\">{sign}</b><div><strong>{}</strong><p>{}</p></div></li>",
            escape(&condition.name),
            code(&condition.why),
        );
    }
    out.push_str("</ul>\n");
}

fn items(out: &mut String, items: &[Item]) {
    out.push_str("<h2>Points</h2><table><tbody>\n");
    for item in items {
        let (points, share) = match item.of {
            0.0 => ("not counted".to_owned(), 0.0),
            of => (format!("{} of {of}", item.points), 100.0 * item.points / of),
        };
        let class = match share {
            _ if item.of == 0.0 => "none",
            share if share >= 99.9 => "good",
            0.0 => "bad",
            _ => "part",
        };
        let hint = match &item.hint {
            Some(hint) => format!("<p class=\"hint\">{}</p>", code(hint)),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\">{}</th><td class=\"points\">{points}<div class=\"bar\"><i style=\"width:{share:.0}%\"></i></div></td><td>{}{hint}</td></tr>",
            escape(&item.name),
            code(&item.why),
        );
    }
    out.push_str("</tbody></table>\n");
}

fn pointers(out: &mut String, pointers: &[Executed]) {
    out.push_str("<h2>Evidence</h2>\n");
    if pointers.is_empty() {
        out.push_str("<p>The write-up has no pointers.</p>\n");
        return;
    }
    out.push_str("<ul class=\"evidence\">\n");
    for pointer in pointers {
        let (mark, ink) = mark(pointer);
        let _ = writeln!(
            out,
            "<li class=\"{}\"><b>{mark}</b><div><code>{}</code><p>{} <span class=\"field\">for {}</span></p></div></li>",
            class(ink),
            escape(&pointer.text),
            code(&account(pointer)),
            pointer
                .field
                .map_or_else(String::new, |at| at.field.to_string()),
        );
    }
    out.push_str("</ul>\n");
}

fn times(out: &mut String, times: &[Taken]) {
    if times.is_empty() {
        return;
    }
    out.push_str(
        "<h2>How long it took</h2><p class=\"hint\">Recorded, not graded.</p>\n<table><tbody>\n",
    );
    for taken in times {
        let _ = writeln!(
            out,
            "<tr class=\"none\"><th scope=\"row\">{}</th><td class=\"points\">{}</td><td>{}</td></tr>",
            escape(&taken.name),
            took(taken),
            code(&taken.why),
        );
    }
    out.push_str("</tbody></table>\n");
}

/// The answer itself, so that the page can be read without the file.
fn answer(out: &mut String, writeup: &WriteUp) {
    let claim = match writeup.verdict {
        Some(Claim::Incident) => "incident",
        Some(Claim::NoIncident) => "no incident",
        None => "not said",
    };
    let or_dash = |word: Option<&str>| word.unwrap_or("–").to_owned();
    let cause = &writeup.cause;
    let component = or_dash(cause.component.map(|word| word.as_str()));
    let mechanism = or_dash(cause.mechanism.map(|word| word.as_str()));
    let trigger = [
        or_dash(writeup.trigger.kind.map(|word| word.as_str())),
        writeup.trigger.deploy.clone().unwrap_or_default(),
    ];
    let ruled_out: Vec<String> = writeup.ruled_out.iter().map(ruled_out_text).collect();
    let action_items: Vec<String> = writeup
        .action_items
        .iter()
        .map(|item| format!("{} ({})", item.what, item.owner))
        .collect();
    let rows = [
        ("verdict", claim.to_owned()),
        (
            "severity",
            or_dash(writeup.severity.map(|word| word.as_str())),
        ),
        ("impact", writeup.impact.description.clone()),
        (
            "trigger",
            format!("{} {}", trigger.join(" "), writeup.trigger.explanation),
        ),
        (
            "root cause",
            format!("{component}, {mechanism}. {}", cause.explanation),
        ),
        ("ruled out", ruled_out.join("\n")),
        ("mitigation", writeup.mitigation.action.clone()),
        ("action items", action_items.join("\n")),
        ("alert", writeup.alert.expr.clone()),
        (
            "confidence",
            writeup
                .confidence
                .map_or_else(String::new, |sure| sure.to_string()),
        ),
        ("in words", writeup.narrative.clone()),
    ];
    out.push_str("<h2>The write-up</h2><table class=\"answer\"><tbody>\n");
    for (name, text) in rows.iter().filter(|(_, text)| !text.trim().is_empty()) {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>",
            escape(text.trim())
        );
    }
    out.push_str("</tbody></table>\n");
}

/// A hypothesis in the vocabulary, as far as it is, and in words.
fn ruled_out_text(entry: &RuledOut) -> String {
    let component = entry.component.map(|word| word.as_str());
    let mechanism = entry.mechanism.map(|word| word.as_str());
    let words = [component, mechanism, Some(entry.hypothesis.as_str())];
    let words: Vec<&str> = words
        .into_iter()
        .flatten()
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}: {}", words.join(", "), entry.because)
}

/// The colour of a mark.
pub(super) fn class(ink: Ink) -> &'static str {
    match ink {
        Ink::Good => "good",
        Ink::Error => "bad",
        Ink::Warning => "part",
        _ => "none",
    }
}

/// Text from outside, with what stands between backticks as code.
pub(super) fn code(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // One that has no other is a backtick.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let mut out = String::with_capacity(text.len());
    for (index, part) in parts.into_iter().enumerate() {
        match index % 2 {
            0 => out.push_str(&escape(part)),
            _ => {
                let _ = write!(out, "<code>{}</code>", escape(part));
            }
        }
    }
    out
}

/// Text from outside, as text.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_page_stands_alone_and_runs_nothing() {
        let page = html("Orders <are> slow", &sample::writeup(), &sample::verdict());
        for foreign in [
            "<script",
            "http://",
            "https://",
            "src=",
            "<link",
            "<b>\u{1b}",
            "<are>",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        for told in [
            "64",
            "not passed",
            "A requirement is not met: other causes are excluded.",
            "not counted",
            "What else it could have been",
            "3 of 5 excluded",
            "run 2026-11-23-100000-k3 of slow-checkout, level 2",
            "aria-label=\"Your run: 440 ms\"",
            "aria-label=\"Stock &lt;is&gt; counted twice: no change\"",
            "How long it took",
            "level=error &lt;x&gt;",
            "1m 05s",
            "&lt;three&gt; seconds &amp; more",
            "missing-index",
        ] {
            assert!(page.contains(told), "{told}");
        }
    }
}
