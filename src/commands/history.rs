//! `firedrill history`: progress over the graded runs, as a plot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use scenario::{Family, Open, catalogue};
use text::format;
use text::format::rfc3339;
use time::OffsetDateTime;

use crate::cli::write::History;
use crate::context::Context;
use crate::error::Outcome;
use crate::history::{Graded, graded, picture};
use crate::terminal::sparkline::{fit, sparkline};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Columns of a full bar: four points each.
const BAR: u32 = 25;
/// Runs of one drill that are drawn beside it.
const DRAWN: usize = 24;

/// Prints the graded runs, oldest first, and draws them.
pub(super) fn run(context: &Context, args: &History) -> anyhow::Result<Outcome> {
    let runs = graded(&context.state);
    if let Some(path) = &args.svg {
        draw(path, &runs)?;
        context.terminal.note(&format!("wrote {}", path.display()));
    }
    if args.format.json {
        context.terminal.json(&runs)?;
    } else if runs.is_empty() {
        context
            .terminal
            .note("no graded runs yet: start with `firedrill run`, then `firedrill submit`");
    } else {
        let (style, columns) = (context.terminal.out, context.terminal.width);
        let drills = catalogue::list().unwrap_or_default();
        let text = render(&runs, &drills, style, columns);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn draw(path: &Path, runs: &[Graded]) -> anyhow::Result<()> {
    std::fs::write(path, picture::svg(runs)).with_context(|| format!("file `{}`", path.display()))
}

fn render(runs: &[Graded], drills: &[Open], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("START (UTC)", Align::Left),
        ("DRILL", Align::Left),
        ("LEVEL", Align::Right),
        ("PASSED", Align::Left),
        ("POINTS", Align::Right),
        ("0 ─ │ passes ─ 100", Align::Left),
        ("DETECT", Align::Right),
        ("FIRST LOOK", Align::Right),
        ("MITIGATE", Align::Right),
    ]);
    for run in runs {
        let ink = ink(run);
        table.row([
            Cell::new(Ink::Faint, minute(run.at)),
            run.drill.as_str().into(),
            run.level.to_string().into(),
            Cell::new(ink, passed(run)),
            Cell::new(ink, run.score.to_string()),
            Cell::new(ink, bar(run.score, run.pass_mark)),
            took(run, "detect").into(),
            took(run, "first look").into(),
            took(run, "mitigate").into(),
        ]);
    }
    let passed = runs.iter().filter(|run| run.passed).count();
    format!(
        "{}\n{}\n{}\n{passed} of {} passed.\n",
        table.render(style, columns),
        by_drill(runs).render(style, columns),
        by_family(runs, drills).render(style, columns),
        runs.len()
    )
}

/// Best and last of each drill.
fn by_drill(runs: &[Graded]) -> Table {
    let mut drills: BTreeMap<(u8, &str), Vec<&Graded>> = BTreeMap::new();
    for run in runs {
        drills.entry((run.level, &run.drill)).or_default().push(run);
    }
    let mut table = Table::new(&[
        ("DRILL", Align::Left),
        ("LEVEL", Align::Right),
        ("RUNS", Align::Right),
        ("BEST", Align::Right),
        ("LAST", Align::Right),
        ("OVER TIME", Align::Left),
    ]);
    for ((_, drill), runs) in drills {
        let scores: Vec<Option<f64>> = runs.iter().map(|run| Some(f64::from(run.score))).collect();
        let best = runs.iter().max_by_key(|run| (run.passed, run.score));
        let (Some(best), Some(last)) = (best, runs.last()) else {
            continue;
        };
        table.row([
            drill.into(),
            last.level.to_string().into(),
            runs.len().to_string().into(),
            Cell::new(ink(best), best.score.to_string()),
            Cell::new(ink(last), last.score.to_string()),
            Cell::new(Ink::Hue(0), sparkline(&fit(&scores, DRAWN), 0.0, 100.0)),
        ]);
    }
    table
}

