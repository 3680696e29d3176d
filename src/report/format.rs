//! The write-up's text: Markdown with a TOML head between two lines of `+++`.
//!
//! Reading is pure, and collects every problem with its line and key.

use grader::WriteUp;
use grader::writeup::{
    ActionItem, Alert, Cause, Claim, Contribution, Detection, Event, Impact, Limit, Mitigation,
    Reproduction, RuledOut, Trigger,
};
use text::problem::{MOST_SYNTAX_ERRORS, Problem, tidy};
use text::table::{Reader, Table};
use toml::de::DeTable;

/// Larger write-ups are refused before anything is read.
pub const MAX_BYTES: usize = 256 << 10;
/// Most entries of a list.
const MAX_ENTRIES: usize = 100;

/// Reads a write-up that is to be graded; `file` is only named in problems. More pointers than its fields may have are one.
pub fn parse(file: &str, text: &str) -> Result<WriteUp, Vec<Problem>> {
    match draft(file, text)? {
        (writeup, over) if over.is_empty() => Ok(writeup),
        (_, over) => Err(over),
    }
}

/// Reads a write-up that is still being written, with what a grade would refuse: fields that have more pointers than they
/// may, and a hypothesis that contradicts the cause.
pub fn draft(file: &str, text: &str) -> Result<(WriteUp, Vec<Problem>), Vec<Problem>> {
    let (start, end, body) = bounded(file, text)?;
    let mut reader = Reader::new(file, text).within(start, MAX_ENTRIES);
    let (table, errors) = DeTable::parse_recoverable(&text[start..end]);
    for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
        let offset = error.span().map_or(0, |span| span.start);
        let message =
            unquoted(&text[start..end], offset).unwrap_or_else(|| error.message().to_owned());
        reader.problem_at(offset, "", message);
    }
    // What cannot be read leaves half a table, about which nothing true can be said.
    if !errors.is_empty() {
        tidy(&mut reader.problems);
        return Err(reader.problems);
    }
    let mut writeup = read(&mut reader, table.get_ref());
    writeup.narrative = text[body..].trim().to_owned();
    tidy(&mut reader.problems);
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    over(&mut reader, &writeup);
    contradicted(&mut reader, &writeup);
    tidy(&mut reader.problems);
    Ok((writeup, reader.problems))
}

/// Fields with more pointers than they may have, and the one in which the write-up has too many.
fn over(reader: &mut Reader<'_>, writeup: &WriteUp) {
    for (index, (address, _)) in writeup.pointers().into_iter().enumerate() {
        let all = (index >= Limit::ALL.most).then_some(Limit::ALL);
        let Some(limit) = address.over().or(all) else {
            continue;
        };
        let message = format!("{limit}; keep those that tell your cause from others");
        reader.problem(&format!("{}.evidence", address.field), message);
        // Whatever follows is over it as well.
        if all.is_some() {
            return;
        }
    }
}

/// Hypotheses that rule out the very cause that is claimed.
fn contradicted(reader: &mut Reader<'_>, writeup: &WriteUp) {
    let cause = (writeup.cause.component, writeup.cause.mechanism);
    for (index, entry) in writeup.ruled_out.iter().enumerate() {
        if entry.component.is_some() && (entry.component, entry.mechanism) == cause {
            let key = format!("ruled_out[{index}].component");
            reader.problem(&key, "rules out the cause that `[cause]` claims");
        }
    }
}

/// Byte offsets of the begin and the end of the head.
pub(super) fn head_of(file: &str, text: &str) -> Result<(usize, usize), Vec<Problem>> {
    bounded(file, text).map(|(start, end, _)| (start, end))
}

