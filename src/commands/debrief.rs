//! `firedrill debrief`: what happened, the shortest path through the evidence, what misled.

mod told;

use std::fmt::Write as _;
use std::path::Path;

use grader::Verdict;
use grader::evidence::Snapshots;
use grader::log_query::terms;
use grader::verdict::VERDICT;
use record::{Chronicle, Debriefed, Deploys, FACTS, Facts, Urls};
use scenario::{Limit, Link, LinkKind, Scenario};
use text::format::number;

pub(super) use told::Told;

use super::open;
use crate::cli::drill::Ports;
use crate::cli::write::Debrief;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::recorded::{self, ForeignBackends, Key};
use crate::report;
use crate::terminal::{Ink, Style, shell};

/// Columns of what is wrapped.
const WIDTH: usize = 100;
/// How much of the time before the page a link shows, in seconds.
const BEFORE_S: i64 = 180;

/// Tells what happened; on a terminal the links are served until Ctrl-C.
pub(super) fn run(context: &Context, args: &Debrief) -> anyhow::Result<Outcome> {
    let hint = "submit a write-up first, or stop the drill with Ctrl-C";
    let folder = context.ended(args.run.as_deref(), hint)?;
    let story = Story::read(&folder, args.give_up)?;
    Debriefed::mark(&folder, context.now);
    if args.format.json {
        context.terminal.json(&story.told())?;
        return Ok(Outcome::Done);
    }
    let style = context.terminal.out;
    // What was kept elsewhere cannot be served; where that still is, the links lead to it.
    let foreign = ForeignBackends::of(&folder);
    if args.no_serve || !style.terminal || foreign.is_some() {
        let urls = foreign.and_then(|foreign| foreign.urls);
        context.terminal.print(&story.text(style, urls.as_ref()))?;
        return Ok(Outcome::Done);
    }
    open::serve(&context.terminal, &folder, Ports::Standard, |urls| {
        Ok(story.text(style, Some(urls)) + "\nThe links work until Ctrl-C.\n")
    })
}

/// What there is to tell of one run.
struct Story {
    run: String,
    scenario: Scenario,
    nonce: String,
    hash: String,
    chronicle: Chronicle,
    /// What else changed, with the ids of the deploy log.
    innocent: Vec<String>,
    verdict: Option<Verdict>,
    /// What the grade knew; none where nothing was graded.
    facts: Option<Facts>,
    /// Names of the heap snapshots of the run.
    snapshots: Vec<String>,
}

impl Story {
    fn read(folder: &Path, give_up: bool) -> anyhow::Result<Self> {
        let Key { nonce, hash, .. } = Key::read(folder)?;
        let verdict = VERDICT.find(folder)?;
        if verdict.is_none() && !give_up {
            return Err(Error::usage(
                "this run has no graded write-up",
                "`--give-up` shows the answer anyway",
            )
            .into());
        }
        let scenario = recorded::scenario(folder)?;
        let log = Deploys::open(folder).all()?;
        let innocent = scenario.innocent(&log).into_iter();
        let innocent = innocent.map(|entry| format!("{}: {}", entry.id, entry.summary));
        let snapshots = Snapshots::open(folder).list()?.into_iter();
        Ok(Self {
            innocent: innocent.collect(),
            run: record::run_of(folder),
            scenario,
            nonce,
            hash,
            chronicle: Chronicle::read(folder)?,
            verdict,
            facts: FACTS.find(folder)?,
            snapshots: snapshots.map(|meta| meta.name).collect(),
        })
    }

