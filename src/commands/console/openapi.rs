//! The description of the API, made from the definitions of the commands.

use axum::Json;
use axum::response::{IntoResponse, Response};
use clap::Arg;
use drill::api::{Step, Submitted};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::access::Failure;
use super::command::{Answer, COMMANDS, Effect, Shape, arguments, definition, is_list, of};
use super::draft::{Draft, Edit};
use super::incident::Incident;

/// Answers `/api/openapi.json`.
pub(super) async fn document() -> Response {
    Json(openapi()).into_response()
}

fn openapi() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let failure = generator.subschema_for::<Failure>();
    let mut paths = Map::new();
    for (name, effect, answer) in COMMANDS {
        let Some(command) = definition(name) else {
            continue;
        };
        let mut operation = operation(name, &command, effect);
        operation["responses"] = responses(effect, answer(&mut generator), &failure);
        paths.insert(format!("/api/{name}"), json!({method(effect): operation}));
    }
    for (path, summary, answer) in READ {
        let answer = answer(&mut generator);
        let responses = responses(Effect::Reads, answer, &failure);
        let id = path.trim_start_matches("/api/");
        let operation = json!({"summary": summary, "operationId": id, "responses": responses});
        paths.insert(path.to_owned(), json!({"get": operation}));
    }
    paths["/api/draft"]["put"] = edit(&mut generator, &failure);
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
            "schemas": generator.take_definitions(true),
        },
    })
}

/// What a page needs and no command is: path, summary, answer.
const READ: [(&str, &str, Answer); 5] = [
    (
        "/api/incident",
        "The run, its times, pages and actions",
        of::<Incident>,
    ),
    (
        "/api/verdict",
        "The verdict on record, or null",
        of::<Option<Submitted>>,
    ),
    (
        "/api/grading",
        "The steps of the grade that are done, while a write-up is graded",
        of::<Vec<Step>>,
    ),
    (
        "/api/draft",
        "The write-up as far as it is written",
        of::<Draft>,
    ),
    (
        "/api/openapi.json",
        "This description",
        of::<Map<String, Value>>,
    ),
];

/// The one change that no command is.
fn edit(generator: &mut SchemaGenerator, failure: &Schema) -> Value {
    let answer = generator.subschema_for::<Draft>();
    let mut responses = responses(Effect::Changes, answer, failure);
    responses["409"] = json_content("The draft was changed since that version", failure);
    json!({
        "summary": "Replace the write-up, unless it has changed since it was read",
        "operationId": "draft-edit",
        "requestBody": body(&json!(generator.subschema_for::<Edit>())),
        "responses": responses,
    })
}

const fn method(effect: Effect) -> &'static str {
    match effect {
        Effect::Reads => "get",
        Effect::Changes => "post",
    }
}

fn operation(name: &str, command: &clap::Command, effect: Effect) -> Value {
    let about = command.get_about().map(ToString::to_string);
    let mut operation = json!({
        "summary": about.unwrap_or_default(),
        "operationId": name.replace('/', "-"),
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
            operation["requestBody"] = body(&json!({
                "type": "object",
                "additionalProperties": false,
                "required": required,
                "properties": properties,
            }));
        }
    }
    operation
}

fn body(schema: &Value) -> Value {
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
    let one = match Shape::of(argument) {
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Number => json!({"type": ["number", "string"], "pattern": r"^\d+(\.\d+)?$"}),
        Shape::Text if !values.is_empty() => json!({"type": "string", "enum": values}),
        Shape::Text => json!({"type": "string"}),
    };
    match is_list(argument) {
        true => json!({"type": "array", "items": one}),
        false => one,
    }
}

fn responses(effect: Effect, answer: Schema, failure: &Schema) -> Value {
    let mut responses = json!({"200": json_content("The answer", &answer)});
    let failures = [
        ("400", "The request is wrong, and why"),
        ("401", "The token is missing or wrong"),
        ("403", "The role may not do it, or another site asks"),
        ("502", "The drill or a backend did not answer"),
    ];
    let of_changes = [
        ("413", "The body is too large"),
        ("415", "The body is not JSON"),
    ];
    let changes = of_changes.into_iter().filter(|_| effect == Effect::Changes);
    for (status, about) in failures.into_iter().chain(changes) {
        responses[status] = json_content(about, failure);
    }
    // What is in front of every listener knows no API.
    responses["403"]["content"]["text/plain"] = json!({"schema": {"type": "string"}});
    responses
}

fn json_content(about: &str, schema: &Schema) -> Value {
    json!({"description": about, "content": {"application/json": {"schema": schema}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_every_command_with_its_fields() {
        let openapi = openapi();
        for (name, ..) in COMMANDS {
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

    #[test]
    fn every_operation_has_the_schema_of_its_answer_and_all_that_it_names() {
        let openapi = openapi();
        let schemas = &openapi["components"]["schemas"];
        let paths = openapi["paths"].as_object().expect("paths");
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().expect("methods") {
                let schema = &operation["responses"]["200"]["content"]["application/json"];
                let says = ["$ref", "type", "anyOf"];
                let says = says.iter().any(|key| !schema["schema"][*key].is_null());
                assert!(says, "{method} {path}: {schema}");
            }
        }
        let text = openapi.to_string();
        for (_, rest) in text
            .match_indices("#/components/schemas/")
            .map(|(at, root)| text[at..].split_at(root.len()))
        {
            let name = rest.split('"').next().expect("a name");
            assert!(schemas[name].is_object(), "{name}");
            // Two types of one name would be told apart by a number.
            assert!(
                !name.ends_with(|last: char| last.is_ascii_digit()),
                "{name}"
            );
        }
    }
}
