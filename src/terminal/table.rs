//! Aligned columns: as wide as they need to be, the last one cut at the edge of a terminal.

use super::{Ink, Style, text};

/// One cell: text and what it is.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    ink: Ink,
}

impl Cell {
    /// A cell in a colour.
    pub fn new(ink: Ink, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            text: text::harmless(&text).into_owned(),
            ink,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Ink::Plain, text)
    }
}

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of cells under titles.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

const GAP: &str = "  ";

impl Table {
    /// A table with these columns and no rows.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells that are missing stay empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows
            .push(cells.into_iter().take(self.columns.len()).collect());
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines of text. On a terminal no line is longer than `columns`.
    pub fn render(&self, style: Style, columns: usize) -> String {
        let widths = self.widths(style, columns);
        let mut lines = String::new();
        let titles: Vec<Cell> = self
            .columns
            .iter()
            .map(|(title, _)| Cell::new(Ink::Heading, *title))
            .collect();
        for row in std::iter::once(&titles).chain(&self.rows) {
            self.line(&mut lines, row, &widths, style);
        }
        lines
    }

    fn widths(&self, style: Style, columns: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .map(|(title, _)| text::width(title))
            .collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(text::width(&cell.text));
            }
        }
        // Into a pipe nothing is cut: a program reads it.
        if style.terminal
            && let Some((last, rest)) = widths.split_last_mut()
        {
            let before: usize = rest.iter().map(|width| width + GAP.len()).sum();
            *last = (*last).min(columns.saturating_sub(before).max(MIN_LAST_COLUMN));
        }
        widths
    }

    fn line(&self, lines: &mut String, row: &[Cell], widths: &[usize], style: Style) {
        let mut line = String::new();
        let mut gap = 0;
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            let shown = text::cut(&cell.text, *width);
            let fill = width - text::width(&shown);
            let (before, after) = match self.columns[index].1 {
                Align::Left => (0, fill),
                Align::Right => (fill, 0),
            };
            // Spaces are written only before text, so that no line ends with any.
            if !shown.is_empty() {
                line.push_str(&" ".repeat(gap + before));
                line.push_str(&style.paint(cell.ink, &shown));
                gap = 0;
            } else {
                gap += before;
            }
            gap += after + GAP.len();
        }
        lines.push_str(&line);
        lines.push('\n');
    }
}

/// The last column never gets narrower than this, even when the terminal is.
const MIN_LAST_COLUMN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new(&[
            ("NAME", Align::Left),
            ("SIZE", Align::Right),
            ("WHAT", Align::Left),
        ]);
        table.row(["a".into(), "1".into(), Cell::new(Ink::Error, "one thing")]);
        table.row([
            "longer".into(),
            "1000".into(),
            "a thing with a long description".into(),
        ]);
        table.row(["none".into(), "".into(), "".into()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        insta::assert_snapshot!(example().render(Style::PLAIN, 20), @r"
        NAME    SIZE  WHAT
        a          1  one thing
        longer  1000  a thing with a long description
        none
        ");
    }

    #[test]
    fn the_last_column_is_cut_at_the_edge_of_a_terminal() {
        let style = Style {
            color: false,
            terminal: true,
        };
        insta::assert_snapshot!(example().render(style, 30), @r"
        NAME    SIZE  WHAT
        a          1  one thing
        longer  1000  a thing with a …
        none
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let style = Style {
            color: true,
            terminal: false,
        };
        let coloured = example().render(style, 80);
        let bare = coloured
            .replace("\x1b[1m", "")
            .replace("\x1b[1;31m", "")
            .replace("\x1b[0m", "");
        assert_eq!(bare, example().render(Style::PLAIN, 80));
    }
}