    fn text(&self, style: Style, urls: Option<&Urls>) -> String {
        let heading = |text: &str| style.paint(Ink::Heading, text);
        let debrief = &self.scenario.debrief;
        let mut text = format!(
            "{}\n\n{}\n",
            heading(&self.scenario.title),
            debrief.happened.trim()
        );
        let _ = writeln!(
            text,
            "\n{}\n",
            heading("Shortest path through the evidence")
        );
        for (number, step) in debrief.path.iter().enumerate() {
            let _ = writeln!(text, "{:>2}. {}\n    {}", number + 1, step.step, step.why);
            if let Some(link) = &step.link {
                let _ = writeln!(
                    text,
                    "    {}",
                    style.paint(Ink::Hue(0), &self.link(link, urls))
                );
            }
        }
        if !debrief.misled.is_empty() {
            let _ = writeln!(text, "\n{}\n", heading("What was misleading"));
            for misleading in &debrief.misled {
                let _ = writeln!(text, "  - {}", misleading.text);
                if let Some(link) = &misleading.link {
                    let link = style.paint(Ink::Hue(0), &self.link(link, urls));
                    let limit = misleading.limit.map_or_else(String::new, shown);
                    let _ = writeln!(text, "    {link}{limit}");
                }
            }
        }
        if !self.innocent.is_empty() {
            let _ = writeln!(text, "\n{}\n", heading("Changes that had no part in it"));
            for change in &self.innocent {
                let _ = writeln!(text, "  - {change}");
            }
        }
        if let Some(verdict) = &self.verdict {
            let outcome = if verdict.passed {
                "passed"
            } else {
                "not passed"
            };
            let _ = write!(text, "\n{}", report::rivals(verdict, style, WIDTH));
            let _ = writeln!(
                text,
                "\nYour write-up: {outcome}, {} of 100 points ({} needed).",
                verdict.score, verdict.pass_mark
            );
        }
        let _ = writeln!(
            text,
            "\nThe drill was `{}`. Compare its hash with the answer key shown at the start:\n  (printf '%s\\0' {}; cat scenarios/{}.toml) | sha256sum\n  {}",
            self.scenario.id, self.nonce, self.scenario.id, self.hash,
        );
        text
    }

    /// Where to see it: an address if the backends answer, else the command that shows it.
    fn link(&self, link: &Link, urls: Option<&Urls>) -> String {
        let page = self
            .chronicle
            .page
            .as_ref()
            .map_or(self.chronicle.started, |page| page.at);
        let run = &self.run;
        match (link.kind, urls) {
            (LinkKind::Jaeger, Some(urls)) => {
                let micros = |at: time::OffsetDateTime| at.unix_timestamp_nanos() / 1000;
                let from = page - time::Duration::seconds(BEFORE_S);
                format!(
                    "{}/search?{}&start={}&end={}&lookback=custom",
                    urls.jaeger,
                    link.target,
                    micros(from),
                    micros(self.chronicle.last)
                )
            }
            (LinkKind::Prometheus, Some(urls)) => {
                let range = (self.chronicle.last - page).whole_seconds() + BEFORE_S;
                let end = self.chronicle.last.unix_timestamp();
                format!(
                    "{}/graph?g0.expr={}&g0.range_input={range}s&g0.end_input={end}&g0.tab=0",
                    urls.prometheus,
                    encoded(&link.target)
                )
            }
            (LinkKind::Jaeger, None) => {
                format!("firedrill open {run}, then Jaeger: search?{}", link.target)
            }
            (LinkKind::Prometheus, None) => {
                format!("firedrill open {run}, then graph: {}", link.target)
            }
            (LinkKind::Log, _) => logs(run, &link.target),
            (LinkKind::Deploy, _) => {
                shell::line(["firedrill", "deploys", "show", "--run", run, &link.target])
            }
            (LinkKind::Heap, _) => {
                let (before, after) = link.target.split_once("..").unwrap_or((&link.target, ""));
                let line = shell::line(["firedrill", "heap", "diff", "--run", run, before, after]);
                let is_there = |name: &str| self.snapshots.iter().any(|taken| taken == name);
                match is_there(before) && is_there(after) {
                    true => line,
                    false => format!(
                        "{line}  (this run has no such snapshots: take one with `firedrill heap snapshot {before} SERVICE` early, and {after} later)"
                    ),
                }
            }
            (LinkKind::Command, _) => format!("firedrill {}", link.target),
        }
    }
}

