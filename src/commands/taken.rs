//! What was taken of processes in a run, heap snapshots and CPU profiles, as a table.

use text::format;
use time::OffsetDateTime;

use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::Ink;
use crate::terminal::table::{Align, Cell, Table};

/// One of them.
pub(super) struct Row<'a, const N: usize> {
    pub(super) name: &'a str,
    pub(super) instance: &'a str,
    pub(super) release: &'a str,
    pub(super) at: OffsetDateTime,
    /// What was measured.
    pub(super) numbers: [String; N],
}

/// A number of a file, or that it cannot be read.
pub(super) fn number<T>(value: Option<T>, written: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "unreadable".to_owned(), written)
}

/// Prints all of them, with `titles` above what was measured; `advice` says how to take the first one.
pub(super) fn print<'a, const N: usize>(
    context: &Context,
    titles: [&'static str; N],
    rows: impl Iterator<Item = Row<'a, N>>,
    advice: &str,
) -> anyhow::Result<Outcome> {
    let mut columns: Vec<(&'static str, Align)> = ["NAME", "INSTANCE", "RELEASE", "TAKEN"]
        .map(|title| (title, Align::Left))
        .to_vec();
    columns.extend(titles.map(|title| (title, Align::Right)));
    let mut table = Table::new(&columns);
    for row in rows {
        let about = [
            Cell::new(Ink::Heading, row.name),
            row.instance.into(),
            row.release.into(),
            format::clock(row.at).into(),
        ];
        table.row(about.into_iter().chain(row.numbers.map(Cell::from)));
    }
    let text = table.render(context.terminal.out, context.terminal.width);
    context.terminal.print(&text)?;
    if table.is_empty() {
        context.terminal.note(advice);
    }
    Ok(Outcome::Done)
}
