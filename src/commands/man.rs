//! `man`: the manual, from the clap definitions.

use std::fs;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};

use crate::cli::{Cli, write};
use crate::context::Context;
use crate::error::Outcome;

/// Prints the first page, or writes all of them into a folder.
pub(super) fn run(context: &Context, args: &write::Man) -> anyhow::Result<Outcome> {
    let pages = pages()?;
    let Some(dir) = &args.dir else {
        let first = pages
            .first()
            .map(|(_, page)| page.as_str())
            .unwrap_or_default();
        context.terminal.print(first)?;
        return Ok(Outcome::Done);
    };
    fs::create_dir_all(dir).with_context(|| format!("folder `{}`", dir.display()))?;
    for (name, page) in &pages {
        let path = dir.join(name);
        fs::write(&path, page).with_context(|| format!("page `{}`", path.display()))?;
    }
    context
        .terminal
        .note(&format!("{} pages in {}", pages.len(), dir.display()));
    Ok(Outcome::Done)
}

/// File name and text of each page; the program's own comes first.
fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, "firedrill", &mut pages)?;
    Ok(pages)
}

fn collect(command: &Command, name: &str, pages: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .context("manual")?;
    pages.push((
        format!("{name}.1"),
        String::from_utf8_lossy(&page).into_owned(),
    ));
    for child in command
        .get_subcommands()
        .filter(|child| !child.is_hide_set())
    {
        collect(child, &format!("{name}-{}", child.get_name()), pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_each_command_and_none_for_hidden_ones() {
        let names: Vec<String> = pages()
            .expect("pages")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names[0], "firedrill.1");
        for expected in [
            "firedrill-run.1",
            "firedrill-heap-diff.1",
            "firedrill-report-check.1",
        ] {
            assert!(
                names.iter().any(|name| name == expected),
                "{expected} in {names:?}"
            );
        }
        assert!(
            !names.iter().any(|name| name.contains("serve")),
            "{names:?}"
        );
    }
}
