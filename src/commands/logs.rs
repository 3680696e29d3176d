//! `logs`: lines of the run folder, filtered, aligned, followed.

pub(super) mod group;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use grader::evidence::{LogLine, Logs, Look, LookKind};
use grader::log_query::Query;
use grader::moment::Moment;
use text::format;
use time::OffsetDateTime;

use super::source::{self, Place};
use crate::cli::evidence::{Level, Logs as Args};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::{Ink, Style, column};

/// Between two looks at the files while following.
const FOLLOW: Duration = Duration::from_millis(300);

/// Prints the lines that match.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let query = query(args, place.now)?;
    let logs = Logs::open(&place.folder);
    let limit = match args.limit {
        0 => usize::MAX,
        _ if args.by.is_some() => usize::MAX,
        limit => limit,
    };
    known(&logs, args, &query)?;
    let progress = context.terminal.progress("reading the logs");
    let found = logs
        .search(&query, &source::frame(&place.folder, context.now), limit)
        .map_err(source::explain)?;
    drop(progress);
    let look = Look::by_command(LookKind::Log, timeless(args)?.to_string(), context.now);
    place.note(&look);
    if let Some(field) = args.by.as_deref().filter(|_| found.matched > 0) {
        let groups = group::group(&found.lines, field);
        if args.recorded.format.json {
            context.terminal.json(&groups)?;
        } else {
            let (style, width) = (context.terminal.out, context.terminal.width);
            context
                .terminal
                .print(&group::render(&groups, style, width))?;
        }
        return Ok(Outcome::Done);
    }
    for line in &found.lines {
        show(context, args, line)?;
    }
    if args.follow {
        return follow(context, args, &logs, &query, place.folder, &found.lines);
    }
    let shown = found.lines.len() as u64;
    if !args.recorded.format.json && found.matched > shown {
        context.terminal.note(&format!(
            "showing the newest {shown} of {} lines; `--limit 0` shows all",
            found.matched
        ));
    } else if found.matched == 0 {
        context
            .terminal
            .note(&format!("none of {} lines match", found.read));
    }
    Ok(Outcome::Done)
}

/// Refuses a service or instance that wrote no log.
fn known(logs: &Logs, args: &Args, query: &Query) -> anyhow::Result<()> {
    let files = logs.files().map_err(source::explain)?;
    let stems = files.iter().filter_map(|file| file.file_stem()?.to_str());
    let instances: BTreeSet<&str> = stems.collect();
    let services: BTreeSet<&str> = instances
        .iter()
        .filter_map(|instance| Some(instance.rsplit_once('-')?.0))
        .collect();
    if instances.is_empty() {
        return Ok(());
    }
    if let Some(name) = &args.service {
        let known: BTreeSet<&str> = services.union(&instances).copied().collect();
        among("service", name, &known)?;
    }
    for (kind, known) in [("service", &services), ("instance", &instances)] {
        for name in query.wanted(kind).unwrap_or_default() {
            among(kind, name, known)?;
        }
    }
    Ok(())
}

fn among(kind: &'static str, name: &str, known: &BTreeSet<&str>) -> Result<(), Error> {
    match known.contains(name) {
        true => Ok(()),
        false => Err(Error::unknown(kind, name, known.iter().copied())),
    }
}

fn show(context: &Context, args: &Args, line: &LogLine) -> anyhow::Result<()> {
    if args.recorded.format.json {
        context.terminal.json_line(line)?;
    } else {
        context
            .terminal
            .print(&render(line, context.terminal.out))?;
    }
    Ok(())
}

/// Prints lines as they come, until Ctrl-C ends the process or the run ends.
fn follow(
    context: &Context,
    args: &Args,
    logs: &Logs,
    query: &Query,
    folder: PathBuf,
    shown: &[LogLine],
) -> anyhow::Result<Outcome> {
    let mut last = shown
        .iter()
        .filter_map(|line| line.at)
        .max()
        .unwrap_or(context.now);
    // Lines of the same instant may come from several files, so they are told apart by their text.
    let mut at_last: Vec<LogLine> = shown
        .iter()
        .filter(|line| line.at == Some(last))
        .cloned()
        .collect();
    loop {
        let runs = context
            .state
            .find()?
            .is_some_and(|session| session.folder == folder);
        let fresh = query.clone().since(Moment::Absolute(last));
        let frame = source::frame(&folder, OffsetDateTime::now_utc());
        let found = logs
            .search(&fresh, &frame, usize::MAX)
            .map_err(source::explain)?;
        for line in found.lines {
            if line.at < Some(last) || at_last.contains(&line) {
                continue;
            }
            show(context, args, &line)?;
            if let Some(at) = line.at.filter(|at| *at > last) {
                last = at;
                at_last.clear();
            }
            at_last.push(line);
        }
        if !runs {
            context.terminal.note("the run has ended");
            return Ok(Outcome::Done);
        }
        std::thread::sleep(FOLLOW);
    }
}

