//! `traces`: a search, as a table.

use std::collections::HashSet;

use grader::evidence::{Look, LookKind, Span, Trace, TraceQuery};
use grader::moment::Window;
use schemars::JsonSchema;
use serde::Serialize;
use text::format;
use time::OffsetDateTime;

use super::source::Evidence;
use crate::cli::evidence::Traces as Args;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// The most that Jaeger's API gives in one answer.
const MOST: usize = 1_500;

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TraceSummary")]
pub(super) struct Row {
    id: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "record::instant::Text")]
    start: OffsetDateTime,
    duration_ms: f64,
    root_service: String,
    root: String,
    spans: usize,
    services: Vec<String>,
    errors: usize,
    /// Whether spans are missing: their root or a parent has not arrived yet, or never will.
    incomplete: bool,
}

/// Prints the newest traces that match.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let args = &plain(args);
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let progress = context.terminal.progress("querying Jaeger");
    let service = args.service.as_deref().unwrap_or("gateway");
    let query = query(args, service, evidence.place.now);
    // Which of them have an error is found out here: other Jaegers do not index that alike.
    let wanted = |trace: &Trace| !args.errors || trace.has_error();
    let traces = match args.errors || !args.tags.is_empty() {
        true => evidence.ask(evidence.sources.jaeger.find_where(&query, wanted))?,
        false => evidence.ask(evidence.sources.jaeger.find(&query))?,
    };
    let known = if traces.is_empty() {
        evidence.ask(evidence.sources.jaeger.services())?
    } else {
        Vec::new()
    };
    drop(progress);
    if !known.is_empty() && !known.iter().any(|name| name == service) {
        return Err(Error::unknown("service", service, known.iter().map(String::as_str)).into());
    }
    evidence.place.note(&Look::by_command(
        LookKind::Traces,
        about(args, service),
        context.now,
    ));
    let rows: Vec<Row> = traces.iter().map(row).collect();
    if args.recorded.format.json {
        context.terminal.json(&rows)?;
    } else if rows.is_empty() {
        let note = match args.service {
            Some(_) => "no matching traces".to_owned(),
            None => format!(
                "no matching traces with a span of {service}; `--service NAME` looks at another service"
            ),
        };
        context.terminal.note(&note);
    } else {
        context
            .terminal
            .print(&render(&rows, context.terminal.out, context.terminal.width))?;
    }
    Ok(Outcome::Done)
}

/// The arguments with what has a flag of its own in its place: which spans failed, Jaegers do not index alike.
fn plain(args: &Args) -> Args {
    let mut plain = args.clone();
    let terms = std::mem::take(&mut plain.terms);
    let tags = std::mem::take(&mut plain.tags);
    for (key, value) in terms.into_iter().chain(tags) {
        match (key.as_str(), value.as_str()) {
            ("error", "true") => plain.errors = true,
            ("service", _) => plain.service = Some(value),
            ("operation", _) => plain.operation = Some(value),
            _ => plain.tags.push((key, value)),
        }
    }
    plain
}

/// The search in words.
fn about(args: &Args, service: &str) -> String {
    let mut words = vec![service.to_owned()];
    words.extend(args.operation.clone());
    words.extend(
        args.tags
            .iter()
            .map(|(key, value)| format!("{key}={value}")),
    );
    let least = args.min_duration;
    words.extend(least.map(|least| format!("over {} ms", least.as_millis())));
    words.extend(args.errors.then(|| "with errors".to_owned()));
    words.join(" ")
}

fn query(args: &Args, service: &str, now: OffsetDateTime) -> TraceQuery {
    let window = Window {
        from: args.since.resolve(now),
        to: args.until.map_or(now, |until| until.resolve(now)),
    };
    let mut query = TraceQuery::new(service, window);
    query.operation.clone_from(&args.operation);
    query.min_duration = args
        .min_duration
        .and_then(|duration| duration.try_into().ok());
    query.max_duration = args
        .max_duration
        .and_then(|duration| duration.try_into().ok());
    query.attributes = args.tags.iter().cloned().collect();
    query.limit = args.limit.min(MOST);
    query
}

