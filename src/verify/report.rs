//! The tables of a verification, for people.

use std::fmt::Write as _;

use scenario::Degraded;
use text::format;

use super::solver::NAMES;
use super::{Checked, Report, rival};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Terminal};

/// Everything that was found, as tables; `terminal` gives colours and width.
pub(crate) fn text(report: &Report, terminal: &Terminal) -> String {
    let heading = |text: &str| terminal.out.paint(Ink::Heading, text);
    let mut text = String::new();
    for (title, table) in tables(report, terminal) {
        let _ = writeln!(
            text,
            "{}\n{}",
            heading(title),
            table.render(terminal.out, terminal.width)
        );
    }
    for drill in &report.drills {
        for problem in &drill.problems {
            let _ = writeln!(
                text,
                "{} {}: {problem}",
                terminal.out.paint(Ink::Error, "no"),
                drill.id
            );
        }
    }
    for drill in &report.drills {
        for differs in &drill.differs {
            let note = terminal
                .out
                .paint(Ink::Faint, "unlike its reference or debrief:");
            let _ = writeln!(text, "{note} {}: {differs}", drill.id);
        }
        if let Some(void) = &drill.void {
            let note = terminal.out.paint(Ink::Faint, "run once more:");
            let _ = writeln!(text, "{note} {}: {void}", drill.id);
        }
    }
    let sound = report
        .drills
        .iter()
        .filter(|drill| drill.problems.is_empty());
    let _ = writeln!(
        text,
        "{} of {} drills are sound; {:.0} s",
        sound.count(),
        report.drills.len(),
        report.seconds
    );
    text
}

/// Each table under its title.
fn tables(report: &Report, terminal: &Terminal) -> [(&'static str, Table); 6] {
    [
        (
            "The symptom shows, and ends with its cause",
            manifestation(report),
        ),
        (
            "Nothing names the cause, and the drill repeats",
            silence(report),
        ),
        (
            "Its signature shows in no other drill (seconds; one column per signature)",
            matrix(report),
        ),
        (
            "Its debrief tells it from every rival (by the references)",
            rival::table(report, terminal),
        ),
        (
            "Its debrief still settles it without a part of the telemetry (by the references)",
            degraded(report),
        ),
        (
            "Scores of naive solvers (points; + passes)",
            solvers(report),
        ),
    ]
}

fn manifestation(report: &Report) -> Table {
    let mut table = Table::new(&[
        ("drill", Align::Left),
        ("level", Align::Right),
        ("page s", Align::Right),
        ("before", Align::Right),
        ("limit", Align::Right),
        ("during", Align::Right),
        ("limit", Align::Right),
        ("after", Align::Right),
        ("limit", Align::Right),
    ]);
    for drill in &report.drills {
        let measured = |stage: &str| number(drill.measured.get(stage).copied());
        let limits = &drill.limits;
        let sign = |sign: &str, limit: f64| format!("{sign} {}", number(Some(limit)));
        let during = match limits.during_above {
            Some(limit) => sign(">", limit),
            None => sign("<", limits.after_below),
        };
        let level = match drill.control {
            true => "control".to_owned(),
            false => drill.level.to_string(),
        };
        table.row([
            name(drill),
            level.into(),
            drill
                .page_s
                .map_or_else(|| "-".to_owned(), |s| format!("{s:.0}"))
                .into(),
            measured("before").into(),
            sign("<", limits.before_below).into(),
            measured("during").into(),
            during.into(),
            measured("after").into(),
            sign("<", limits.after_below).into(),
        ]);
    }
    table
}

fn degraded(report: &Report) -> Table {
    let columns = Degraded::ALL.map(|one| (one.name(), Align::Left));
    let mut table = Table::new(&[&[("drill", Align::Left)], &columns[..]].concat());
    let settled = Degraded::ALL.map(scenario::degraded::settled);
    for drill in &report.drills {
        let told = settled.iter().map(|ids| match ids.contains(&drill.id) {
            true => Cell::from("yes"),
            false => Cell::new(Ink::Faint, "no"),
        });
        table.row(std::iter::once(name(drill)).chain(told));
    }
    table
}

fn silence(report: &Report) -> Table {
    let mut table = Table::new(&[
        ("drill", Align::Left),
        ("searched", Align::Right),
        ("repeated", Align::Left),
    ]);
    for drill in &report.drills {
        let again = match drill.repeats {
            None => "-",
            Some(true) => "the same",
            Some(false) => "differs",
        };
        let searched = format::bytes(drill.searched as f64);
        table.row([name(drill), searched.into(), again.into()]);
    }
    table
}

/// Drills down, signatures across; the number at the head of a column is the drill's in the catalogue.
fn matrix(report: &Report) -> Table {
    const NUMBERS: [&str; 24] = [
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
        "17", "18", "19", "20", "21", "22", "23", "24",
    ];
    let known = report
        .drills
        .iter()
        .flat_map(|drill| drill.signatures.keys());
    let mut ids: Vec<&String> = known.collect();
    ids.sort();
    ids.dedup();
    let mut columns = vec![("", Align::Right), ("drill", Align::Left)];
    columns.extend(
        NUMBERS
            .iter()
            .take(ids.len())
            .map(|number| (*number, Align::Right)),
    );
    let mut table = Table::new(&columns);
    for drill in &report.drills {
        let place = ids.iter().position(|id| **id == drill.id);
        let number = place.and_then(|place| NUMBERS.get(place)).copied();
        let mut row = vec![Cell::from(number.unwrap_or("-")), name(drill)];
        for id in &ids {
            row.push(match drill.signatures.get(*id) {
                Some(shown) if shown.is_seen() && **id == drill.id => {
                    Cell::new(Ink::Good, shown.during_s.to_string())
                }
                Some(shown) if shown.is_seen() => Cell::new(Ink::Error, shown.during_s.to_string()),
                Some(_) => Cell::new(Ink::Faint, "."),
                None => Cell::from("-"),
            });
        }
        table.row(row);
    }
    table
}

fn solvers(report: &Report) -> Table {
    let mut columns = vec![("drill", Align::Left), ("level", Align::Right)];
    columns.extend(NAMES.map(|name| (name, Align::Right)));
    let mut table = Table::new(&columns);
    for drill in &report.drills {
        let mut row = vec![name(drill), Cell::from(drill.level.to_string())];
        for name in NAMES {
            row.push(match drill.solvers.get(name) {
                Some(result) if result.passed => {
                    Cell::new(Ink::Warning, format!("+{}", result.score))
                }
                Some(result) => result.score.to_string().into(),
                None => "-".into(),
            });
        }
        table.row(row);
    }
    table
}

fn name(drill: &Checked) -> Cell {
    let ink = match drill.problems.is_empty() {
        true => Ink::Good,
        false => Ink::Error,
    };
    Cell::new(ink, drill.id.as_str())
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), format::number)
}
