"""Types -> JSON Schemas, in the dialect of OpenAPI 3.1 (JSON Schema 2020-12)."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

Schema: TypeAlias = dict[str, Any]
_Serializer: TypeAlias = (
    "core_schema.SerSchema | core_schema.IncExSeqSerSchema | core_schema.IncExDictSerSchema"
)

REF_TEMPLATE = "#/components/schemas/{model}"
REQUEST: Literal["validation"] = "validation"
ANSWER: Literal["serialization"] = "serialization"

_REFERENCE = re.compile(r"#/components/schemas/([\w.-]+)")
# A section of a docstring, and an attribute in it with the lines that continue it.
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns):\s*$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


class _Generator(GenerateJsonSchema):
    """Describes fields also where a serializer leaves some of them out."""

    def ser_schema(self, schema: _Serializer) -> JsonSchemaValue | None:
        """Return nothing for a function: it writes the fields, or fewer."""
        return None if schema["type"].startswith("function") else super().ser_schema(schema)

    def get_title_from_name(self, name: str) -> str:
        """Return the name itself; nobody needs `Top K` for `top_k`."""
        return name


class Schemas:
    """The schemas of a number of types, which share their definitions.

    Args:
        types: with the direction in which each is used, REQUEST or ANSWER.

    Attributes:
        definitions: what the schemas refer to, by name.
    """

    def __init__(self, types: Sequence[tuple[Any, JsonSchemaMode]]) -> None:
        self._types = [*types]
        inputs = [
            (str(number), mode, TypeAdapter[Any](type_))
            for number, (type_, mode) in enumerate(self._types)
        ]
        found, rest = TypeAdapter.json_schemas(
            inputs, ref_template=REF_TEMPLATE, schema_generator=_Generator
        )
        self._found: dict[int, Schema] = {
            int(key): tidy(schema) for (key, _), schema in found.items()
        }
        definitions = {name: tidy(schema) for name, schema in rest.get("$defs", {}).items()}
        used = _find_used([*self._found.values()], definitions)
        self.definitions: Mapping[str, Schema] = {name: definitions[name] for name in sorted(used)}

    def find(self, type_: Any, mode: JsonSchemaMode) -> Schema:  # noqa: ANN401 - any type
        """Return the schema of a type."""
        return self._found[self._types.index((type_, mode))]


def _find_used(schemas: Sequence[Schema], definitions: Mapping[str, Schema]) -> set[str]:
    """Return the names that schemas refer to, directly or by others."""
    used: set[str] = set()
    left = [*schemas]
    while left:
        names = set(_REFERENCE.findall(json.dumps(left))) - used
        used |= names
        left = [definitions[name] for name in names]
    return used


def tidy(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a schema without titles, whose docstring is spread over the fields it explains."""
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    names = ("properties", "$defs")
    parts: Schema = {
        key: {name: tidy(each) for name, each in part.items()} if key in names else tidy(part)
        for key, part in schema.items()
        if not (key == "title" and isinstance(part, str))
    }
    summary, attributes = _read_docstring(parts.get("description", ""))
    if summary:
        parts["description"] = summary
    for name, field in parts.get("properties", {}).items():
        _leave_out_default(field)
        if name in attributes:
            field.setdefault("description", attributes[name])
    return parts


def _leave_out_default(field: Schema) -> None:
    """Change the schema of a field that is left out where it has its default."""
    if field.pop("default", ...) is None and "anyOf" in field:
        choices = [part for part in field.pop("anyOf") if part != {"type": "null"}]
        field.update(choices[0] if len(choices) == 1 else {"anyOf": choices})


def _read_docstring(text: str) -> tuple[str, Mapping[str, str]]:
    """Return a docstring without its sections, and the section Attributes by name."""
    summary, *sections = _SECTION.split(text)
    attributes: dict[str, str] = {}
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        if title == "Attributes":
            found = _ATTRIBUTE.findall(body)
            attributes |= {name: _join(about).removesuffix(".") for name, about in found}
    return _join(summary), attributes


def _join(lines: str) -> str:
    return " ".join(lines.split())
