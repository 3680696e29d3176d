//! The write-up's text: Markdown with a TOML head between two lines of `+++`.
//!
//! Reading is pure, and collects every problem with its line and key.

use grader::WriteUp;
use grader::writeup::{
    ActionItem, Alert, Cause, Claim, Contribution, Detection, Event, Impact, Mitigation,
    Reproduction, RuledOut, Trigger,
};
use toml::de::DeTable;

use super::section::{Section, Source};
use crate::scenario::problem::{Problem, tidy};

/// Larger write-ups are refused before anything is read.
pub const MAX_BYTES: usize = 256 << 10;

/// Reads a write-up; `file` is only named in problems.
pub fn parse(file: &str, text: &str) -> Result<WriteUp, Vec<Problem>> {
    let whole = |message: String| {
        vec![Problem {
            file: file.to_owned(),
            line: 1,
            column: 1,
            key: String::new(),
            message,
        }]
    };
    if text.len() > MAX_BYTES {
        return Err(whole(format!(
            "the write-up has {} bytes; the limit is {MAX_BYTES}",
            text.len()
        )));
    }
    let (start, end, body) = head(text).map_err(whole)?;
    let mut source = Source {
        file,
        text,
        offset: start,
        problems: Vec::new(),
    };
    let (table, errors) = DeTable::parse_recoverable(&text[start..end]);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let message =
            unquoted(&text[start..end], span.start).unwrap_or_else(|| error.message().to_owned());
        source.say(span, String::new(), message);
    }
    // What cannot be read leaves half a table, about which nothing true can be said.
    if !errors.is_empty() {
        tidy(&mut source.problems);
        return Err(source.problems);
    }
    let mut writeup = read(&mut source, table.get_ref());
    writeup.narrative = text[body..].trim().to_owned();
    tidy(&mut source.problems);
    match source.problems.is_empty() {
        true => Ok(writeup),
        false => Err(source.problems),
    }
}

/// Byte offsets: begin and end of the head, begin of the body.
fn head(text: &str) -> Result<(usize, usize, usize), String> {
    const MARK: &str = "+++";
    let mut start = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches('\u{feff}').trim_end();
        match start {
            None if bare == MARK => start = Some(at + line.len()),
            None if !bare.is_empty() => break,
            Some(start) if bare == MARK => return Ok((start, at, at + line.len())),
            _ => {}
        }
        at += line.len();
    }
    Err(match start {
        None => "the front matter is missing: the first line must be `+++`; `firedrill report new` writes a template".to_owned(),
        Some(_) => "the front matter has no end: a second `+++` line is missing".to_owned(),
    })
}

/// The commonest slip, for which the parser has a message about floats.
fn unquoted(head: &str, at: usize) -> Option<String> {
    let word: String = head
        .get(at..)?
        .chars()
        .take_while(|c| c.is_alphanumeric() || "-_ ".contains(*c))
        .collect();
    let before = head.get(..at)?.trim_end();
    let word = word.trim();
    (before.ends_with('=') && word.starts_with(char::is_alphabetic))
        .then(|| format!("put quotes around the text: \"{word}\""))
}

fn read(source: &mut Source, table: &DeTable) -> WriteUp {
    let mut root = Section::new(String::new(), Some(table));
    let mut lists = Lists::default();
    let verdict = root
        .word::<Spoken>(source, "verdict")
        .map(|spoken| spoken.0);
    let severity = root.word(source, "severity");
    let summary = root.text(source, "summary");
    let confidence = root.number(source, "confidence", 0.0..1.0);
    let impact = impact(source, &mut root);
    let detection = detection(source, &mut root);
    let trigger = trigger(source, &mut root);
    let cause = cause(source, &mut root);
    let reproduction = reproduction(source, &mut root);
    let mitigation = mitigation(source, &mut root);
    let alert = alert(source, &mut root);
    lists.read(source, &mut root);
    root.finish(source);
    WriteUp {
        verdict,
        severity,
        summary,
        confidence,
        impact,
        detection,
        timeline: lists.timeline,
        trigger,
        cause,
        contributing: lists.contributing,
        ruled_out: lists.ruled_out,
        reproduction,
        mitigation,
        action_items: lists.action_items,
        alert,
        narrative: String::new(),
    }
}

struct Spoken(Claim);

impl std::str::FromStr for Spoken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "incident" => Ok(Self(Claim::Incident)),
            "no incident" | "no-incident" => Ok(Self(Claim::NoIncident)),
            other => Err(format!(
                "`{other}` is not a verdict; write `incident` or `no incident`"
            )),
        }
    }
}

