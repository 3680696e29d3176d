//! `/api/COMMAND`: a command of the terminal, asked for over HTTP.
//!
//! The fields of a request are the command's own arguments by their names; what they mean, and what is wrong with them, is
//! said by the command itself.

use std::ffi::OsString;
use std::path::Path;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use clap::{Arg, ArgAction, Parser as _};
use serde_json::Value;

use super::access::Failure;
use super::command::{DRAFT, OUTPUT, Shape, arguments, definition, is_list, prints_json};
use super::{Desk, draft};
use crate::cli::Cli;
use crate::error::{self, Error};
use crate::terminal::{Printed, Terminal};

/// The names and values of a request, in their order.
pub(super) type Fields = Vec<(String, String)>;

/// Answers a command; `looks` says whether what it reads counts as opened by the responder.
pub(super) fn answer(desk: &Desk, command: &str, fields: &Fields, looks: bool) -> Response {
    let (terminal, printed) = Terminal::kept();
    let context = desk.context(terminal, looks);
    let done = draft::path(&context)
        .and_then(|draft| words(command, fields, draft.as_deref()))
        .and_then(|words| parsed(&words))
        .and_then(|cli| match cli.command {
            Some(command) => (desk.execute)(&context, command),
            None => anyhow::bail!("a command is missing"),
        });
    match done {
        Ok(_) => {
            let printed = std::mem::take(&mut *printed.lock());
            shown(command, fields, printed)
        }
        Err(error) => failed(&error),
    }
}

/// What a command printed, as JSON.
fn shown(command: &str, fields: &Fields, printed: Printed) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    if !prints_json(command) {
        return (no_store, Json(printed)).into_response();
    }
    let text = printed.text.trim_end();
    let is_lines = command == "logs" && !fields.iter().any(|(name, _)| name == "by");
    let body = match text {
        _ if is_lines => format!("[{}]", text.replace('\n', ",")),
        "" => "[]".to_owned(),
        text => text.to_owned(),
    };
    let is_json = [(header::CONTENT_TYPE, "application/json")];
    (no_store, is_json, body).into_response()
}

/// An error of a command: what is wrong with the request is the client's, an outage is not.
pub(super) fn failed(error: &anyhow::Error) -> Response {
    let status = match error::exit_code(error) {
        error::EXIT_USAGE | error::EXIT_SCENARIO => StatusCode::BAD_REQUEST,
        _ => StatusCode::BAD_GATEWAY,
    };
    let known = error.downcast_ref::<Error>();
    let hint = known.and_then(|error| error.hint().map(|hint| hint.to_string()));
    let message = format!("{error:#}");
    (status, Json(Failure { message, hint })).into_response()
}

/// The command line that a request stands for.
fn words(command: &str, fields: &Fields, draft: Option<&Path>) -> anyhow::Result<Vec<OsString>> {
    let definition = definition(command).ok_or_else(|| anyhow::anyhow!("unknown command"))?;
    let mut words: Vec<OsString> = vec!["firedrill".into()];
    words.extend(command.split('/').map(OsString::from));
    if prints_json(command) {
        words.push("--json".into());
    }
    let known: Vec<&Arg> = arguments(&definition).collect();
    let mut positional: Vec<(usize, OsString)> = Vec::new();
    for (name, value) in fields {
        let argument = known
            .iter()
            .find(|argument| argument.get_id().as_str() == name)
            .ok_or_else(|| {
                let names = known.iter().map(|argument| argument.get_id().as_str());
                Error::unknown("field", name, names)
            })?;
        if name == "run" {
            is_name(value)?;
        }
        match (
            argument.get_index(),
            argument.get_long(),
            argument.get_action(),
        ) {
            (Some(index), ..) => positional.push((index, value.into())),
            (None, Some(long), ArgAction::SetTrue) => match value.as_str() {
                "true" => words.push(format!("--{long}").into()),
                "false" => {}
                _ => {
                    let hint = "write `true` or `false`";
                    return Err(Error::usage(format!("`{name}` is not `{value}`"), hint).into());
                }
            },
            (None, Some(long), _) => words.push(format!("--{long}={value}").into()),
            (None, None, _) => return Err(Error::unknown("field", name, []).into()),
        }
    }
    for argument in definition.get_arguments() {
        let id = argument.get_id().as_str();
        let is_draft = DRAFT.contains(&id) || id == OUTPUT && command == "report/new";
        let Some(draft) = draft.filter(|_| is_draft) else {
            continue;
        };
        match (argument.get_index(), argument.get_long()) {
            (Some(index), _) => positional.push((index, draft.into())),
            (None, Some(long)) => {
                let mut word = OsString::from(format!("--{long}="));
                word.push(draft);
                words.push(word);
            }
            (None, None) => {}
        }
    }
    if !positional.is_empty() {
        // A value that begins with a dash is a value.
        words.push("--".into());
        positional.sort_by_key(|(index, _)| *index);
        words.extend(positional.into_iter().map(|(_, value)| value));
    }
    Ok(words)
}

/// A run is named here by its id: whoever looks on must not read other files of the machine.
fn is_name(run: &str) -> Result<(), Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match !run.is_empty() && run.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(Error::usage(
            format!("`{run}` is not the id of a run"),
            "`firedrill history` shows them",
        )),
    }
}

