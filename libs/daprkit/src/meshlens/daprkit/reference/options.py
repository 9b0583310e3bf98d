"""Options -> parameters of a query, from the model that the endpoint reads it with."""

from typing import Any

from pydantic import BaseModel

from meshlens.daprkit.reference.schemas import Schema, tidy

TIMEOUT = "timeout"
# What a default stands for that no caller needs to know of: the option is not given.
_UNSET: tuple[object, ...] = (None, "", [])


def describe_options(options: type[BaseModel]) -> list[Schema]:
    """Return an OpenAPI parameter for each option, in the order of the model."""
    whole = options.model_json_schema()
    definitions = whole.get("$defs", {})
    required = whole.get("required", [])
    return [
        _describe(name, option, definitions, required=name in required)
        for name, option in whole.get("properties", {}).items()
    ]


def refer_to_timeout() -> Schema:
    """Return a reference to the option of every method that computes."""
    return {"$ref": f"#/components/parameters/{TIMEOUT}"}


def describe_timeout(longest: float) -> Schema:
    """Return the parameter that limits the time of a request."""
    return {
        "name": TIMEOUT,
        "in": "query",
        "description": "seconds that the caller waits for the answer; the service's"
        " REQUEST_TIMEOUT if not given, and never beyond the deadline of a gRPC call",
        "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": longest},
    }


def _describe(name: str, option: Schema, definitions: Schema, *, required: bool) -> Schema:
    schema = _resolve(option, definitions)
    default = option.get("default")
    if default not in _UNSET:
        schema["default"] = default
    parameter: Schema = {"name": name, "in": "query"}
    if description := option.get("description"):
        parameter["description"] = description
    if required:
        parameter["required"] = True
    parameter["schema"] = schema
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}  # as 1,3
    return parameter


def _resolve(option: Schema, definitions: Schema) -> Schema:
    """Return the schema of an option's value when it is given; it stands alone."""
    if "$ref" in option:
        return _resolve(definitions[option["$ref"].rpartition("/")[2]], definitions)
    choices: list[Any] = [part for part in option.get("anyOf", ()) if part.get("type") != "null"]
    if len(choices) == 1:
        return _resolve(choices[0], definitions)
    left_out = ("default", "description", "title")
    rest = {key: part for key, part in option.items() if key not in left_out}
    if choices:
        rest["anyOf"] = [_resolve(part, definitions) for part in choices]
    resolved: Schema = tidy(rest)
    return resolved