fn row(trace: &Trace) -> Row {
    let root = trace.root();
    let ids: HashSet<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
    // A caller from outside of the shop may have a span of its own, which no one exports here.
    let is_entry = |span: &Span| span.service == "gateway" && span.kind == "server";
    let mut inner = trace.spans.iter().filter(|span| !is_entry(span));
    let is_orphan = |span: &Span| span.parent.as_deref().is_some_and(|id| !ids.contains(id));
    Row {
        incomplete: inner.any(is_orphan),
        id: trace.id.clone(),
        start: trace.start(),
        duration_ms: trace.duration_ms(),
        root_service: root.map(|span| span.service.clone()).unwrap_or_default(),
        root: root.map(|span| span.name.clone()).unwrap_or_default(),
        spans: trace.spans.len(),
        services: trace.services().into_iter().map(str::to_owned).collect(),
        errors: trace.spans.iter().filter(|span| span.is_error).count(),
    }
}

fn render(rows: &[Row], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("START (UTC)", Align::Left),
        ("DURATION", Align::Right),
        ("SPANS", Align::Right),
        ("ERRORS", Align::Right),
        ("ID", Align::Left),
        ("ROOT", Align::Left),
        ("SERVICES", Align::Left),
    ]);
    for row in rows {
        let ink = if row.errors > 0 {
            Ink::Error
        } else {
            Ink::Faint
        };
        // The time of day is what one compares; the date stands in the JSON.
        table.row([
            Cell::new(Ink::Faint, format::clock(row.start)),
            format::duration(row.duration_ms * 1e3).into(),
            match row.incomplete {
                true => Cell::new(Ink::Warning, format!("{}+", row.spans)),
                false => row.spans.to_string().into(),
            },
            Cell::new(ink, row.errors.to_string()),
            Cell::new(Ink::Heading, row.id.as_str()),
            format!("{} {}", row.root_service, row.root).into(),
            row.services.join(" ").into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn terms_mean_what_the_flags_mean() {
        let about = |line: &str| {
            let words = shlex::split(line).expect(line);
            match Cli::try_parse_from(words).map(|cli| cli.command) {
                Ok(Some(Command::Traces(args))) => about(&plain(&args), "gateway"),
                other => panic!("{line}: {other:?}"),
            }
        };
        for (terms, flags) in [
            ("error=true", "--errors"),
            ("--tag error=true", "--errors"),
            (
                "operation='POST /v1/orders'",
                "--operation 'POST /v1/orders'",
            ),
            ("a=b error=true", "--tag a=b --errors"),
        ] {
            let terms = about(&format!("firedrill traces {terms}"));
            assert_eq!(terms, about(&format!("firedrill traces {flags}")));
        }
        let args = Cli::try_parse_from(["firedrill", "traces", "service=checkout"]);
        match args.map(|cli| cli.command) {
            Ok(Some(Command::Traces(args))) => {
                assert_eq!(plain(&args).service.as_deref(), Some("checkout"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_trace_is_one_line() {
        let span = |id: &str, parent: Option<&str>, service: &str, is_error: bool| Span {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            service: service.to_owned(),
            name: "POST /v1/orders".to_owned(),
            start_ns: 1_795_442_400_250_000_000,
            end_ns: 1_795_442_404_300_000_000,
            is_error,
            ..Span::default()
        };
        let trace = Trace {
            id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            spans: vec![
                span("1", None, "gateway", false),
                span("2", Some("1"), "checkout", true),
            ],
        };
        let early = Trace {
            spans: trace.spans[1..].to_vec(),
            ..trace.clone()
        };
        insta::assert_snapshot!(render(&[row(&trace), row(&early)], Style::PLAIN, 120), @r"
        START (UTC)   DURATION  SPANS  ERRORS  ID                                ROOT                      SERVICES
        14:00:00.250    4.05 s      2       1  4bf92f3577b34da6a3ce929d0e0e4736  gateway POST /v1/orders   gateway checkout
        14:00:00.250    4.05 s     1+       1  4bf92f3577b34da6a3ce929d0e0e4736  checkout POST /v1/orders  checkout
        ");
    }
}
