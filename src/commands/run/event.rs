//! What a running drill says, as short lines for people.

use record::{Backends, Event, Urls};
use scenario::Degraded;
use text::format::rfc3339;
use time::OffsetDateTime;

use crate::terminal::{Ink, Style};

/// The event for a person; a page that follows another at once is one line.
pub(super) fn text(event: &Event, style: Style, is_drill: bool, follows_page: bool) -> String {
    let bold = |text: &str| style.paint(Ink::Heading, text);
    match event {
        Event::Ready {
            run,
            urls,
            folder,
            backends,
            seed,
            key,
            degraded,
        } => {
            let known = Known {
                urls,
                folder,
                backends,
                seed: *seed,
                degraded: degraded.as_deref().and_then(Degraded::from_name),
                key: key.as_deref(),
            };
            welcome(style, is_drill, run, &known)
        }
        Event::Steady { at } => format!("{}  baseline steady", clock(*at)),
        Event::Page {
            at, alert, summary, ..
        } if follows_page => format!(
            "{}  {}  {}  {summary}",
            clock(*at),
            style.paint(Ink::Error, "PAGE"),
            bold(alert),
        ),
        Event::Page {
            at,
            alert,
            summary,
            description,
            ..
        } => format!(
            "\n{}  {}  {}\n          {summary}\n          {description}\n",
            clock(*at),
            style.paint(Ink::Error, "PAGE"),
            bold(alert),
        ),
        Event::Action {
            at,
            action,
            service,
            release,
            by,
        } => {
            format!("{}  {action} {service} {release} (by {by})", clock(*at))
        }
        Event::Process { at, instance, what } => format!("{}  {instance} {what}", clock(*at)),
        Event::Clock { at, what } => {
            format!("{}  the clock of this machine {what}", clock(*at))
        }
        Event::Void { at, reason } => {
            format!(
                "\n{}  {}: the run does not count: {reason}",
                clock(*at),
                style.paint(Ink::Warning, "VOID")
            )
        }
        Event::Verdict { at, passed, .. } => verdict(style, *at, *passed),
    }
}

fn verdict(style: Style, at: OffsetDateTime, passed: bool) -> String {
    let (ink, word) = if passed {
        (Ink::Good, "PASSED")
    } else {
        (Ink::Error, "NOT PASSED")
    };
    format!("\n{}  verdict: {}", clock(at), style.paint(ink, word))
}

/// What is to be known of Jaeger's UI, which has no setting for it.
pub(in super::super) const LOCAL_TIME: &str = "(shows your local time; everything else is UTC)";

/// What is known of a run from its start.
struct Known<'a> {
    urls: &'a Urls,
    folder: &'a str,
    backends: &'a Backends,
    seed: u64,
    degraded: Option<Degraded>,
    key: Option<&'a str>,
}

/// What there is to say of backends that are real ones.
fn real(backends: &Backends) -> Vec<(&'static str, String)> {
    let mut labels = std::iter::once("backends").chain(std::iter::repeat(""));
    let programs = backends.programs.iter().map(|program| {
        let version = match program.version.as_str() {
            "" => "unknown version",
            version => version,
        };
        let path = program.path.as_deref().unwrap_or_default();
        let row = format!("{} {version}  {path}", program.name);
        (labels.next().unwrap_or_default(), row.trim_end().to_owned())
    });
    let others = [
        ("alerts", &backends.alertmanager),
        ("targets", &backends.targets),
    ];
    let others = others
        .into_iter()
        .filter_map(|(label, value)| Some((label, value.clone()?)));
    programs.chain(others).collect()
}

/// Where everything is, and what to do first.
fn welcome(style: Style, is_drill: bool, run: &str, known: &Known<'_>) -> String {
    let urls = known.urls;
    let row = |label: &str, value: &str| format!("  {label:<12}{value}\n");
    let mut text = format!(
        "{}\n\n",
        style.paint(Ink::Heading, &format!("run {run} is up"))
    );
    if !urls.console.is_empty() {
        text += &row("console", &style.paint(Ink::Strong, &urls.console));
    }
    text += &row("shop", &format!("{}/v1/products", urls.gateway));
    text += &row("traces", &format!("{}/search  {LOCAL_TIME}", urls.jaeger));
    text += &row("metrics", &format!("{}/graph", urls.prometheus));
    let otlp = [(&urls.otlp_grpc, "gRPC"), (&urls.otlp_http, "HTTP")];
    let otlp = otlp.iter().filter(|(url, _)| !url.is_empty());
    let otlp: Vec<String> = otlp.map(|(url, name)| format!("{url} ({name})")).collect();
    text += &row("OTLP", &otlp.join("  "));
    for (label, value) in real(known.backends) {
        text += &row(label, &value);
    }
    text += &row("folder", known.folder);
    text += &row("seed", &known.seed.to_string());
    if let Some(degraded) = known.degraded {
        let missing = format!("{}: {}", degraded.name(), degraded.about());
        text += &row("degraded", &missing);
    }
    if let Some(key) = known.key {
        text += &row("answer key", key);
    }
    let next = if is_drill {
        "\nYou are on call. Open the console in a browser and learn the baseline; pages appear there and here.\n\
         Everything in it can be done in a second terminal as well:\n\n  \
         firedrill status         health of the shop        firedrill logs level=warn   warnings and errors\n  \
         firedrill deploys        recent releases           firedrill traces --errors   failed requests\n  \
         firedrill report new     start a write-up          firedrill submit report.md  get the verdict\n\n\
         Ctrl-C ends the drill without a verdict.\n"
    } else {
        "\nNothing will break. Look around in the console, or with `firedrill status`, `logs`, `traces` and `query`; Ctrl-C ends the run.\n"
    };
    text + next
}

/// The time of day.
fn clock(at: OffsetDateTime) -> String {
    let text = rfc3339(at);
    text.get(11..19).unwrap_or(&text).to_owned()
}
