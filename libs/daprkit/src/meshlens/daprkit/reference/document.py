"""The OpenAPI document of a service."""

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from pydantic.json_schema import JsonSchemaMode

from meshlens.daprkit.application.invocation import LONGEST_TIME_LIMIT
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import BodyType, FileForm, Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import StatusTable
from meshlens.daprkit.reference.about import About
from meshlens.daprkit.reference.event import CloudEvent, describe_event
from meshlens.daprkit.reference.failures import Failure, describe_failures
from meshlens.daprkit.reference.options import (
    TIMEOUT,
    describe_options,
    describe_timeout,
    refer_to_timeout,
)
from meshlens.daprkit.reference.schemas import ANSWER, REQUEST, Schema, Schemas

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Types that no JSON Schema describes.
_OPAQUE: dict[BodyType, Schema] = {bytes: {}, str: {"type": "string"}, object: {}}


def build_document(about: About, routes: Sequence[Route], statuses: StatusTable) -> Schema:
    """Return the OpenAPI 3.1 document of a service.

    Args:
        about: the service.
        routes: all of them.
        statuses: of the service's own faults.
    """
    schemas = Schemas([*_list_types(routes), (CloudEvent, ANSWER), (Failure, ANSWER)])
    paths: Schema = {}
    for route in routes:
        item = paths.setdefault("/" + _PARAMETER.sub(r"{\1}", route.path), {})
        for operation in route.operations:
            item[operation.verb.lower()] = _describe(route, operation, schemas, statuses)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "summary": about.summary,
            "version": version(about.distribution),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": ".", "description": "Where this document comes from."},
            {
                "url": "http://{sidecar}/v1.0/invoke/{app}/method",
                "description": "Any sidecar of the mesh.",
                "variables": {
                    "sidecar": {"default": "localhost:3500", "description": "its HTTP port"},
                    "app": {"default": about.app, "description": "name of the app in the mesh"},
                },
            },
        ],
        "paths": paths,
        "webhooks": describe_event(schemas.find(CloudEvent, ANSWER)),
        "components": {
            "schemas": dict(schemas.definitions),
            "parameters": {TIMEOUT: describe_timeout(LONGEST_TIME_LIMIT)},
        },
    }


def _list_types(routes: Sequence[Route]) -> Iterator[tuple[BodyType, JsonSchemaMode]]:
    """Yield the types of all bodies that a schema describes."""
    for route in routes:
        for operation in route.operations:
            for mode, types in (
                (REQUEST, operation.accepts.values()),
                (ANSWER, [*operation.answers.values(), operation.result]),
            ):
                for type_ in types:
                    if type_ is not None and not _is_opaque(type_):
                        yield type_, mode


def _is_opaque(type_: BodyType) -> bool:
    return isinstance(type_, FileForm) or any(type_ is known for known in _OPAQUE)


def _describe(
    route: Route, operation: Operation, schemas: Schemas, statuses: StatusTable
) -> Schema:
    described: Schema = {
        "operationId": _name(route, operation),
        "summary": operation.summary,
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": operation.parameters.get(name, ""),
                "schema": {"type": "string"},
            }
            for name in _PARAMETER.findall(route.path)
        ],
    }
    options = describe_options(operation.options) if operation.options else []
    described["parameters"] += options
    if route.lane in (Lane.WORK, Lane.WATCH, Lane.RELAY):
        described["parameters"].append(refer_to_timeout())
    if operation.accepts:
        described["requestBody"] = {
            "description": operation.body,
            "required": True,
            "content": {
                media_type: {"schema": _describe_body(type_, REQUEST, schemas, options)}
                for media_type, type_ in operation.accepts.items()
            },
        }
    content = {
        media_type: {"schema": _describe_body(type_, ANSWER, schemas)}
        for media_type, type_ in operation.answers.items()
    }
    described["responses"] = {
        "200": {"description": operation.answer or "The answer.", "content": content},
        **describe_failures(
            operation.faults,
            route.lane_of(operation.verb),
            statuses,
            foreign=route.failure is not None,
        ),
    }
    if operation.result is not None:
        described["x-event-result"] = schemas.find(operation.result, ANSWER)
    return described


def _describe_body(
    type_: BodyType, mode: JsonSchemaMode, schemas: Schemas, options: Sequence[Schema] = ()
) -> Schema:
    if not isinstance(type_, FileForm):
        return _OPAQUE[type_] if _is_opaque(type_) else schemas.find(type_, mode)
    file: Schema = {"description": "a file; the field may have any name"}
    if type_.most > 1:
        file = {**file, "type": "array", "items": {}, "minItems": 1, "maxItems": type_.most}
    fields = {
        option["name"]: {key: option[key] for key in ("description",) if key in option}
        | option["schema"]
        for option in options
    }
    return {"type": "object", "properties": {type_.field: file, **fields}}


def _name(route: Route, operation: Operation) -> str:
    """Return a name for the operation that is unique, and an identifier in most languages."""
    words = re.sub(r"\W+", "_", route.path).strip("_")
    return words if operation.verb == "POST" else f"{operation.verb.lower()}_{words}"
