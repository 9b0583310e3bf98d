"""JSON Schemas of tools: what goes in, from the options of a method; what comes out, by type."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from meshlens.daprkit.application.invocation import LONGEST_TIME_LIMIT
from meshlens.daprkit.reference.options import describe_options, describe_timeout
from meshlens.daprkit.reference.schemas import ANSWER, Schema, Schemas

_REFERENCE = re.compile(r'"#/components/schemas/')


def describe_arguments(
    options: type[BaseModel] | None, others: Mapping[str, Schema], *, timed: bool
) -> Schema:
    """Return the schema of a tool's arguments.

    Args:
        options: of the method; each is an argument.
        others: schemas of further arguments by name, which come first and are required if they
            have no default.
        timed: whether the method has a time limit, which callers may choose.
    """
    parameters = describe_options(options) if options else []
    required = [name for name, schema in others.items() if "default" not in schema]
    properties = dict(others)
    if timed:
        parameters.append(describe_timeout(LONGEST_TIME_LIMIT))
    for parameter in parameters:
        about = {"description": parameter["description"]} if "description" in parameter else {}
        properties[parameter["name"]] = {**about, **parameter["schema"]}
        if parameter.get("required"):
            required.append(parameter["name"])
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def describe_output(output: Any) -> Schema:  # noqa: ANN401 - any type that pydantic describes
    """Return the schema of an answer, which stands alone; it is that of an object."""
    schemas = Schemas([(output, ANSWER)])
    found = _point_inside(schemas.find(output, ANSWER))
    definitions = _point_inside(dict(schemas.definitions))
    while "$ref" in found:
        found = definitions[found["$ref"].rpartition("/")[2]]
    # A union of objects has no type of its own, which clients ask for.
    whole = {"type": "object", **found}
    return whole | ({"$defs": definitions} if definitions else {})


def _point_inside(schema: Schema) -> Schema:
    pointed: Schema = json.loads(_REFERENCE.sub('"#/$defs/', json.dumps(schema)))
    return pointed
