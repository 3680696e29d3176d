//! The write-up's template: what is known already, and how to say the rest.

use std::fmt::Write as _;

use grader::evidence::Deploy;
use grader::moment::clock_text;
use grader::{Component, Mechanism, Severity, TriggerKind};
use text::format::rfc3339;
use time::OffsetDateTime;

use super::impact::Impact;

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
    /// Heap snapshots so far, oldest first: name and service.
    pub snapshots: Vec<(String, String)>,
    /// When the run began: what was deployed before is history.
    pub started: Option<OffsetDateTime>,
    /// What customers noticed so far.
    pub impact: Noticed,
}

/// What customers noticed by the gateway's metrics.
#[derive(Debug, Clone, Default)]
pub enum Noticed {
    /// It could not be asked, or there was no page yet.
    #[default]
    Unknown,
    /// No route was affected.
    Nothing,
    /// An impact.
    Impact(Impact),
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
    let (before, after) = of_one_service(&known.snapshots).unwrap_or(("early", "late"));
    line(format!(
        "  \"heap:{}..{}\"       snapshots taken with `firedrill heap snapshot`",
        plain(before),
        plain(after)
    ));
    line(
        "A value after `=>` must be within 10 %. A pointer is evidence if it shows what was different before the incident."
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

/// The first and the newest snapshot of the service that was looked at last.
fn of_one_service(snapshots: &[(String, String)]) -> Option<(&str, &str)> {
    let (newest, service) = snapshots.last()?;
    let (first, _) = snapshots.iter().find(|(_, other)| other == service)?;
    (first != newest).then_some((first, newest))
}

/// The head's fields; what stands in braces is filled in.
const FIELDS: &str = r#"verdict = ""                # "incident" or "no incident"
severity = ""               # {severity}
summary = ""
not_known = ""              # what cannot be known, and why; not graded
confidence = ""             # how sure you are of the cause (or that nothing is wrong), 0 to 1, such as 0.8

[impact]{measured}
start = "{start}"
{end}
{numbers}
description = ""
evidence = []

[detection]
at = "{page}"
by = "{alert}"
evidence = []

{timeline}
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
    let alert = quotable(&known.alert);
    let (measured, start, end) = match &known.impact {
        Noticed::Unknown => Default::default(),
        Noticed::Nothing => {
            let note =
                "\n# The gateway counted no route with more than a few slow or failed requests.";
            (note.to_owned(), String::new(), String::new())
        }
        Noticed::Impact(impact) => {
            let until = clock_text(impact.until);
            let note = format!(
                "\n# Counted by the gateway up to {until}: {}. Correct what you know better.",
                plain(&impact.routes.join(", "))
            );
            let end = if impact.is_over { until } else { String::new() };
            (note, clock_text(impact.start), end)
        }
    };
    let end = format!("end = \"{end}\"");
    let end = format!("{end:28}# leave empty if it is still going on");
    let fields = FIELDS
        .replace("{severity}", &severity)
        .replace("{measured}", &measured)
        .replace("{start}", &start)
        .replace("{end}", &end)
        .replace("{numbers}", &numbers(&known.impact))
        .replace("{timeline}", &timeline(known))
        .replace("{page}", &page);
    out.push_str(&fields.replace("{alert}", &alert));
}

/// The numbers of the impact; those that are not known are offered in comments.
fn numbers(impact: &Noticed) -> String {
    let [requests, failed, slow, p99_ms] = match impact {
        Noticed::Unknown => [None; 4],
        Noticed::Nothing => [None, Some(0.0), Some(0.0), None],
        Noticed::Impact(impact) => [
            Some(impact.requests as f64),
            Some(impact.failed as f64),
            Some(impact.slow as f64),
            impact.p99_ms,
        ],
    };
    let lines = [
        ("requests", requests, "to the affected routes, start to end"),
        ("failed", failed, ""),
        (
            "slow",
            slow,
            "answered without an error, but too slow to be useful",
        ),
        ("p99_ms", p99_ms, ""),
    ];
    let lines = lines.map(|(name, value, comment)| {
        let field = value.map_or_else(
            || format!("# {name} = 0"),
            |value| format!("{name} = {value}"),
        );
        match comment {
            "" => field,
            _ => format!("{field:28}# {comment}"),
        }
    });
    lines.join("\n")
}

/// An entry for each deploy of the run, each action and the page; an empty one where nothing is known.
fn timeline(known: &Known) -> String {
    let deploys = known
        .deploys
        .iter()
        .filter(|deploy| known.started.is_some_and(|started| deploy.at >= started));
    let mut entries: Vec<(OffsetDateTime, String, String)> = deploys
        .map(|deploy| {
            let what = match &deploy.command {
                Some(command) => format!("we did: {command}"),
                None => format!("{} {}: {}", deploy.service, deploy.release, deploy.summary),
            };
            (
                deploy.at,
                what,
                format!("\"deploy:{}\"", quotable(&deploy.id)),
            )
        })
        .collect();
    if let Some(page) = known.page {
        let alert = quotable(&known.alert);
        let firing =
            format!("'promql:ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}@page+3s'");
        // Quotes of its own would end the pointer.
        let pointer = if alert.contains('\'') {
            String::new()
        } else {
            firing
        };
        entries.push((page, format!("{alert} pages"), pointer));
    }
    entries.sort_by_key(|(at, ..)| *at);
    let first = "[[timeline]]                # as many as you need: the change, the first symptom, the page, your actions\n";
    if entries.is_empty() {
        return format!("{first}at = \"\"\nwhat = \"\"\nevidence = []\n");
    }
    let entries = entries
        .iter()
        .enumerate()
        .map(|(index, (at, what, pointer))| {
            let title = if index == 0 { first } else { "[[timeline]]\n" };
            let (at, what) = (clock_text(*at), quotable(what));
            format!("{title}at = \"{at}\"\nwhat = \"{what}\"\nevidence = [{pointer}]\n")
        });
    entries.collect::<Vec<_>>().join("\n")
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

/// What can stand between double quotes.
fn quotable(text: &str) -> String {
    plain(text).replace('\\', "").replace('"', "'")
}

/// One line without control characters, so that no text from outside can leave its comment.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
