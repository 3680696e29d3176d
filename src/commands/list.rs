//! `list`: the drills, as far as they may be told.

use scenario::{Open, catalogue};
use serde::Serialize;

use crate::cli::drill;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// One drill in JSON; these three keys are a contract.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    symptom: &'a str,
    level: u8,
}

/// Prints the catalogue.
pub(super) fn run(context: &Context, args: &drill::List) -> anyhow::Result<Outcome> {
    let mut drills = catalogue::list()?;
    drills.retain(|drill| args.level.is_none_or(|level| drill.level == level));
    if args.format.json {
        let rows: Vec<Row<'_>> = drills
            .iter()
            .map(|drill| Row {
                id: &drill.id,
                symptom: &drill.symptom,
                level: drill.level,
            })
            .collect();
        context.console.json(&rows)?;
    } else if drills.is_empty() {
        context.console.note("no drills of that level");
    } else {
        let text = render(&drills, context.console.out, context.console.width);
        context.console.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn render(drills: &[Open], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("LEVEL", Align::Right),
        ("SYMPTOM", Align::Left),
    ]);
    for drill in drills {
        table.row([
            Cell::new(Ink::Good, drill.id.as_str()),
            drill.level.to_string().into(),
            drill.symptom.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_shows_id_level_and_symptom_and_no_more() {
        let drill = Open {
            id: "late-answers".to_owned(),
            title: "a title".to_owned(),
            symptom: "pages take a second".to_owned(),
            level: 2,
            briefing: "a briefing".to_owned(),
        };
        insta::assert_snapshot!(render(&[drill], Style::PLAIN, 80), @r"
        ID            LEVEL  SYMPTOM
        late-answers      2  pages take a second
        ");
    }
}
