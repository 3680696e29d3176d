use super::*;

fn usage() -> Error {
    Error::usage("nothing to do", "say what")
}

fn problem(file: &str, line: usize) -> Problem {
    Problem {
        file: file.to_owned(),
        line,
        column: 1,
        key: "level".to_owned(),
        message: "is missing".to_owned(),
    }
}

#[test]
fn exit_codes_are_those_of_the_table() {
    let table: Vec<(anyhow::Error, u8)> = vec![
        (anyhow::anyhow!("anything"), 1),
        (
            Error::Unreachable {
                what: "Jaeger",
                url: "http://127.0.0.1:1".to_owned(),
                reason: "refused".to_owned(),
            }
            .into(),
            1,
        ),
        (usage().into(), 2),
        (anyhow::Error::from(usage()).context("while reading"), 2),
        (Error::unknown("drill", "x", []).into(), 2),
        (
            Error::NotRunning {
                state_dir: "/s".into(),
            }
            .into(),
            2,
        ),
        (Error::Scenario(vec![problem("a.toml", 1)]).into(), 3),
        (
            Error::Stack {
                message: "no".to_owned(),
                log: vec![],
                hint: None,
            }
            .into(),
            4,
        ),
        (
            Error::AlreadyRunning {
                run: "r".to_owned(),
                pid: 1,
            }
            .into(),
            4,
        ),
    ];
    for (error, code) in table {
        assert_eq!(exit_code(&error), code, "{error:?}");
    }
    assert_eq!(ExitCode::from(Outcome::Done), ExitCode::from(0));
    assert_eq!(ExitCode::from(Outcome::NotPassed), ExitCode::from(10));
}

#[test]
fn a_closed_pipe_is_recognised_through_its_context() {
    let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
    assert!(is_broken_pipe(
        &anyhow::Error::from(pipe).context("standard output")
    ));
    assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
}

#[test]
fn problems_stand_above_the_message_one_a_line() {
    let error = Error::Scenario(vec![
        problem("a.toml", 3),
        problem("b.toml", 9),
        problem("a.toml", 12),
    ]);
    insta::assert_snapshot!(render(&error.into(), Style::PLAIN), @r"
    a.toml:3:1: level: is missing
    b.toml:9:1: level: is missing
    a.toml:12:1: level: is missing
    error: 3 problems in 2 scenario files
    ");
}

#[test]
fn unknown_names_come_with_names_that_look_like_them() {
    let error = Error::unknown("drill", "slow-chekout", ["slow-checkout", "error-spike"]);
    insta::assert_snapshot!(render(&error.into(), Style::PLAIN), @r"
    error: there is no drill `slow-chekout`
    hint: did you mean `slow-checkout`?
    ");
    let error = Error::unknown("drill", "xyz", ["slow-checkout"]);
    insta::assert_snapshot!(render(&error.into(), Style::PLAIN), @r"
    error: there is no drill `xyz`
    hint: `firedrill list` shows the drills
    ");
}

#[test]
fn a_caret_stands_under_the_place_in_an_expression() {
    let error = Error::Expression {
        message: "unexpected `)`".to_owned(),
        text: "sum(\n  rate(é{a=\"b\"}))[5m]".to_owned(),
        offset: Some(22),
    };
    insta::assert_snapshot!(render(&error.into(), Style::PLAIN), @r#"
    error: unexpected `)`
        rate(é{a="b"}))[5m]
                      ^
    "#);
}

#[test]
fn a_stack_that_does_not_come_up_shows_its_last_lines() {
    let error = Error::Stack {
        message: "inventory-1 did not become ready within 10 s".to_owned(),
        log: vec!["opening database".to_owned(), "no space left".to_owned()],
        hint: Some("free some space".to_owned()),
    };
    insta::assert_snapshot!(render(&error.into(), Style::PLAIN), @r"
      opening database
      no space left
    error: inventory-1 did not become ready within 10 s
    hint: free some space
    ");
}

#[test]
fn text_of_others_drives_no_terminal() {
    let evil = "a\u{202e}b\x1b[2J\nnext\u{9b}";
    let stack = Error::Stack {
        message: evil.to_owned(),
        log: vec![evil.to_owned()],
        hint: Some(evil.to_owned()),
    };
    let scenario = Error::Scenario(vec![Problem {
        message: evil.to_owned(),
        ..problem("a.toml", 1)
    }]);
    let errors: [anyhow::Error; 3] = [stack.into(), scenario.into(), anyhow::anyhow!("{evil}")];
    for error in errors {
        let text = render(&error, Style::PLAIN);
        let is_shown = |char: char| char == '\n' || !char.is_control() && char != '\u{202e}';
        assert!(text.chars().all(is_shown), "{text:?}");
        assert!(
            text.contains("\\u{1b}[2J\n") || !text.contains("[2J"),
            "{text:?}"
        );
    }
}