fn bounded(file: &str, text: &str) -> Result<(usize, usize, usize), Vec<Problem>> {
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
    head(text).map_err(whole)
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

fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> WriteUp {
    let mut root = reader.root(table);
    let mut lists = Lists::default();
    let verdict = root
        .parsed::<Spoken>(reader, "verdict")
        .map(|spoken| spoken.0);
    let severity = root.parsed(reader, "severity");
    let summary = root.line(reader, "summary");
    let not_known = root.line(reader, "not_known");
    let confidence = root.number_within(reader, "confidence", 0.0..=1.0);
    let impact = impact(reader, &mut root);
    let detection = detection(reader, &mut root);
    let trigger = trigger(reader, &mut root);
    let cause = cause(reader, &mut root);
    let reproduction = reproduction(reader, &mut root);
    let mitigation = mitigation(reader, &mut root);
    let alert = alert(reader, &mut root);
    lists.read(reader, &mut root);
    root.finish(reader);
    WriteUp {
        verdict,
        severity,
        summary,
        not_known,
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

fn impact(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Impact {
    let mut section = root.table_or_nothing(reader, "impact");
    let impact = Impact {
        start: section.parsed_time(reader, "start"),
        end: section.parsed_time(reader, "end"),
        requests: section.count(reader, "requests"),
        failed: section.count(reader, "failed"),
        slow: section.count(reader, "slow"),
        p99_ms: section.number_within(reader, "p99_ms", 0.0..=1e9),
        description: section.line(reader, "description"),
        evidence: section.lines(reader, "evidence"),
    };
    section.finish(reader);
    impact
}

fn detection(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Detection {
    let mut section = root.table_or_nothing(reader, "detection");
    let detection = Detection {
        at: section.parsed_time(reader, "at"),
        by: section.line(reader, "by"),
        evidence: section.lines(reader, "evidence"),
    };
    section.finish(reader);
    detection
}

fn trigger(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Trigger {
    let mut section = root.table_or_nothing(reader, "trigger");
    let trigger = Trigger {
        kind: section.parsed(reader, "kind"),
        deploy: Some(section.line(reader, "deploy")).filter(|id| !id.is_empty()),
        at: section.parsed_time(reader, "at"),
        explanation: section.line(reader, "explanation"),
        evidence: section.lines(reader, "evidence"),
    };
    section.finish(reader);
    trigger
}

fn cause(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Cause {
    let mut section = root.table_or_nothing(reader, "cause");
    let cause = Cause {
        component: section.parsed(reader, "component"),
        mechanism: section.parsed(reader, "mechanism"),
        explanation: section.line(reader, "explanation"),
        evidence: section.lines(reader, "evidence"),
    };
    section.finish(reader);
    cause
}

fn reproduction(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Reproduction {
    let mut section = root.table_or_nothing(reader, "reproduction");
    let reproduction = Reproduction {
        commands: section.lines(reader, "command"),
        shows: section.line(reader, "shows"),
        evidence: section.lines(reader, "evidence"),
    };
    section.finish(reader);
    reproduction
}

fn mitigation(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Mitigation {
    let mut section = root.table_or_nothing(reader, "mitigation");
    let mitigation = Mitigation {
        action: section.line(reader, "action"),
        at: section.parsed_time(reader, "at"),
        evidence: section.lines(reader, "evidence"),
    };
    section.finish(reader);
    mitigation
}

fn alert(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Alert {
    let mut section = root.table_or_nothing(reader, "alert");
    let alert = Alert {
        expr: section.line(reader, "expr"),
        hold_s: section
            .duration(reader, "for")
            .map_or(0.0, |hold| hold.as_secs_f64()),
    };
    section.finish(reader);
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
    fn read(&mut self, reader: &mut Reader<'_>, root: &mut Table<'_>) {
        for mut section in root.tables(reader, "timeline") {
            self.timeline.push(Event {
                at: section.parsed_time(reader, "at"),
                what: section.line(reader, "what"),
                evidence: section.lines(reader, "evidence"),
            });
            section.finish(reader);
        }
        for mut section in root.tables(reader, "contributing") {
            self.contributing.push(Contribution {
                what: section.line(reader, "what"),
                component: section.parsed(reader, "component"),
                mechanism: section.parsed(reader, "mechanism"),
                evidence: section.lines(reader, "evidence"),
            });
            section.finish(reader);
        }
        for mut section in root.tables(reader, "ruled_out") {
            self.ruled_out.push(RuledOut {
                component: section.parsed(reader, "component"),
                mechanism: section.parsed(reader, "mechanism"),
                hypothesis: section.line(reader, "hypothesis"),
                because: section.line(reader, "because"),
                evidence: section.lines(reader, "evidence"),
            });
            section.finish(reader);
        }
        for mut section in root.tables(reader, "action_items") {
            self.action_items.push(ActionItem {
                what: section.line(reader, "what"),
                owner: section.line(reader, "owner"),
            });
            section.finish(reader);
        }
        self.drop_empty();
    }

    /// Entries that the template offers and that were not filled in are left out.
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