/// What an expression shows, behind its link.
fn shown(limit: Limit) -> String {
    match limit {
        Limit::Above(least) => format!("  (goes above {})", number(least)),
        Limit::Below(most) => format!("  (stays below {})", number(most)),
    }
}

/// The command that shows the lines that a query finds, in a shell's quotes: a `>` is no redirection.
fn logs(run: &str, query: &str) -> String {
    // Scenario files are validated, so that a query which cannot be read comes from a changed copy.
    let terms = terms(query).unwrap_or_else(|_| vec![query.to_owned()]);
    let end_of_flags = terms.iter().any(|term| term.starts_with('-'));
    let words = ["firedrill", "logs", "--run", run].into_iter();
    let words = words.chain(end_of_flags.then_some("--"));
    shell::line(words.chain(terms.iter().map(String::as_str)))
}

/// Percent-encodes a query value (RFC 3986, everything but unreserved characters).
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // Writing to a string cannot fail.
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::commands::logs::timeless;

    #[test]
    fn what_misled_stands_with_where_to_see_it_and_what_it_shows() {
        let at = time::macros::datetime!(2026-11-23 14:00 UTC);
        let story = Story {
            run: "r".to_owned(),
            scenario: scenario::catalogue::load("checkout-stalls").expect("a drill"),
            nonce: String::new(),
            hash: String::new(),
            chronicle: Chronicle {
                alerts: Vec::new(),
                started: at,
                steady: None,
                page: None,
                last: at,
            },
            innocent: vec!["gateway@2026.11.4: Say more in errors".to_owned()],
            verdict: None,
            facts: None,
            snapshots: Vec::new(),
        };
        let text = story.text(Style::PLAIN, None);
        let (_, misled) = text.split_once("What was misleading").expect(&text);
        let sentence = "declined orders are answered quickly.";
        let mut lines = misled.lines();
        lines.find(|line| line.contains(sentence)).expect(sentence);
        let next = lines.next().expect(sentence);
        let shown = "firedrill open r, then graph: histogram_quantile(0.9, ";
        assert!(next.trim().starts_with(shown), "{next}");
        let (_, innocent) = misled.split_once("had no part in it").expect(&text);
        assert!(
            innocent.contains("  - gateway@2026.11.4: Say more in errors\n"),
            "{innocent}"
        );
        assert!(misled.contains("  (stays below 0.5)\n"), "{misled}");
        let json = serde_json::to_value(story.told()).expect("it is JSON");
        let json = &json["misled"][0];
        assert_eq!(json["below"], 0.5, "{json}");
        assert_eq!(json["link"]["kind"], "prometheus", "{json}");
        let target = json["link"]["target"].as_str();
        assert!(
            target.is_some_and(|target| target.contains("402")),
            "{json}"
        );
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        fn check(query: &str) {
            let shown = logs("a run", query);
            let words = shlex::split(&shown).expect(&shown);
            let args = match Cli::try_parse_from(words).map(|cli| cli.command) {
                Ok(Some(Command::Logs(args))) => args,
                other => panic!("{shown}: {other:?}"),
            };
            assert_eq!(args.recorded.run.as_deref(), Some("a run"), "{shown}");
            let asked = timeless(&args).expect(&shown);
            assert_eq!(asked, query.parse().expect(query), "{shown}");
        }
        check("service=gateway");
        check("service=checkout level=error \"full\"");
        check("service=gateway \"Too many open files\"");
        check("service=checkout deliveries>8 level>=warn");
        check("message=\"it's $HOME\" -\"a \\\"b\\\"\" -target=hyper");
        check("target~\"a b\" wait_ms<=2.5");
        for open in scenario::catalogue::list().expect("the catalogue") {
            let scenario = scenario::catalogue::load(&open.id).expect("a drill");
            let debrief = &scenario.debrief;
            let path = debrief.path.iter().map(|step| &step.link);
            let links = path.chain(debrief.misled.iter().map(|one| &one.link));
            for link in links.flatten().filter(|link| link.kind == LinkKind::Log) {
                check(&link.target);
            }
        }
    }
}
