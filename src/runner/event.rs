//! The events of a running drill: JSON lines for programs, short lines for people.
//!
//! The JSON form is a contract (`docs/events.md`): the first line is `ready`; readers skip events they do not know.

use serde::Serialize;
use serde_json::Value;
use stack::Urls;

use crate::terminal::{Ink, Style};

/// One thing that happened, as told to the terminal that runs the drill.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// Everything is up.
    Ready {
        /// The run's id.
        run: String,
        /// Where everything answers.
        urls: Urls,
        /// The run's folder.
        folder: String,
        /// Which backends, and in which versions where they are real ones.
        backends: Value,
        /// The seed; with the drill's id it repeats the run.
        seed: u64,
        /// SHA-256 over a nonce and the scenario file, to be checked at the end; absent without a drill.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// The baseline was steady.
    Steady {
        /// When, RFC 3339.
        at: String,
    },
    /// An alert fired and the responder is paged.
    Page {
        /// When, RFC 3339.
        at: String,
        /// The alert's name.
        alert: String,
        /// Its labels.
        labels: Value,
        /// Its summary.
        summary: String,
        /// Its description.
        description: String,
    },
    /// An action, or a deploy.
    Action {
        /// When, RFC 3339.
        at: String,
        /// What kind of entry of the deploy log it is, such as `rollback`.
        action: String,
        /// The service.
        service: String,
        /// The release that runs after it.
        release: String,
        /// The role: `responder`, or the author of the deploy.
        by: String,
    },
    /// A process exited unexpectedly or was restarted.
    Process {
        /// When, RFC 3339.
        at: String,
        /// The instance.
        instance: String,
        /// What happened to it.
        what: String,
    },
    /// The drill does not count, and which number says so.
    Void {
        /// When, RFC 3339.
        at: String,
        /// Why.
        reason: String,
    },
    /// The write-up was graded.
    Verdict {
        /// When, RFC 3339.
        at: String,
        /// Whether it passed.
        passed: bool,
        /// The whole verdict.
        verdict: Value,
    },
}

impl Event {
    /// The event as one line of JSON.
    pub(crate) fn json(&self) -> String {
        // Plain data with string keys always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The event for a person; `None` where the terminal has nothing to gain from it.
    pub(crate) fn text(&self, style: Style, is_drill: bool) -> Option<String> {
        let bold = |text: &str| style.paint(Ink::Heading, text);
        Some(match self {
            Self::Ready {
                run,
                urls,
                folder,
                backends,
                seed,
                key,
            } => {
                let places = Places {
                    urls,
                    folder,
                    backends,
                };
                welcome(style, is_drill, run, &places, *seed, key.as_deref())
            }
            Self::Steady { at } => format!("{}  baseline steady", clock(at)),
            Self::Page {
                at,
                alert,
                summary,
                description,
                ..
            } => format!(
                "\n{}  {}  {}\n          {summary}\n          {description}\n",
                clock(at),
                style.paint(Ink::Error, "PAGE"),
                bold(alert),
            ),
            Self::Action {
                at,
                action,
                service,
                release,
                by,
            } => {
                format!("{}  {action} {service} {release} (by {by})", clock(at))
            }
            Self::Process { at, instance, what } => format!("{}  {instance} {what}", clock(at)),
            Self::Void { at, reason } => {
                format!(
                    "\n{}  {}: the run does not count: {reason}",
                    clock(at),
                    style.paint(Ink::Warning, "VOID")
                )
            }
            Self::Verdict { at, passed, .. } => {
                let (ink, word) = if *passed {
                    (Ink::Good, "PASSED")
                } else {
                    (Ink::Error, "NOT PASSED")
                };
                format!("\n{}  verdict: {}", clock(at), style.paint(ink, word))
            }
        })
    }
}

/// Where things are.
struct Places<'a> {
    urls: &'a Urls,
    folder: &'a str,
    backends: &'a Value,
}

/// What there is to say of backends that are real ones.
fn real(backends: &Value) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let programs = backends["programs"].as_array().into_iter().flatten();
    let programs: Vec<String> = programs
        .map(|program| {
            let part = |key: &str| program[key].as_str().unwrap_or_default();
            let version = Some(part("version")).filter(|version| !version.is_empty());
            let version = version.unwrap_or("unknown version");
            format!("{} {version}  {}", part("name"), part("path"))
        })
        .collect();
    let mut labels = std::iter::once("backends").chain(std::iter::repeat(""));
    rows.extend(programs.iter().map(|program| {
        let label = labels.next().unwrap_or_default();
        (label, program.trim_end().to_owned())
    }));
    for (label, key) in [("alerts", "alertmanager"), ("targets", "targets")] {
        if let Some(value) = backends[key].as_str() {
            rows.push((label, value.to_owned()));
        }
    }
    rows
}

/// Where everything is, and what to do first.
fn welcome(
    style: Style,
    is_drill: bool,
    run: &str,
    places: &Places<'_>,
    seed: u64,
    key: Option<&str>,
) -> String {
    let urls = places.urls;
    let row = |label: &str, value: &str| format!("  {label:<12}{value}\n");
    let mut text = format!(
        "{}\n\n",
        style.paint(Ink::Heading, &format!("run {run} is up"))
    );
    text += &row("shop", &format!("{}/v1/products", urls.gateway));
    text += &row("traces", &format!("{}/search", urls.jaeger));
    text += &row("metrics", &format!("{}/graph", urls.prometheus));
    let otlp = [(&urls.otlp_grpc, "gRPC"), (&urls.otlp_http, "HTTP")];
    let otlp = otlp.iter().filter(|(url, _)| !url.is_empty());
    let otlp: Vec<String> = otlp.map(|(url, name)| format!("{url} ({name})")).collect();
    text += &row("OTLP", &otlp.join("  "));
    for (label, value) in real(places.backends) {
        text += &row(label, &value);
    }
    text += &row("folder", places.folder);
    text += &row("seed", &seed.to_string());
    if let Some(key) = key {
        text += &row("answer key", key);
    }
    let next = if is_drill {
        "\nYou are on call. Learn the baseline; pages appear here. In a second terminal:\n\n  \
         firedrill status         health of the shop        firedrill logs level=warn   warnings and errors\n  \
         firedrill deploys        recent releases           firedrill traces --errors   failed requests\n  \
         firedrill report new     start a write-up          firedrill submit report.md  get the verdict\n\n\
         Ctrl-C ends the drill without a verdict.\n"
    } else {
        "\nNothing will break. Look around with `firedrill status`, `logs`, `traces` and `query`; Ctrl-C ends the run.\n"
    };
    text + next
}

/// The time of day in an RFC 3339 time.
fn clock(at: &str) -> &str {
    at.get(11..19).unwrap_or(at)
}
