//! `/api/COMMAND`: a command of the terminal, asked for over HTTP.
//!
//! The fields of a request are the command's own arguments by their names; what they mean, and what is wrong with them, is
//! said by the command itself.

use std::ffi::OsString;
use std::path::Path;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use clap::{Arg, ArgAction, CommandFactory as _, Parser as _};
use serde_json::{Value, json};

use super::access::refuse;
use super::{Desk, draft};
use crate::cli::Cli;
use crate::error::{self, Error};
use crate::terminal::Terminal;

/// The names and values of a request, in their order.
pub(super) type Fields = Vec<(String, String)>;

/// What a command does to the drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: a GET.
    Reads,
    /// Something: a POST.
    Changes,
}

/// The commands that the console has: those that work an incident, and those that choose and review one.
pub(super) const COMMANDS: [(&str, Effect); 42] = [
    ("status", Effect::Reads),
    ("alerts", Effect::Reads),
    ("logs", Effect::Reads),
    ("traces", Effect::Reads),
    ("trace", Effect::Reads),
    ("metrics", Effect::Reads),
    ("compare/metrics", Effect::Reads),
    ("compare/spans", Effect::Reads),
    ("compare/logs", Effect::Reads),
    ("query", Effect::Reads),
    ("deploys", Effect::Reads),
    ("deploys/show", Effect::Reads),
    ("heap/list", Effect::Reads),
    ("heap/show", Effect::Reads),
    ("heap/diff", Effect::Reads),
    ("profile/list", Effect::Reads),
    ("profile/show", Effect::Reads),
    ("profile/diff", Effect::Reads),
    ("config/show", Effect::Reads),
    ("report/check", Effect::Reads),
    ("list", Effect::Reads),
    ("history", Effect::Reads),
    ("next", Effect::Reads),
    ("heap/snapshot", Effect::Changes),
    ("profile/cpu", Effect::Changes),
    ("request", Effect::Changes),
    ("rollback", Effect::Changes),
    ("restart", Effect::Changes),
    ("deploy", Effect::Changes),
    ("flush", Effect::Changes),
    ("outbox/skip", Effect::Changes),
    ("outbox/replay", Effect::Changes),
    ("block", Effect::Changes),
    ("unblock", Effect::Changes),
    ("config/set", Effect::Changes),
    ("config/unset", Effect::Changes),
    ("scale", Effect::Changes),
    ("report/new", Effect::Changes),
    ("report/pin", Effect::Changes),
    ("report/set", Effect::Changes),
    ("submit", Effect::Changes),
    // After it, the write-up cannot be amended.
    ("debrief", Effect::Changes),
];

/// Arguments that are of the terminal, or name files there.
const NOT_HERE: [&str; 10] = [
    "json",
    "color",
    "state_dir",
    "follow",
    "watch",
    "svg",
    "no_serve",
    "help",
    "version",
    "give_up",
];
/// Arguments that name the write-up: here there is one, the draft of the run.
const DRAFT: [&str; 1] = ["file"];
/// Where a command writes to: the draft for a write-up, and the run's folder for everything else.
const OUTPUT: &str = "output";

/// Answers a command that reads.
pub(super) fn read(desk: &Desk, command: &str, fields: &Fields, looks: bool) -> Response {
    answer(desk, command, Effect::Reads, fields, looks)
}

/// Answers a command that changes something.
pub(super) fn change(desk: &Desk, command: &str, fields: &Fields) -> Response {
    answer(desk, command, Effect::Changes, fields, true)
}

