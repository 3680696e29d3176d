//! The write-up's template: what is known already, and how to say the rest.

use std::fmt::Write as _;

use grader::evidence::Deploy;
use grader::moment::clock_text;
use grader::{Component, Mechanism, Severity, TriggerKind};
use text::format::rfc3339;
use time::OffsetDateTime;

/// What is known when the template is written.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Run id.
    pub run: String,
    /// When the page came, if it has come.
    pub page: Option<OffsetDateTime>,
    /// The alert's name.
    pub alert: String,
    /// The deploy history so far.
    pub deploys: Vec<Deploy>,
    /// Names of heap snapshots so far.
    pub snapshots: Vec<String>,
}

/// The template; it can be read as it is, as a write-up in which nothing is filled in.
pub fn template(known: &Known) -> String {
    let mut out = String::from("+++\n");
    header(&mut out, known);
    fields(&mut out, known);
    words(&mut out);
    out.push_str("+++\n\n# What happened\n\nThis part is for people and is not graded.\n");
    out
}

fn header(out: &mut String, known: &Known) {
    let mut line = |text: String| {
        out.push_str("# ");
        out.push_str(&text);
        out.push('\n');
    };
    line(format!(
        "Write-up of run {}. Fill in what you know; `firedrill report check` shows whether the pointers resolve.",
        plain(&known.run)
    ));
    if let Some(page) = known.page {
        line(format!(
            "Paged at {} ({}): {}",
            clock_text(page),
            rfc3339(page),
            plain(&known.alert)
        ));
    }
    line("Times: 10:02:30 (UTC), page+30s, page-2m, 2026-11-23T10:02:30Z.".to_owned());
    line("Evidence is a list of pointers; the grader looks each one up:".to_owned());
    line("  \"trace:4bf92f3577b34da6a3ce929d0e0e4736\"".to_owned());
    line("  'promql:sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[1m]))@page+30s => 48.5'".to_owned());
    line("  'log:service=checkout level=error \"part of the message\"'".to_owned());
    let deploy = known
        .deploys
        .last()
        .map_or("inventory@2026.11.3", |deploy| &deploy.id);
    line(format!("  \"deploy:{}\"", plain(deploy)));
    let (before, after) = match known.snapshots.as_slice() {
        [first, .., last] => (first.as_str(), last.as_str()),
        _ => ("early", "late"),
    };
    line(format!(
        "  \"heap:{}..{}\"       snapshots taken with `firedrill heap snapshot`",
        plain(before),
        plain(after)
    ));
    line(
        "A value after `=>` must be within 10 %. A pointer proves something if it differs from the baseline."
            .to_owned(),
    );
    if !known.deploys.is_empty() {
        line("Deploys so far:".to_owned());
    }
    for deploy in known.deploys.iter().rev().take(20).rev() {
        let Deploy {
            id,
            at,
            kind,
            summary,
            ..
        } = deploy;
        line(format!(
            "  {}  {kind:8}  {}  {}",
            day_and_clock(*at, known.page),
            plain(id),
            plain(summary)
        ));
    }
    out.push('\n');
}

/// The time of day, with the date before it where that is another day than the page's.
fn day_and_clock(at: OffsetDateTime, page: Option<OffsetDateTime>) -> String {
    let is_that_day = page.is_none_or(|page| page.date() == at.date());
    let date = if is_that_day {
        String::new()
    } else {
        format!("{} ", at.date())
    };
    date + &clock_text(at)
}

/// The head's fields; `{severity}`, `{page}` and `{alert}` are filled in.
const FIELDS: &str = r#"verdict = ""                # "incident" or "no incident"
severity = ""               # {severity}
summary = ""
confidence = ""             # how sure you are of the cause (or that nothing is wrong), 0 to 1, such as 0.8

[impact]
start = ""
end = ""                    # leave empty if it is still going on
# requests = 0              # to the affected routes, start to end
# failed = 0
# slow = 0                  # too slow to be useful
# p99_ms = 0
description = ""
evidence = []

[detection]
at = "{page}"
by = "{alert}"
evidence = []

[[timeline]]                # as many as you need: the change, the first symptom, the page, your actions
at = ""
what = ""
evidence = []

[trigger]                   # what started it
kind = ""
deploy = ""                 # the deploy's id, if it was one
explanation = ""
evidence = []

[cause]                     # what is wrong, and where; the words are listed below; at most 12 pointers
component = ""
mechanism = ""
explanation = ""
evidence = []

[[contributing]]            # what made it possible or worse
what = ""
evidence = []

[[ruled_out]]               # another cause of this page, and what would be different if it were that
component = ""
mechanism = ""
hypothesis = ""
because = ""
evidence = []

[reproduction]
command = []                # 'firedrill request GET "/v1/products?visit={n}" --times 20 --rate 10', run in order on copies of the shop
shows = ""

[mitigation]
action = ""                 # as you typed it, such as: rollback inventory; or: none
at = ""
evidence = []

[[action_items]]
what = ""
owner = ""                  # a role or a team

[alert]                     # what should page next time; evaluated over the run: silent in the baseline, firing in the incident
expr = ''                   # PromQL with its threshold: sum(rate(x_total[30s])) > 5
for = ""                    # how long the condition must last, such as 10s

"#;

fn fields(out: &mut String, known: &Known) {
    let page = known.page.map(clock_text).unwrap_or_default();
    let severity = list(Severity::ALL.iter().map(|word| word.as_str()));
    let alert = plain(&known.alert).replace('\\', "").replace('"', "'");
    let fields = FIELDS
        .replace("{severity}", &severity)
        .replace("{page}", &page);
    out.push_str(&fields.replace("{alert}", &alert));
}

fn words(out: &mut String) {
    for line in vocabulary().lines() {
        let _ = writeln!(out, "# {line}");
    }
}

/// The closed vocabulary with what each word means.
pub fn vocabulary() -> String {
    let mut out = String::new();
    let mut block = |title: &str, words: Vec<(&str, &str)>| {
        let _ = writeln!(out, "{title}");
        for (word, meaning) in words {
            let _ = writeln!(out, "  {word:28} {meaning}");
        }
    };
    block(
        "cause.component",
        Component::ALL
            .iter()
            .map(|w| (w.as_str(), w.meaning()))
            .collect(),
    );
    block(
        "cause.mechanism",
        Mechanism::ALL
            .iter()
            .map(|w| (w.as_str(), w.meaning()))
            .collect(),
    );
    block(
        "trigger.kind",
        TriggerKind::ALL
            .iter()
            .map(|w| (w.as_str(), w.meaning()))
            .collect(),
    );
    block(
        "severity",
        Severity::ALL
            .iter()
            .map(|w| (w.as_str(), w.meaning()))
            .collect(),
    );
    out
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// One line without control characters, so that no text from outside can leave its comment.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
