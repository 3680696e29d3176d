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
pub(super) fn table(report: &Report, terminal: Terminal) -> Table {
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
