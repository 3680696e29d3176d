//! `deploys show`: one entry in full, beside what the service's own numbers did around it.
//!
//! It draws no conclusion: numbers that move with a deploy may move because of something else.

use grader::evidence::{
    Deploy, DeployKind, Deploys, Look, LookKind, Prometheus, Red, SettingChange, red,
};
use record::value_text;
use schemars::JsonSchema;
use serde::Serialize;
use text::format;
use time::{Duration, OffsetDateTime};

use crate::cli::evidence::DeploysShow as Args;
use crate::commands::source::{self, Evidence, Place};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// What is compared: so long before an entry, and so long after it.
const WINDOW: Duration = Duration::MINUTE;

/// An entry, and what is known about it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeployDetails")]
pub(in crate::commands) struct Shown {
    #[serde(flatten)]
    deploy: Deploy,
    /// The release that was in the log before it; none where it is the first.
    before: Option<String>,
    /// The instances that reported the entry's release within a minute from then on; none if that is unknown.
    instances: Option<Vec<String>>,
    /// The service's numbers before it and after it; none where no telemetry is left to ask.
    red: Option<Around>,
}

/// The numbers of a service around an instant.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeployEffect")]
struct Around {
    before: Red,
    after: Red,
}

/// Prints the entry.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let all = Deploys::open(&place.folder)
        .all()
        .map_err(source::explain)?;
    let Some(deploy) = all.iter().find(|deploy| deploy.id == args.id).cloned() else {
        let known = all.iter().map(|deploy| deploy.id.as_str());
        return Err(Error::unknown("deploy", &args.id, known).into());
    };
    let look = Look::by_command(LookKind::Deploys, &*args.id, context.now);
    place.note(&look);
    // What a run has not kept itself is gone with its backends; the entry is shown all the same.
    let (instances, red) = match Evidence::at(context, place) {
        Ok(evidence) => {
            let (prometheus, now) = (&evidence.sources.prometheus, evidence.place.now);
            // An entry of the time before the run has no numbers around it.
            evidence.wait(async {
                let instances = instances(prometheus, &deploy, now).await;
                (instances, around(prometheus, &deploy, now).await)
            })
        }
        Err(_) => (None, None),
    };
    let shown = Shown {
        before: before(&all, &deploy),
        instances,
        red,
        deploy,
    };
    if args.recorded.format.json {
        context.terminal.json(&shown)?;
    } else {
        let text = render(&shown, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

/// The release that the log has for the service before an entry.
fn before(all: &[Deploy], deploy: &Deploy) -> Option<String> {
    all.iter()
        .take_while(|other| other.id != deploy.id)
        .filter(|other| other.service == deploy.service)
        .last()
        .map(|other| other.release.clone())
}

/// How far the minute from an entry on has come.
fn end(deploy: &Deploy, now: OffsetDateTime) -> OffsetDateTime {
    now.min(deploy.at + WINDOW)
}

async fn instances(
    prometheus: &Prometheus,
    deploy: &Deploy,
    now: OffsetDateTime,
) -> Option<Vec<String>> {
    let (service, version) = (&deploy.service, &deploy.release);
    let end = end(deploy, now);
    let expr = format!(
        "max by (instance) (max_over_time(build_info{{service=\"{service}\",version=\"{version}\"}}[{}]))",
        seconds(end - deploy.at)
    );
    let value = prometheus.query(&expr, end).await.ok()?;
    let mut names: Vec<String> = value
        .series()
        .iter()
        .filter_map(|series| series.labels.get("instance").map(ToString::to_string))
        .collect();
    names.sort_unstable();
    (!names.is_empty()).then_some(names)
}

async fn around(prometheus: &Prometheus, deploy: &Deploy, now: OffsetDateTime) -> Option<Around> {
    let end = end(deploy, now);
    let (before, after) = tokio::join!(
        red(prometheus, &deploy.service, deploy.at, WINDOW),
        red(prometheus, &deploy.service, end, end - deploy.at),
    );
    let is_known = [&before, &after].iter().any(|red| red.rate.is_some());
    is_known.then_some(Around { before, after })
}

/// A range of PromQL; two seconds hold two samples at least.
fn seconds(window: Duration) -> String {
    format!("{}s", window.whole_seconds().max(3))
}

fn render(shown: &Shown, style: Style, columns: usize) -> String {
    let deploy = &shown.deploy;
    let row =
        |label: &str, value: &str| format!("  {label:<11}{}\n", text::format::harmless(value));
    let mut out = format!(
        "{}\n\n",
        style.paint(Ink::Heading, &text::format::harmless(&deploy.id))
    );
    out += &row("time", &format!("{} UTC", format::date_time(deploy.at)));
    out += &row("kind", &deploy.kind.to_string());
    out += &row("service", &deploy.service);
    out += &row("release", &deploy.release);
    out += &row("before", shown.before.as_deref().unwrap_or("unknown"));
    if deploy.kind.starts_release() || deploy.kind == DeployKind::Config {
        let instances = shown.instances.as_ref().map(|names| names.join(", "));
        out += &row("ran on", instances.as_deref().unwrap_or("unknown"));
    }
    out += &row("by", &deploy.role);
    out += &row("changelog", &deploy.summary);
    out += &code(&deploy.diff, style);
    out += &changed(shown, style);
    let Some(Around { before, after }) = &shown.red else {
        return out + "\nNo telemetry is available for that time.\n";
    };
    out += &format!("\n{}\n", style.paint(Ink::Heading, &deploy.service));
    let mut table = Table::new(&[
        ("", Align::Left),
        ("WINDOW", Align::Right),
        ("REQUESTS/S", Align::Right),
        ("ERRORS", Align::Right),
        ("P50", Align::Right),
        ("P99", Align::Right),
    ]);
    for (label, red) in [("before", before), ("after", after)] {
        table.row([
            label.into(),
            format::elapsed(red.window_s as u64).into(),
            or_dash(red.rate, |rate| format!("{rate:.1}")),
            or_dash(red.errors, |errors| format!("{:.2} %", errors * 100.0)),
            or_dash(red.p50_s, |s| format::duration(s * 1e6)),
            or_dash(red.p99_s, |s| format::duration(s * 1e6)),
        ]);
    }
    out + &table.render(style, columns)
}

/// The code that an entry changed, as its diff.
fn code(diff: &str, style: Style) -> String {
    if diff.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", style.paint(Ink::Heading, "code"));
    for line in diff.lines() {
        let ink = match line.as_bytes() {
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => Ink::Plain,
            [b'-', ..] => Ink::Error,
            [b'+', ..] => Ink::Good,
            [b'@', ..] => Ink::Faint,
            _ => Ink::Plain,
        };
        let line = text::format::harmless(line);
        out += format!("  {}", style.paint(ink, &line)).trim_end();
        out.push('\n');
    }
    out
}

/// The settings that an entry changed, as a diff.
fn changed(shown: &Shown, style: Style) -> String {
    let deploy = &shown.deploy;
    if deploy.changes.is_empty() {
        let is_oldest = shown.before.is_none();
        let of_settings = deploy.kind.starts_release() || deploy.kind == DeployKind::Config;
        return match (of_settings, is_oldest) {
            (false, _) => String::new(),
            (true, true) if deploy.diff.is_empty() => {
                "\nIts changes are unknown: the log has no earlier entry.\n".to_owned()
            }
            (true, true) => String::new(),
            (true, false) => "\nIt changed no settings.\n".to_owned(),
        };
    }
    let mut out = format!("\n{}\n", style.paint(Ink::Heading, "settings"));
    for SettingChange { key, before, after } in &deploy.changes {
        for (ink, sign, value) in [(Ink::Error, '-', before), (Ink::Good, '+', after)] {
            let line = text::format::harmless(&format!("{sign} {key} = {}", value_text(value)))
                .into_owned();
            out += &format!("  {}\n", style.paint(ink, &line));
        }
    }
    out
}

fn or_dash(value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    value.map_or_else(|| "-".to_owned(), show).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deploy(minute: u8, release: &str, kind: DeployKind) -> Deploy {
        Deploy {
            id: format!("checkout@{release}#{minute}"),
            service: "checkout".to_owned(),
            release: release.to_owned(),
            at: time::macros::datetime!(2026-11-23 14:00:00 UTC) + Duration::minutes(minute.into()),
            role: "checkout engineer".to_owned(),
            summary: "Store the delivery address with each order".to_owned(),
            kind,
            diff: String::new(),
            changes: Vec::new(),
            command: None,
        }
    }

    const DIFF: &str = "--- a/order.rs\n+++ b/order.rs\n@@ fn place @@\n     let cart = cart();\n-    store(cart)\n+    store(cart, address)\n";

    #[test]
    fn an_entry_shows_itself_and_the_numbers_around_it() {
        let all = [
            deploy(1, "2026.11.2", DeployKind::Deploy),
            deploy(2, "2026.11.3", DeployKind::Deploy),
        ];
        let red = |rate: f64, window_s: f64| Red {
            window_s,
            rate: Some(rate),
            errors: Some(0.0125),
            p50_s: Some(0.004),
            p99_s: None,
        };
        let shown = Shown {
            before: before(&all, &all[1]),
            instances: Some(vec!["checkout-1".to_owned()]),
            red: Some(Around {
                before: red(8.0, 60.0),
                after: red(7.5, 42.0),
            }),
            deploy: Deploy {
                diff: DIFF.to_owned(),
                changes: vec![SettingChange {
                    key: "cart_s".to_owned(),
                    before: serde_json::json!(1800),
                    after: serde_json::Value::Null,
                }],
                ..all[1].clone()
            },
        };
        insta::assert_snapshot!(render(&shown, Style::PLAIN, 100), @r"
        checkout@2026.11.3#2

          time       2026-11-23 14:02:00 UTC
          kind       deploy
          service    checkout
          release    2026.11.3
          before     2026.11.2
          ran on     checkout-1
          by         checkout engineer
          changelog  Store the delivery address with each order

        code
          --- a/order.rs
          +++ b/order.rs
          @@ fn place @@
               let cart = cart();
          -    store(cart)
          +    store(cart, address)

        settings
          - cart_s = 1800
          + cart_s = none

        checkout
                WINDOW  REQUESTS/S  ERRORS      P50  P99
        before  1m 00s         8.0  1.25 %  4.00 ms    -
        after      42s         7.5  1.25 %  4.00 ms    -
        ");
    }

    #[test]
    fn what_is_not_known_of_an_entry_is_said() {
        let all = [deploy(1, "2026.11.2", DeployKind::Deploy)];
        let unknown = Shown {
            before: before(&all, &all[0]),
            instances: None,
            red: None,
            deploy: all[0].clone(),
        };
        let text = render(&unknown, Style::PLAIN, 100);
        for expected in [
            "before     unknown",
            "ran on     unknown",
            "No telemetry is available",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
