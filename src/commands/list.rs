//! `list`: the drills, as far as they may be told.

use scenario::{Family, Open, catalogue};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::drill;
use crate::context::Context;
use crate::error::Outcome;
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// One drill in JSON; these four keys are a contract.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Drill")]
pub(super) struct Row<'a> {
    id: &'a str,
    family: Family,
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
                family: drill.family,
                symptom: drill.family.symptom(),
                level: drill.level,
            })
            .collect();
        context.terminal.json(&rows)?;
    } else if drills.is_empty() {
        context.terminal.note("no drills of that level");
    } else {
        let text = render(&drills, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn render(drills: &[Open], style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("LEVEL", Align::Right),
        ("FAMILY", Align::Left),
        ("SYMPTOM", Align::Left),
    ]);
    for drill in drills {
        table.row([
            Cell::new(Ink::Good, drill.id.as_str()),
            drill.level.to_string().into(),
            drill.family.name().into(),
            drill.family.symptom().into(),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_shows_id_level_and_family_and_no_more() {
        let drill = Open {
            id: "late-answers".to_owned(),
            title: "a title".to_owned(),
            family: Family::OrdersSlow,
            level: 2,
            briefing: "a briefing".to_owned(),
        };
        insta::assert_snapshot!(render(&[drill], Style::PLAIN, 80), @r"
        ID            LEVEL  FAMILY       SYMPTOM
        late-answers      2  orders-slow  orders take too long
        ");
    }
}