/// Flags and terms as one query.
fn query(args: &Args, now: OffsetDateTime) -> anyhow::Result<Query> {
    let mut query = timeless(args)?;
    if let Some(since) = args.since {
        query = query.since(Moment::Absolute(since.resolve(now)));
    }
    if let Some(until) = args.until {
        query = query.until(Moment::Absolute(until.resolve(now)));
    }
    Ok(query)
}

/// What was asked for whenever it was: how a look is recorded.
pub(super) fn timeless(args: &Args) -> anyhow::Result<Query> {
    let mut terms: Vec<String> = args.query.iter().map(|term| quoted(term)).collect();
    if let Some(level) = args.level {
        terms.push(format!("level>={}", name(level)));
    }
    if let Some(content) = &args.text {
        terms.push(literal(content));
    }
    let written = terms.join(" ");
    let mut query: Query = written
        .parse()
        .map_err(|error: grader::log_query::ParseError| Error::Expression {
            message: error.message.clone(),
            offset: Some(at(&written, error.position)),
            text: written.clone(),
        })?;
    if let Some(name) = &args.service {
        let key = if name
            .rsplit_once('-')
            .is_some_and(|(_, number)| number.parse::<u32>().is_ok())
        {
            "instance"
        } else {
            "service"
        };
        query = query.and(key, name);
    }
    if let Some(trace) = &args.trace {
        query = query.and("trace_id", &trace.to_lowercase());
    }
    Ok(query)
}

/// The byte offset of a character counted from 1; the end for one past it.
fn at(text: &str, position: usize) -> usize {
    let mut offsets = text.char_indices().map(|(offset, _)| offset);
    offsets
        .nth(position.saturating_sub(1))
        .unwrap_or(text.len())
}

/// Fields whose values have no blanks: a word after them is a term of its own.
const WITHOUT_BLANKS: [&str; 6] = ["instance", "level", "service", "since", "trace_id", "until"];

/// An argument with blanks that the shell's quotes held together: a whole query if it has quotes of its own or more
/// than one comparison, else one term.
fn quoted(argument: &str) -> String {
    let words = || argument.split(char::is_whitespace);
    let is_query = argument.contains('"') || words().filter_map(compared).count() > 1;
    if !argument.contains(char::is_whitespace) || is_query {
        return argument.to_owned();
    }
    match words().next().and_then(compared) {
        None => literal(argument),
        Some((key, value_at))
            if argument[..value_at].ends_with(['=', '~']) && !WITHOUT_BLANKS.contains(&key) =>
        {
            format!(
                "{}{}",
                &argument[..value_at],
                literal(&argument[value_at..])
            )
        }
        Some(_) => argument.to_owned(),
    }
}

/// The key of a word that is a comparison, and where its value begins.
fn compared(word: &str) -> Option<(&str, usize)> {
    let start = word.find(['=', '~', '<', '>', '!'])?;
    let value_at = start
        + word[start..]
            .find(|c| !"=~<>!".contains(c))
            .unwrap_or(word.len() - start);
    let key = word[..start].trim_start_matches('-');
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
    is_key.then_some((key, value_at))
}

fn literal(content: &str) -> String {
    format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\\\""))
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// What has a place of its own in a line, or says what the place says.
const PLACED: [&str; 6] = [
    "timestamp",
    "level",
    "service",
    "instance",
    "version",
    "message",
];

fn level_ink(level: &str) -> Ink {
    match level {
        "error" => Ink::Error,
        "warn" => Ink::Warning,
        "info" => Ink::Good,
        _ => Ink::Faint,
    }
}

