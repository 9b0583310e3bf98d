"""Options -> the fields of a form, so that the page offers exactly what the service accepts."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from meshlens.pca.drawing.kinds import list_readers
from meshlens.pca.drawing.scenes.shading import COMPUTED
from meshlens.pca.options import NoOptions

Field: TypeAlias = dict[str, Any]

_NOT_ON_THE_PAGE = {"fit"}  # the page sends points, never the id of a fit


def describe(methods: Mapping[str, type[NoOptions]]) -> list[Field]:
    """Return a field for each option of any of the methods.

    Each has name, help, kind (flag, choice, integer, number or text), default, the methods that
    take it, the kinds of pictures that it is specific to (none for all), the option without which
    it means nothing, and what its kind needs: choices, or minimum and maximum. Those of `color`
    are what it may be beside a column.
    """
    fields: dict[str, Field] = {}
    for method, options in methods.items():
        schema = options.model_json_schema()
        for name, option in schema.get("properties", {}).items():
            if name in _NOT_ON_THE_PAGE:
                continue
            field = fields.setdefault(name, _describe_one(name, option, schema.get("$defs", {})))
            field["methods"].append(method)
    return [*fields.values()]


def _describe_one(name: str, option: Field, definitions: Mapping[str, Field]) -> Field:
    resolved = {**option, **_resolve(option, definitions)}
    default = option.get("default")
    field: Field = {
        "name": name,
        "help": option.get("description", ""),
        "kind": "text",
        "default": "" if default is None else default,
        "methods": [],
        "kinds": list_readers(name),
        "needs": option.get("x-needs", ""),
    }
    if name == "color":
        return {**field, "choices": [*COMPUTED]}
    if "enum" in resolved:
        choices = [*resolved["enum"]]
        unset = default is None and "" not in choices
        return {**field, "kind": "choice", "choices": ["", *choices] if unset else choices}
    match resolved.get("type"):
        case "boolean" if default is None:
            return {**field, "kind": "choice", "choices": ["", "true", "false"]}
        case "boolean":
            return {**field, "kind": "flag"}
        case "integer" | "number" as kind:
            field["kind"] = kind
            field.update((key, resolved[key]) for key in ("minimum", "maximum") if key in resolved)
    return field


def _resolve(option: Field, definitions: Mapping[str, Field]) -> Field:
    """Return the schema of an option's value when it is given."""
    parts: list[Field] = option.get("anyOf") or option.get("allOf") or [option]
    for part in parts:
        if "$ref" in part:
            return definitions[part["$ref"].rpartition("/")[2]]
        if part.get("type") != "null":
            return dict(part)
    return {}