fn parsed(words: &[OsString]) -> anyhow::Result<Cli> {
    Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let lines = text.lines().map(str::trim);
        // What is missing is listed below the first line.
        let said: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        let message = said.join(" ").trim_start_matches("error: ").to_owned();
        let hint = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("tip: "));
        Error::usage(
            message,
            hint.unwrap_or("`/api/openapi.json` has the fields of every command"),
        )
        .into()
    })
}

/// The fields of a query string.
pub(super) fn of_query(query: &str) -> Fields {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The fields of a body: a JSON object with values as the command's arguments are.
pub(super) fn of_body(command: &str, body: &[u8]) -> Result<Fields, String> {
    if body.is_empty() {
        return Ok(Fields::new());
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let Value::Object(object) = value else {
        return Err("the body is not a JSON object".to_owned());
    };
    let definition = definition(command);
    let known: Vec<&Arg> = definition.iter().flat_map(arguments).collect();
    let mut fields = Fields::new();
    for (name, value) in object {
        let Some(argument) = known.iter().find(|one| one.get_id().as_str() == name) else {
            // The command says which there are.
            fields.push((name, value.to_string()));
            continue;
        };
        let shape = Shape::of(argument);
        let values = match value {
            Value::Array(values) if is_list(argument) => values,
            one if !is_list(argument) => vec![one],
            _ => return Err(format!("`{name}` is not a list")),
        };
        for value in values {
            let text = match (shape, value) {
                (Shape::Flag, Value::Bool(value)) => value.to_string(),
                (Shape::Number, Value::Number(value)) => value.to_string(),
                (Shape::Number | Shape::Text, Value::String(text)) => text,
                (_, value) => return Err(format!("`{name}` cannot be `{value}`")),
            };
            fields.push((name.clone(), text));
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, fields: &[(&str, &str)], expected: &str) {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let words = words(command, &fields, Some(Path::new("/r/draft.md")));
        let words = match words.and_then(|words| parsed(&words).map(|_| words)) {
            Ok(words) => words
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(words, expected, "{command}");
    }

    #[test]
    fn a_request_is_the_command_line_that_asks_the_same() {
        check("status", &[], "firedrill status --json");
        check(
            "logs",
            &[("query", "level=error"), ("since", "5m"), ("query", "-x")],
            "firedrill logs --json --since=5m -- level=error -x",
        );
        check(
            "traces",
            &[("errors", "true"), ("terms", "a=b")],
            "firedrill traces --json --errors -- a=b",
        );
        check("traces", &[("errors", "false")], "firedrill traces --json");
        check(
            "rollback",
            &[("service", "inventory")],
            "firedrill rollback --json -- inventory",
        );
        check(
            "config/set",
            &[("settings", "a.b=1"), ("service", "checkout")],
            "firedrill config set --json -- checkout a.b=1",
        );
        check(
            "report/pin",
            &[("pointer", "deploy:a"), ("to", "trigger")],
            "firedrill report pin --to=trigger --file=/r/draft.md -- deploy:a",
        );
        check("submit", &[], "firedrill submit --json -- /r/draft.md");
        check(
            "report/new",
            &[],
            "firedrill report new --output=/r/draft.md",
        );
    }

    #[test]
    fn what_a_request_may_not_have_is_refused_with_what_it_may() {
        check("status", &[("watch", "true")], "there is no field `watch`");
        check(
            "report/check",
            &[("file", "/etc/passwd")],
            "there is no field `file`",
        );
        check(
            "logs",
            &[("run", "/etc/passwd")],
            "`/etc/passwd` is not the id of a run",
        );
        check("traces", &[("errors", "yes")], "`errors` is not `yes`");
        check(
            "rollback",
            &[("service", "payment")],
            "invalid value 'payment' for '<SERVICE>' [possible values: gateway, checkout, inventory]",
        );
        check(
            "scale",
            &[],
            "the following required arguments were not provided: <SERVICE> <REPLICAS>",
        );
    }

    #[test]
    fn a_body_is_an_object_of_the_commands_arguments() {
        let check = |command: &str, body: &str, expected: &str| {
            let fields = of_body(command, body.as_bytes());
            let said = fields.map_or_else(|error| error, |fields| format!("{fields:?}"));
            assert_eq!(said, expected, "{command} {body}");
        };
        check("scale", "", "[]");
        check(
            "scale",
            r#"{"replicas":2,"service":"checkout"}"#,
            r#"[("replicas", "2"), ("service", "checkout")]"#,
        );
        check("scale", r#"{"replicas":"2"}"#, r#"[("replicas", "2")]"#);
        check(
            "scale",
            r#"{"replicas":true}"#,
            "`replicas` cannot be `true`",
        );
        check(
            "config/set",
            r#"{"settings":["a=1","b=2"]}"#,
            r#"[("settings", "a=1"), ("settings", "b=2")]"#,
        );
        check(
            "config/set",
            r#"{"settings":"a=1"}"#,
            "`settings` is not a list",
        );
        check("report/new", r#"{"force":true}"#, r#"[("force", "true")]"#);
        check(
            "report/new",
            r#"{"force":null}"#,
            "`force` cannot be `null`",
        );
        check(
            "block",
            r#"{"client":["a"]}"#,
            r#"`client` cannot be `["a"]`"#,
        );
        check("block", r#"{"nobody":1}"#, r#"[("nobody", "1")]"#);
        check("block", "[1]", "the body is not a JSON object");
        assert!(of_body("block", b"{").is_err());
    }
}