fn answer(desk: &Desk, command: &str, effect: Effect, fields: &Fields, looks: bool) -> Response {
    match COMMANDS.iter().find(|(name, _)| *name == command) {
        None => {
            let names = COMMANDS.iter().map(|(name, _)| *name);
            let error = Error::unknown("command", command, names);
            let hint = error.hint().unwrap_or_default();
            return refuse(StatusCode::NOT_FOUND, &error.to_string(), &hint);
        }
        Some((_, other)) if *other != effect => {
            let (method, hint) = match other {
                Effect::Reads => ("GET", "ask for it with GET"),
                Effect::Changes => ("POST", "ask for it with POST and a JSON object"),
            };
            let message = format!("`{command}` wants another method");
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, &message, hint);
            let allowed = header::HeaderValue::from_static(method);
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        Some(_) => {}
    }
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
            let notes = printed.notes;
            shown(command, fields, &printed.text, &notes)
        }
        Err(error) => failed(&error),
    }
}

/// What a command printed, as JSON.
fn shown(command: &str, fields: &Fields, text: &str, notes: &[String]) -> Response {
    let is_lines = command == "logs" && !fields.iter().any(|(name, _)| name == "by");
    let body = match prints_json(command) {
        true if is_lines => format!("[{}]", text.trim_end().replace('\n', ",")),
        true if text.trim().is_empty() => "[]".to_owned(),
        true => text.to_owned(),
        false => json!({"text": text, "notes": notes}).to_string(),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// An error of a command: what is wrong with the request is the client's, an outage is not.
pub(super) fn failed(error: &anyhow::Error) -> Response {
    let status = match error::exit_code(error) {
        error::EXIT_USAGE | error::EXIT_SCENARIO => StatusCode::BAD_REQUEST,
        _ => StatusCode::BAD_GATEWAY,
    };
    let known = error.downcast_ref::<Error>();
    let hint = known.and_then(|error| error.hint().map(|hint| hint.to_string()));
    (
        status,
        Json(json!({"message": format!("{error:#}"), "hint": hint})),
    )
        .into_response()
}

/// The definition of a command, by its name in the API.
pub(super) fn definition(command: &str) -> Option<clap::Command> {
    let mut found = Cli::command();
    found.build();
    for word in command.split('/') {
        found = found.find_subcommand(word)?.clone();
    }
    Some(found)
}

fn prints_json(command: &str) -> bool {
    definition(command).is_some_and(|command| {
        command
            .get_arguments()
            .any(|argument| argument.get_id() == "json")
    })
}

/// The arguments of a command that a request may have.
pub(super) fn arguments(command: &clap::Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| {
        let id = argument.get_id().as_str();
        !NOT_HERE.contains(&id) && !DRAFT.contains(&id) && id != OUTPUT
    })
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
        let message = text.lines().next().unwrap_or_default();
        let message = message.trim_start_matches("error: ").to_owned();
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

/// The fields of a body: a JSON object of plain values, or lists of them.
pub(super) fn of_body(body: &[u8]) -> Result<Fields, String> {
    if body.is_empty() {
        return Ok(Fields::new());
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let Value::Object(object) = value else {
        return Err("the body is not a JSON object".to_owned());
    };
    let mut fields = Fields::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let text = match value {
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    return Err(format!(
                        "`{name}` is neither a plain value nor a list of them"
                    ));
                }
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
            "invalid value 'payment' for '<SERVICE>'",
        );
        check(
            "scale",
            &[],
            "the following required arguments were not provided:",
        );
    }

    #[test]
    fn every_command_of_the_console_is_one_of_the_terminal() {
        for (name, _) in COMMANDS {
            assert!(definition(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_body_is_an_object_of_plain_values() {
        let fields = |body: &str| of_body(body.as_bytes()).map(|fields| format!("{fields:?}"));
        assert_eq!(fields(""), Ok("[]".to_owned()));
        assert_eq!(
            fields(r#"{"a":["x",2],"b":true,"c":null}"#),
            Ok(r#"[("a", "x"), ("a", "2"), ("b", "true")]"#.to_owned())
        );
        assert_eq!(
            fields("[1]"),
            Err("the body is not a JSON object".to_owned())
        );
        assert!(fields(r#"{"a":{}}"#).is_err());
        assert!(fields("{").is_err());
    }
}