/// How it goes in each family; runs of drills that the catalogue does not have are left out.
fn by_family(runs: &[Graded], drills: &[Open]) -> Table {
    let mut table = Table::new(&[
        ("FAMILY", Align::Left),
        ("DRILLS RUN", Align::Right),
        ("PASSED", Align::Right),
        ("MEAN POINTS", Align::Right),
    ]);
    for family in Family::ALL {
        let own: Vec<&str> = drills
            .iter()
            .filter(|open| open.family == family)
            .map(|open| open.id.as_str())
            .collect();
        let of_family = runs.iter().filter(|run| own.contains(&run.drill.as_str()));
        let of_family: Vec<&Graded> = of_family.collect();
        let ran: BTreeSet<&str> = of_family.iter().map(|run| run.drill.as_str()).collect();
        let passed = of_family.iter().filter(|run| run.passed).count();
        let points: u32 = of_family.iter().map(|run| run.score).sum();
        let mean = match of_family.len() {
            0 => "-".to_owned(),
            count => format!("{:.0}", f64::from(points) / count as f64),
        };
        table.row([
            family.name().into(),
            format!("{} of {}", ran.len(), own.len()).into(),
            format!("{passed} of {}", of_family.len()).into(),
            mean.into(),
        ]);
    }
    table
}

fn passed(run: &Graded) -> &'static str {
    match (run.passed, run.amended) {
        (true, false) => "yes",
        (true, true) => "yes, amended",
        (false, false) => "no",
        (false, true) => "no, amended",
    }
}

fn ink(run: &Graded) -> Ink {
    if run.passed { Ink::Good } else { Ink::Error }
}

fn took(run: &Graded, part: &str) -> String {
    run.seconds(part).map_or_else(
        || "-".to_owned(),
        |seconds| format::elapsed(seconds.max(0.0).round() as u64),
    )
}

/// Such as `2026-11-23 10:00`.
fn minute(at: OffsetDateTime) -> String {
    let text = rfc3339(at);
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// The score as a bar in which the mark that passes can be seen, reached or not.
fn bar(score: u32, pass_mark: u32) -> String {
    let place = |points: u32| points.min(100) * BAR / 100;
    let (filled, mark) = (place(score), place(pass_mark));
    (0..BAR)
        .map(|column| match column {
            _ if column == mark => '│',
            _ if column < filled => '█',
            _ => '·',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn run(at: OffsetDateTime, drill: &str, score: u32) -> Graded {
        let detect = crate::history::Time {
            name: "detect".to_owned(),
            seconds: Some(71.6),
        };
        Graded {
            run: "19700101-000000-00ab".to_owned(),
            at,
            drill: drill.to_owned(),
            level: 2,
            passed: score >= 70,
            score,
            pass_mark: 70,
            amended: false,
            times: vec![detect],
        }
    }

    fn runs() -> Vec<Graded> {
        vec![
            run(datetime!(2026-11-22 09:00 UTC), "error-spike", 12),
            run(datetime!(2026-11-22 10:00 UTC), "odd-numbers", 0),
            run(datetime!(2026-11-23 09:00 UTC), "error-spike", 94),
        ]
    }

    #[test]
    fn runs_are_bars_and_drills_show_best_and_last() {
        let open = |id: &str, family| Open {
            id: id.to_owned(),
            title: String::new(),
            family,
            level: 2,
            briefing: String::new(),
        };
        let drills = [
            open("error-spike", Family::OrdersFail),
            open("cannot-save", Family::OrdersFail),
            open("orders-wait", Family::OrdersSlow),
        ];
        insta::assert_snapshot!(render(&runs(), &drills, Style::PLAIN, 120), @r"
        START (UTC)       DRILL        LEVEL  PASSED  POINTS  0 ─ │ passes ─ 100         DETECT  FIRST LOOK  MITIGATE
        2026-11-22 09:00  error-spike      2  no          12  ███··············│·······  1m 12s           -         -
        2026-11-22 10:00  odd-numbers      2  no           0  ·················│·······  1m 12s           -         -
        2026-11-23 09:00  error-spike      2  yes         94  █████████████████│█████··  1m 12s           -         -

        DRILL        LEVEL  RUNS  BEST  LAST  OVER TIME
        error-spike      2     2    94    94  ▁█
        odd-numbers      2     1     0     0  ▁

        FAMILY       DRILLS RUN  PASSED  MEAN POINTS
        orders-fail      1 of 2  1 of 2           53
        orders-slow      0 of 1  0 of 0            -
        memory           0 of 0  0 of 0            -
        backlog          0 of 0  0 of 0            -
        signals          0 of 0  0 of 0            -

        1 of 3 passed.
        ");
    }

    #[test]
    fn the_picture_is_well_formed_and_harmless() {
        let mut runs = runs();
        runs[0].drill = "<script>&\"".to_owned();
        let svg = picture::svg(&runs);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<rect class=\"passed\"").count(), 1);
        assert_eq!(svg.matches("<rect class=\"failed\"").count(), 2);
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;&amp;&quot;"));
        assert!(picture::svg(&[]).contains("0 of 0 passed"));
    }
}
