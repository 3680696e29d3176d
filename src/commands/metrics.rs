//! `metrics`: what can be queried, with type, help and labels.

use std::collections::{BTreeMap, BTreeSet};

use grader::evidence::prometheus::Metadata;
use grader::evidence::{Labels, Look, LookKind};
use grader::moment::Window;
use schemars::JsonSchema;
use serde::Serialize;
use text::nearest;
use time::Duration;

use super::source::Evidence;
use crate::cli::evidence::Metrics as Args;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// How far back a series may have ended and still be listed.
const WINDOW: Duration = Duration::minutes(5);
/// What a histogram's family has behind its name in its series.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// One metric family.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "MetricFamily")]
pub(super) struct Family {
    name: String,
    #[serde(flatten)]
    metadata: Metadata,
    series: usize,
    /// Names of labels that more than the target has.
    labels: BTreeSet<String>,
}

/// Prints the families whose name or help contains the pattern.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let evidence = Evidence::open(context, args.recorded.run.as_deref())?;
    let to = evidence.place.now;
    let window = Window {
        from: to - WINDOW,
        to,
    };
    let prometheus = &evidence.sources.prometheus;
    let series = evidence.ask(prometheus.series(window))?;
    let metadata = evidence.ask(prometheus.metadata())?;
    let pattern = args.pattern.as_deref().unwrap_or_default();
    let look = Look::by_command(LookKind::Promql, format!("metrics {pattern}"), context.now);
    evidence.place.note(&look);
    let all = families(&series, &metadata);
    let wanted = pattern.to_lowercase();
    let matches = |one: &&Family| {
        one.name.to_lowercase().contains(&wanted)
            || one.metadata.help.to_lowercase().contains(&wanted)
    };
    let found: Vec<&Family> = all.iter().filter(matches).collect();
    if found.is_empty() {
        let known = all.iter().map(|one| one.name.as_str());
        return Err(Error::unknown("metric", pattern, known).into());
    }
    if args.recorded.format.json {
        context.terminal.json(&found)?;
    } else {
        let text = render(&found, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

/// The known names that look most like the ones in an expression that match nothing.
pub(super) fn suggestion(evidence: &Evidence, expr: &str) -> Option<String> {
    let to = evidence.place.now;
    let window = Window {
        from: to - WINDOW,
        to,
    };
    let series = evidence
        .ask(evidence.sources.prometheus.series(window))
        .ok()?;
    let known: BTreeSet<&str> = series
        .iter()
        .filter_map(|one| Some(one.get("__name__")?.as_str()))
        .collect();
    let unknown = names(expr).find(|name| !known.contains(name))?;
    let near = nearest(unknown, known.iter().copied());
    Some(match near.first() {
        Some(near) => format!("there is no metric `{unknown}`; did you mean `{near}`?"),
        None => format!("there is no metric `{unknown}`; `firedrill metrics` lists them"),
    })
}

/// The words of an expression that can only be a metric: long, and neither label, function nor value.
fn names(expr: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let outside = |at: usize| {
        let before = &expr[..at];
        let quotes = before.matches('"').count();
        let is_open =
            |open: char, close: char| before.matches(open).count() > before.matches(close).count();
        quotes.is_multiple_of(2) && !is_open('{', '}') && !is_open('[', ']')
    };
    let words = expr
        .split(move |c| !is_part(c))
        .filter(|word| word.contains('_'));
    words.filter(move |word| {
        let at = word.as_ptr() as usize - expr.as_ptr() as usize;
        let follows = expr[at + word.len()..].trim_start().chars().next();
        let before = expr[..at].trim_end();
        let is_grouping = ["by (", "by(", "without (", "without(", "on (", "on("]
            .iter()
            .any(|word| {
                before
                    .rfind(word)
                    .is_some_and(|open| !before[open..].contains(')'))
            });
        follows != Some('(') && outside(at) && !is_grouping
    })
}

fn families(series: &[Labels], metadata: &BTreeMap<String, Metadata>) -> Vec<Family> {
    let mut all: BTreeMap<String, Family> = BTreeMap::new();
    for labels in series {
        let Some(name) = labels.get("__name__") else {
            continue;
        };
        let base = PARTS.iter().find_map(|part| name.strip_suffix(part));
        let base = base.filter(|base| metadata.contains_key(*base));
        let known = base.unwrap_or(name);
        let told = metadata
            .get(known)
            .or_else(|| metadata.get(known.strip_suffix("_total")?));
        let family = all.entry(known.to_owned()).or_insert_with(|| Family {
            name: known.to_owned(),
            metadata: told.cloned().unwrap_or_default(),
            series: 0,
            labels: BTreeSet::new(),
        });
        family.series += 1;
        // Every target has these.
        let own = labels
            .keys()
            .filter(|key| !["__name__", "job"].contains(&key.as_str()));
        family.labels.extend(own.cloned());
    }
    all.into_values().collect()
}

fn render(families: &[&Family], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("METRIC", Align::Left),
        ("TYPE", Align::Left),
        ("SERIES", Align::Right),
        ("LABELS", Align::Left),
        ("HELP", Align::Left),
    ]);
    for family in families {
        let labels: Vec<&str> = family.labels.iter().map(String::as_str).collect();
        table.row([
            Cell::new(Ink::Heading, family.name.as_str()),
            family.metadata.kind.as_str().into(),
            family.series.to_string().into(),
            Cell::new(Ink::Faint, labels.join(",")),
            family.metadata.help.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_listed_by_family_with_type_labels_and_help() {
        let series: Vec<Labels> = serde_json::from_str(
            r#"[{"__name__": "a_seconds_bucket", "job": "shop", "le": "1"}, {"__name__": "a_seconds_sum", "job": "shop"},
            {"__name__": "b_total", "job": "shop", "service": "gateway"}, {"__name__": "up", "job": "shop"}]"#,
        )
        .expect("the API's own shape");
        let metadata: BTreeMap<String, Metadata> = serde_json::from_str(
            r#"{"a_seconds": {"type": "histogram", "help": "How long."}, "b": {"type": "counter", "help": "How many."}}"#,
        )
        .expect("metadata");
        let all = families(&series, &metadata);
        let all: Vec<&Family> = all.iter().collect();
        insta::assert_snapshot!(render(&all, Style::PLAIN, 100), @r"
        METRIC     TYPE       SERIES  LABELS   HELP
        a_seconds  histogram       2  le       How long.
        b_total    counter         1  service  How many.
        up                         1
        ");
    }

    #[test]
    fn only_metrics_count_as_names() {
        for (expr, expected) in [
            (
                "sum by (http_route) (rate(http_requests_total[1m]))",
                vec!["http_requests_total"],
            ),
            (r#"a_b{c_d="e_f"} / on (g_h) i_j"#, vec!["a_b", "i_j"]),
            ("histogram_quantile(0.9, x_bucket)", vec!["x_bucket"]),
            ("up", vec![]),
        ] {
            assert_eq!(names(expr).collect::<Vec<_>>(), expected, "{expr}");
        }
    }
}