fn impact(source: &mut Source, root: &mut Section) -> Impact {
    let mut section = root.table(source, "impact");
    let impact = Impact {
        start: section.moment(source, "start"),
        end: section.moment(source, "end"),
        requests: section.count(source, "requests"),
        failed: section.count(source, "failed"),
        slow: section.count(source, "slow"),
        p99_ms: section.number(source, "p99_ms", 0.0..1e9),
        description: section.text(source, "description"),
        evidence: section.evidence(source),
    };
    section.finish(source);
    impact
}

fn detection(source: &mut Source, root: &mut Section) -> Detection {
    let mut section = root.table(source, "detection");
    let detection = Detection {
        at: section.moment(source, "at"),
        by: section.text(source, "by"),
        evidence: section.evidence(source),
    };
    section.finish(source);
    detection
}

fn trigger(source: &mut Source, root: &mut Section) -> Trigger {
    let mut section = root.table(source, "trigger");
    let trigger = Trigger {
        kind: section.word(source, "kind"),
        deploy: Some(section.text(source, "deploy")).filter(|id| !id.is_empty()),
        at: section.moment(source, "at"),
        explanation: section.text(source, "explanation"),
        evidence: section.evidence(source),
    };
    section.finish(source);
    trigger
}

fn cause(source: &mut Source, root: &mut Section) -> Cause {
    let mut section = root.table(source, "cause");
    let cause = Cause {
        component: section.word(source, "component"),
        mechanism: section.word(source, "mechanism"),
        explanation: section.text(source, "explanation"),
        evidence: section.evidence(source),
    };
    section.finish(source);
    cause
}

fn reproduction(source: &mut Source, root: &mut Section) -> Reproduction {
    let mut section = root.table(source, "reproduction");
    let reproduction = Reproduction {
        commands: section.texts(source, "command"),
        shows: section.text(source, "shows"),
        evidence: section.evidence(source),
    };
    section.finish(source);
    reproduction
}

fn mitigation(source: &mut Source, root: &mut Section) -> Mitigation {
    let mut section = root.table(source, "mitigation");
    let mitigation = Mitigation {
        action: section.text(source, "action"),
        at: section.moment(source, "at"),
        evidence: section.evidence(source),
    };
    section.finish(source);
    mitigation
}

fn alert(source: &mut Source, root: &mut Section) -> Alert {
    let mut section = root.table(source, "alert");
    let alert = Alert {
        expr: section.text(source, "expr"),
        hold_s: section
            .span(source, "for")
            .map_or(0.0, |hold| hold.as_seconds_f64()),
    };
    section.finish(source);
    alert
}

#[derive(Default)]
struct Lists {
    timeline: Vec<Event>,
    contributing: Vec<Contribution>,
    ruled_out: Vec<RuledOut>,
    action_items: Vec<ActionItem>,
}

impl Lists {
    fn read(&mut self, source: &mut Source, root: &mut Section) {
        for mut section in root.tables(source, "timeline") {
            self.timeline.push(Event {
                at: section.moment(source, "at"),
                what: section.text(source, "what"),
                evidence: section.evidence(source),
            });
            section.finish(source);
        }
        for mut section in root.tables(source, "contributing") {
            self.contributing.push(Contribution {
                what: section.text(source, "what"),
                component: section.word(source, "component"),
                mechanism: section.word(source, "mechanism"),
                evidence: section.evidence(source),
            });
            section.finish(source);
        }
        for mut section in root.tables(source, "ruled_out") {
            self.ruled_out.push(RuledOut {
                hypothesis: section.text(source, "hypothesis"),
                because: section.text(source, "because"),
                evidence: section.evidence(source),
            });
            section.finish(source);
        }
        for mut section in root.tables(source, "action_items") {
            self.action_items.push(ActionItem {
                what: section.text(source, "what"),
                owner: section.text(source, "owner"),
            });
            section.finish(source);
        }
        self.drop_empty();
    }

    /// Entries that the template offers and nobody filled in are not there.
    fn drop_empty(&mut self) {
        self.timeline.retain(|entry| *entry != Event::default());
        self.contributing
            .retain(|entry| *entry != Contribution::default());
        self.ruled_out.retain(|entry| *entry != RuledOut::default());
        self.action_items
            .retain(|entry| *entry != ActionItem::default());
    }
}

#[cfg(test)]
mod tests;
