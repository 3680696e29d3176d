use clap::{CommandFactory as _, Parser as _};

use super::*;

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn no_command_means_a_run_with_its_defaults() {
    let Ok(cli) = Cli::try_parse_from(["firedrill", "run"]) else {
        panic!("`firedrill run` must parse");
    };
    let Some(Command::Run(run)) = cli.command else {
        panic!("`firedrill run` must be a run");
    };
    assert_eq!(run, drill::Run::default());
    assert!(Cli::try_parse_from(["firedrill"]).is_ok_and(|cli| cli.command.is_none()));
}

#[test]
fn every_command_has_examples_and_every_argument_help() {
    fn check(command: &clap::Command, path: &str) {
        if !command.has_subcommands() && !command.is_hide_set() {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.starts_with("Examples:\n  firedrill "),
                "{path} has no examples"
            );
        }
        assert!(command.get_about().is_some(), "{path} has no description");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{path} {} has no help",
                argument.get_id()
            );
        }
        for child in command.get_subcommands() {
            check(child, &format!("{path} {}", child.get_name()));
        }
    }
    check(&Cli::command(), "firedrill");
}

#[test]
fn every_example_parses() {
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let lines = help
            .lines()
            .filter_map(|line| line.strip_prefix("  firedrill"));
        found.extend(lines.map(|line| format!("firedrill{line}")));
        command
            .get_subcommands()
            .for_each(|child| examples(child, found));
    }
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert!(found.len() > 40, "{}", found.len());
    for example in &found {
        let words = words(example);
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("`{example}` as {words:?}: {error}");
        }
    }
}

/// The words of a command line up to a pipe, a redirection or the explanation that stands after three spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut spaces) = (false, 0);
    for char in line.chars() {
        spaces = if char == ' ' && !quoted {
            spaces + 1
        } else {
            0
        };
        match char {
            '\'' => quoted = !quoted,
            '|' | '>' if !quoted => break,
            ' ' if !quoted && spaces == 3 => break,
            ' ' if !quoted && spaces == 1 => words.push(String::new()),
            ' ' if !quoted => {}
            char => words.last_mut().expect("there is a first word").push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_number_of_a_request_is_not_taken_for_a_line_break() {
    let mut command = Cli::command();
    let request = command.find_subcommand_mut("request").expect("a command");
    let help = request.render_help().to_string();
    assert!(
        help.contains("visit={n}'") && help.contains("`{n}`"),
        "{help}"
    );
}

#[test]
fn arguments_that_cannot_be_right_are_usage_errors() {
    let wrong = [
        "run slow-checkout --level 2",
        "run --level 9",
        "run --pace slowly",
        "trace xyz",
        "trace 00000000000000000000000000000000",
        "traces --tag nothing",
        "traces --min-duration 500",
        "traces --limit 0",
        "query up --at now --since 5m",
        "query up --step 5s",
        "heap snapshot ../x checkout",
        "profile cpu checkout --seconds 0",
        "request GET v1/products",
        "request GET /v1 -H nothing",
        "rollback payment",
        "logs --since yesterday",
    ];
    for line in wrong {
        let words = std::iter::once("firedrill").chain(line.split(' '));
        let error = Cli::try_parse_from(words)
            .err()
            .map(|error| error.exit_code());
        assert_eq!(error, Some(2), "{line}");
    }
}

#[test]
fn global_flags_stand_anywhere() {
    for line in [
        "firedrill --color never list",
        "firedrill list --color never --state-dir /tmp/x",
    ] {
        let cli = Cli::try_parse_from(line.split(' ')).expect(line);
        assert_eq!(cli.global.color, Color::Never);
    }
}
