"""Options -> the fields of a form, so that the page offers exactly what the service accepts."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from meshlens.classify.tasks.options import ModelOptions
from meshlens.classify.tasks.table import TASKS

Field: TypeAlias = dict[str, Any]


def describe_options() -> dict[str, list[Field]]:
    """Return by method the fields of the tasks that take images, the model left out.

    Each has name, title, help, kind (integer, number or text), what it knows of minimum and
    maximum, and `input`: whether only models with such an input have it.
    """
    return {
        lens.method: [
            _describe_one(name, option)
            for name, option in lens.options.model_json_schema()["properties"].items()
            if name not in ModelOptions.model_fields
        ]
        for lens in TASKS.values()
        if lens.takes_images
    }


def _describe_one(name: str, option: Mapping[str, Any]) -> Field:
    value = next(part for part in option["anyOf"] if part["type"] != "null")
    kind = value["type"]
    return {
        "name": name,
        "title": option["title"],
        "help": option["description"],
        "kind": kind if kind in {"integer", "number"} else "text",
        "input": option.get("input", False),
        **{key: value[key] for key in ("minimum", "maximum") if key in value},
    }
