"""Holds answers of the console's API against its own description: FILE. It prints what does not fit, one finding a line."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

with open(sys.argv[1]) as file:
    given = json.load(file)
description = given["description"]
validate(description)
components = description["components"]
# The description lets later versions answer more; what this one answers, it has to name.
for schema in components["schemas"].values():
    for one in [schema, *schema.get("oneOf", [])]:
        if "properties" in one:
            one.setdefault("unevaluatedProperties", False)
for answer in given["answers"]:
    path = answer["path"].split("?")[0]
    responses = description["paths"][path][answer["method"]]["responses"]
    response = responses.get(str(answer["status"]))
    if response is None:
        print(f"{answer['method']} {answer['path']}: {answer['status']} is not described: {answer['body']}")
        continue
    schema = {**response["content"]["application/json"]["schema"], "components": components}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for error in validator.iter_errors(answer["body"]):
        print(f"{answer['method']} {answer['path']}: {error.json_path}: {error.message[:500]}")
