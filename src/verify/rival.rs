//! Whether a drill's own evidence tells it from every rival, as the references show it: nothing has to run for this.

use grader::differential::Standing;
use grader::lineup::{Candidate, Row};

use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Terminal};

use super::Report;

/// Columns of the table that are not what excludes.
const OTHERS: usize = 48;
/// What excludes is told in at least so many columns.
const LEAST: usize = 30;

/// What is not as it should be: references that cannot be used, and pairs of drills that no step tells apart.
pub(super) fn problems(drill: &Candidate, rows: &[Row]) -> Vec<String> {
    let own = drill.reference.as_ref().err();
    let own = own.map(|why| format!("{why}; `firedrill verify --record {}` records it", drill.id));
    let rivals = rows.iter().filter_map(|row| {
        let rival = &row.outcome.rival;
        match &row.outcome.standing {
            Standing::Excluded { .. } => None,
            Standing::Standing => Some(format!(
                "no step of its debrief tells `{}` from `{rival}`",
                drill.id
            )),
            Standing::Unchecked { why } => Some(format!("its rival `{rival}`: {why}")),
        }
    });
    own.into_iter().chain(rivals).collect()
}

/// Each drill with its rivals, those with the same page first, and what excludes them.
pub(super) fn table(report: &Report, terminal: &Terminal) -> Table {
    let mut table = Table::new(&[
        ("drill", Align::Left),
        ("rival", Align::Left),
        ("page", Align::Left),
        ("steps", Align::Right),
        ("the first that excludes it", Align::Left),
    ]);
    let width = terminal.width.saturating_sub(OTHERS).max(LEAST);
    for drill in &report.drills {
        for (index, row) in drill.rivals.iter().enumerate() {
            let name = if index == 0 { drill.id.as_str() } else { "" };
            let page = if row.has_page { "same" } else { "" };
            let (steps, what) = match &row.outcome.standing {
                Standing::Excluded { by } => {
                    let first = by.first().map_or("", |one| one.field.as_str());
                    let short: String = first.chars().take(width).collect();
                    (Cell::from(by.len().to_string()), Cell::from(short))
                }
                Standing::Standing => (Cell::new(Ink::Error, "0"), Cell::from("")),
                Standing::Unchecked { why } => {
                    (Cell::from("-"), Cell::new(Ink::Warning, why.as_str()))
                }
            };
            table.row([
                Cell::from(name),
                Cell::from(row.outcome.rival.as_str()),
                Cell::from(page),
                steps,
                what,
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use grader::differential::Outcome;

    use super::*;

    #[test]
    fn a_pair_that_no_step_tells_apart_and_a_reference_that_is_missing_are_problems() {
        let scenario = scenario::catalogue::load("orders-queue").expect("a drill");
        let drill = scenario::references::candidate(&scenario, None);
        let row = |rival: &str, standing| Row {
            title: String::new(),
            has_page: true,
            outcome: Outcome {
                rival: rival.to_owned(),
                standing,
            },
            would: None,
        };
        let rows = [
            row("slow-checkout", Standing::Standing),
            row("edge-refuses", Standing::Excluded { by: Vec::new() }),
            row(
                "error-spike",
                Standing::Unchecked {
                    why: "its reference is damaged".to_owned(),
                },
            ),
        ];
        assert_eq!(
            problems(&drill, &rows),
            [
                "its reference is missing; `firedrill verify --record orders-queue` records it",
                "no step of its debrief tells `orders-queue` from `slow-checkout`",
                "its rival `error-spike`: its reference is damaged",
            ]
        );
    }
}
