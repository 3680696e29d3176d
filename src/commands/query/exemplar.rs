//! `query --exemplars`: single requests behind the buckets of a histogram, and their traces.

use std::time::Duration;

use grader::evidence::prometheus::{Exemplar, Exemplars};
use grader::moment::Window;
use text::format;
use text::when::When;

use super::super::source::Evidence;
use super::{explain, labels};
use crate::cli::evidence::Query as Args;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// How far back it looks unless told.
const SINCE: Duration = Duration::from_secs(15 * 60);

/// Asks for the exemplars of the series in the expression, and shows the highest first.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let now = evidence.place.now;
    let progress = context.terminal.progress("querying Prometheus");
    let since = args.since.unwrap_or(When::Ago(SINCE));
    let window = Window {
        from: since.resolve(now),
        to: now,
    };
    let answer = evidence.wait(evidence.sources.prometheus.exemplars(&args.expr, window));
    drop(progress);
    let found = answer.map_err(|error| explain(error, &args.expr))?;
    evidence.place.note(&super::look(context, args));
    if args.recorded.format.json {
        context.terminal.json(&found)?;
        return Ok(Outcome::Done);
    }
    let rows = rows(&found);
    if rows.is_empty() {
        context.terminal.note(
            "no exemplars: query series that end in `_bucket`; an external Prometheus stores exemplars only with \
             `--enable-feature=exemplar-storage`",
        );
        return Ok(Outcome::Done);
    }
    let shown = &rows[..rows.len().min(args.limit)];
    context
        .terminal
        .print(&render(shown, context.terminal.out, context.terminal.width))?;
    let hidden = rows.len() - shown.len();
    if hidden > 0 {
        context
            .terminal
            .note(&format!("{hidden} more; `--limit` shows them"));
    }
    Ok(Outcome::Done)
}

/// An exemplar with the labels of its series.
type Row<'a> = (&'a Exemplar, &'a Exemplars);

fn rows(found: &[Exemplars]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = found
        .iter()
        .flat_map(|series| series.exemplars.iter().map(move |one| (one, series)))
        .collect();
    // Of two that are alike the newer one is more likely still of interest.
    rows.sort_by(|(a, _), (b, _)| {
        let by_value = b.number().total_cmp(&a.number());
        by_value.then(b.timestamp.total_cmp(&a.timestamp))
    });
    rows
}

fn render(rows: &[Row<'_>], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("TIME (UTC)", Align::Left),
        ("VALUE", Align::Right),
        ("TRACE", Align::Left),
        ("SERIES", Align::Left),
    ]);
    for (exemplar, series) in rows {
        // Other labels than trace ids are shown in full.
        let trace = exemplar.trace_id().map(str::to_owned);
        table.row([
            Cell::new(Ink::Faint, format::clock(exemplar.at())),
            format::number(exemplar.number()).into(),
            Cell::new(
                Ink::Heading,
                trace.unwrap_or_else(|| labels(&exemplar.labels)),
            ),
            labels(&series.series_labels).into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Exemplars> {
        let text = r#"[
            {"seriesLabels": {"__name__": "a_bucket", "le": "0.5"}, "exemplars": [
                {"labels": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}, "value": "0.41", "timestamp": 1795425000.25},
                {"labels": {"trace_id": "5bf92f3577b34da6a3ce929d0e0e4736"}, "value": "0.41", "timestamp": 1795425003}]},
            {"seriesLabels": {"__name__": "a_bucket", "le": "+Inf"}, "exemplars": [
                {"labels": {"request": "7"}, "value": "+Inf", "timestamp": 1795425001}]}
        ]"#;
        serde_json::from_str(text).expect("the API's own shape")
    }

    #[test]
    fn the_highest_values_come_first() {
        insta::assert_snapshot!(render(&rows(&found()), Style::PLAIN, 100), @r#"
        TIME (UTC)    VALUE  TRACE                             SERIES
        09:10:01.000   +Inf  {request="7"}                     a_bucket{le="+Inf"}
        09:10:03.000   0.41  5bf92f3577b34da6a3ce929d0e0e4736  a_bucket{le="0.5"}
        09:10:00.250   0.41  4bf92f3577b34da6a3ce929d0e0e4736  a_bucket{le="0.5"}
        "#);
    }

    #[test]
    fn json_is_what_prometheus_answers() {
        let written = serde_json::to_value(found()).expect("JSON");
        assert_eq!(written[1]["seriesLabels"]["le"], "+Inf");
        assert_eq!(written[1]["exemplars"][0]["value"], "+Inf");
        assert_eq!(written[0]["exemplars"][0]["timestamp"], 1_795_425_000.25);
    }
}
