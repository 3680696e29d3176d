//! The description of the API, made from the definitions of the commands.

use axum::Json;
use axum::response::{IntoResponse, Response};
use clap::{Arg, ArgAction};
use serde_json::{Map, Value, json};

use super::call::{COMMANDS, Effect, arguments, definition};

/// Answers `/api/openapi.json`.
pub(super) async fn document() -> Response {
    Json(openapi()).into_response()
}

fn openapi() -> Value {
    let mut paths = Map::new();
    for (name, effect) in COMMANDS {
        let Some(command) = definition(name) else {
            continue;
        };
        let method = match effect {
            Effect::Reads => "get",
            Effect::Changes => "post",
        };
        paths.insert(
            format!("/api/{name}"),
            json!({method: operation(name, &command, effect)}),
        );
    }
    for (path, method, summary, body) in own() {
        let mut operation = json!({"summary": summary, "responses": responses()});
        if let Some(body) = body {
            operation["requestBody"] = content(&body);
        }
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Firedrill console",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The commands of `firedrill` over HTTP: fields are their arguments, answers what they print with --json.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Failure": {
                "type": "object",
                "required": ["message"],
                "properties": {"message": {"type": "string"}, "hint": {"type": ["string", "null"]}},
            }},
        },
    })
}

/// What a page needs and no command is.
fn own() -> [(&'static str, &'static str, &'static str, Option<Value>); 6] {
    let edit = json!({
        "type": "object",
        "required": ["text", "version"],
        "additionalProperties": false,
        "properties": {"text": {"type": "string"}, "version": {"type": "string"}},
    });
    [
        (
            "/api/incident",
            "get",
            "The run, its times, pages and actions",
            None,
        ),
        (
            "/api/verdict",
            "get",
            "The verdict on record, or null",
            None,
        ),
        (
            "/api/grading",
            "get",
            "The steps of the grade that are done, while a write-up is graded",
            None,
        ),
        (
            "/api/draft",
            "get",
            "The write-up as far as it is written",
            None,
        ),
        (
            "/api/draft",
            "put",
            "Replace the write-up, if nobody else has",
            Some(edit),
        ),
        ("/api/openapi.json", "get", "This description", None),
    ]
}

fn operation(name: &str, command: &clap::Command, effect: Effect) -> Value {
    let about = command.get_about().map(ToString::to_string);
    let mut operation = json!({
        "summary": about.unwrap_or_default(),
        "operationId": name.replace('/', "-"),
        "responses": responses(),
    });
    match effect {
        Effect::Reads => {
            let parameters = arguments(command).map(|argument| {
                json!({
                    "name": argument.get_id().as_str(),
                    "in": "query",
                    "required": argument.is_required_set(),
                    "description": help(argument),
                    "schema": schema(argument),
                })
            });
            operation["parameters"] = parameters.collect();
        }
        Effect::Changes => {
            let properties: Map<String, Value> = arguments(command)
                .map(|argument| {
                    let mut property = schema(argument);
                    property["description"] = json!(help(argument));
                    (argument.get_id().to_string(), property)
                })
                .collect();
            let required: Vec<&str> = arguments(command)
                .filter(|argument| argument.is_required_set())
                .map(|argument| argument.get_id().as_str())
                .collect();
            operation["requestBody"] = content(&json!({
                "type": "object",
                "additionalProperties": false,
                "required": required,
                "properties": properties,
            }));
        }
    }
    operation
}

fn content(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

fn help(argument: &Arg) -> String {
    argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn schema(argument: &Arg) -> Value {
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    let one = match argument.get_action() {
        ArgAction::SetTrue => return json!({"type": "boolean"}),
        _ if !values.is_empty() => json!({"type": "string", "enum": values}),
        _ => json!({"type": "string"}),
    };
    let most = argument
        .get_num_args()
        .map_or(1, |range| range.max_values());
    let is_list = matches!(argument.get_action(), ArgAction::Append) || most > 1;
    match is_list {
        true => json!({"type": "array", "items": one}),
        false => one,
    }
}

fn responses() -> Value {
    let failure = |about: &str| {
        json!({
            "description": about,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}},
        })
    };
    json!({
        "200": {"description": "What the command prints with --json", "content": {"application/json": {}}},
        "400": failure("The request is wrong, and why"),
        "401": failure("The token is missing or wrong"),
        "403": failure("The role may not do it"),
        "502": failure("The drill or a backend did not answer"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_every_command_with_its_fields() {
        let openapi = openapi();
        for (name, _) in COMMANDS {
            assert!(
                openapi["paths"][format!("/api/{name}")].is_object(),
                "{name}"
            );
        }
        let parameters = openapi["paths"]["/api/logs"]["get"]["parameters"].to_string();
        for name in ["query", "service", "level", "since"] {
            assert!(
                parameters.contains(&format!("\"name\":\"{name}\"")),
                "{name}"
            );
        }
        for name in ["json", "follow", "state_dir"] {
            assert!(
                !parameters.contains(&format!("\"name\":\"{name}\"")),
                "{name}"
            );
        }
        let scale = &openapi["paths"]["/api/scale"]["post"]["requestBody"];
        let scale = &scale["content"]["application/json"]["schema"];
        assert_eq!(scale["required"], json!(["service", "replicas"]));
    }
}