fn render(line: &LogLine, style: Style) -> String {
    let level = line.text("level");
    let ink = level_ink(&level);
    let time = line.at.map_or_else(|| column::left("", 12), format::clock);
    let mut shown = format!(
        "{} {} {} {}",
        style.paint(Ink::Faint, &time),
        style.paint(
            ink,
            &column::left(&text::format::harmless(&level).to_uppercase(), 5)
        ),
        style.paint(
            Ink::Heading,
            &column::left(&text::format::harmless(&line.text("instance")), 11)
        ),
        text::format::harmless(&line.text("message")),
    );
    for key in line
        .fields
        .keys()
        .filter(|key| !PLACED.contains(&key.as_str()))
    {
        let field = format!(
            " {}={}",
            text::format::harmless(key),
            text::format::harmless(&line.text(key))
        );
        shown.push_str(&style.paint(Ink::Faint, &field));
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use grader::moment::Frame;

    use super::*;
    use crate::cli::{Cli, Command};

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-23 14:10:00 UTC);

    const LINES: [&str; 4] = [
        r#"{"timestamp":"2026-11-23T14:05:10.250Z","level":"info","service":"checkout","instance":"checkout-1","version":"2026.11.3","target":"checkout::order","message":"reserved stock","order":"o-7"}"#,
        r#"{"timestamp":"2026-11-23T14:06:00Z","level":"warn","service":"inventory","instance":"inventory-1","message":"retry","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
        r#"{"timestamp":"2026-11-23T14:07:00Z","level":"error","service":"inventory","instance":"inventory-2","message":"no such column: pr\u001b[31mice\nnext"}"#,
        r#"{"timestamp":"2026-11-23T14:09:30Z","level":"debug","service":"gateway","instance":"gateway-1","message":"done"}"#,
    ];

    fn args(line: &[&str]) -> Args {
        let words = ["firedrill", "logs"].iter().chain(line);
        match Cli::try_parse_from(words).map(|cli| cli.command) {
            Ok(Some(Command::Logs(args))) => args,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(line: &[&str], expected: &[usize]) {
        let query = query(&args(line), NOW).expect("query");
        let frame = Frame {
            started: NOW,
            page: None,
            ended: NOW,
            windows: None,
        };
        let matcher = query.within(&frame);
        let parsed = LINES.iter().map(|line| LogLine::parse(line).expect("line"));
        let found: Vec<usize> = parsed
            .enumerate()
            .filter(|(_, line)| matcher.matches(line))
            .map(|(index, _)| index)
            .collect();
        assert_eq!(found, expected, "{line:?}");
    }

    #[test]
    fn flags_and_terms_become_one_query() {
        check(&[], &[0, 1, 2, 3]);
        check(&["--level", "warn"], &[1, 2]);
        check(&["--service", "inventory"], &[1, 2]);
        check(&["--service", "inventory-2"], &[2]);
        check(&["--since", "5m"], &[0, 1, 2, 3]);
        check(&["--since", "1m"], &[3]);
        check(&["--since", "14:06:30", "--until", "14:08"], &[2]);
        check(&["--trace", "4BF92F3577B34DA6A3CE929D0E0E4736"], &[1]);
        check(&["--text", "No such"], &[2]);
        check(&["no such column"], &[2]);
        check(&["message=reserved stock"], &[0]);
        check(&["service=inventory level>=warn"], &[1, 2]);
        check(&["level>=warn such column"], &[2]);
        check(&["level=error \"such column\""], &[2]);
        check(&["such column -> next"], &[]);
        check(&["level=error,warn", "service!=checkout", "retry"], &[1]);
    }

    #[test]
    fn a_query_that_cannot_be_read_says_where() {
        let error = query(&args(&["level="]), NOW).expect_err("no value");
        assert_eq!(crate::error::exit_code(&error), 2);
        insta::assert_snapshot!(crate::error::render(&error, Style::PLAIN), @r"
        error: a value is missing after `level=`
          level=
                ^
        ");
    }

    #[test]
    fn a_line_is_aligned_and_cannot_drive_the_terminal() {
        let lines: String = LINES
            .iter()
            .map(|line| render(&LogLine::parse(line).expect("line"), Style::PLAIN))
            .collect();
        insta::assert_snapshot!(lines, @r"
        14:05:10.250 INFO  checkout-1  reserved stock order=o-7 target=checkout::order
        14:06:00.000 WARN  inventory-1 retry trace_id=4bf92f3577b34da6a3ce929d0e0e4736
        14:07:00.000 ERROR inventory-2 no such column: pr\u{1b}[31mice\nnext
        14:09:30.000 DEBUG gateway-1   done
        ");
    }
}
