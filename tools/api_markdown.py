"""OpenAPI documents of several services -> one page of Markdown."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meshlens.daprkit.reference.schemas import Schema

_HEAD = """\
# API reference

`make schemas` writes this page from the routes, options and types of the services themselves.
While a service runs, it answers with the same as an OpenAPI 3.1 document, through any sidecar:

<!-- run by: tests/integration/test_documents.py::test_the_services_describe_themselves -->
```
curl http://localhost:3501/v1.0/invoke/pca/method/openapi.json
curl http://localhost:3501/v1.0/invoke/classify/method/openapi.json
```

`jobs` answers likewise where it runs, which is optional ([jobs.md](jobs.md)).

- A **method** is the path after `/v1.0/invoke/<app>/method/`, over HTTP. Over gRPC it is the
  `method` of an `InvokeRequest`, with the options in its HTTP extension or behind a `?`.
- **Options** go into the query, each once, percent-encoded. An unknown one is refused.
- **POST** may be PUT. A gRPC call without a verb is taken by every method.
- **Answers** come in the media type that the header `Accept` prefers, in the first one listed if
  it says nothing.
- Fields may be added to answers without notice. Ignore those that you do not know.
"""
_FAILURES = """\
## Failures

Over gRPC a failure is a status with the details of google.rpc, in the trailer
`grpc-status-details-bin`. Over HTTP Dapr turns it into the status code below and a JSON body of
type [Failure](#failure), **which it sends as `text/plain`**. The reason says in one word, for
programs, what is wrong; it is in the result event, too. If the queue is full, RetryInfo says when
to try again.

"""
_SIDECARS = """
A sidecar has failures of its own, with a body `{"errorCode": "ERR_...", "message": "..."}` of type
`application/json`: 403 if access control denies the call, and 500 if no such app is found, or if it
is not healthy.

"""
_EVENT = """\
## Result event

Each method with a line **Event** publishes one event for each request; [events.md](events.md) says
when, and what is promised. Subscribers receive it as `application/cloudevents+json`, of type
[CloudEvent](#cloudevent). The JSON Schema of its `data` is
[result-event.schema.json](result-event.schema.json).

"""
_REASON = re.compile(r"^- `(\w+)`: (.+)$", re.MULTILINE)
_STATUS = re.compile(r"^([A-Z_]+)$", re.MULTILINE)
# Long lists of media types are shown in this order: what callers usually send comes first.
_FORM = "multipart/form-data"
_COMMON = ("image/*", "text/csv", "application/json", _FORM)


def render(documents: Mapping[str, Schema]) -> str:
    """Return the page about the services of these names."""
    types: dict[str, Schema] = {}
    for document in documents.values():
        for name, schema in document["components"]["schemas"].items():
            if types.setdefault(name, schema) != schema:
                raise ValueError(f"types of one page must differ in name, got two called {name}")
    parts = [_HEAD, "".join(_list_methods(documents))]
    for app, document in documents.items():
        parts.append(f"## {app}\n\n{document['info']['summary']}\n\n")
        parts += [
            _render_operation(app, path, verb, operation, document["components"]["parameters"])
            for path, item in document["paths"].items()
            for verb, operation in item.items()
        ]
    parts += [_FAILURES, *_list_reasons(documents), _SIDECARS, _EVENT, "## Types\n\n"]
    parts += [_render_type(name, types[name]) for name in sorted(types)]
    return "".join(parts).rstrip("\n") + "\n"


def _list_methods(documents: Mapping[str, Schema]) -> Iterator[str]:
    yield "\n| method | |\n|---|---|\n"
    for app, document in documents.items():
        for path, item in document["paths"].items():
            for verb, operation in item.items():
                title = _title(app, path, verb)
                link = f"[{title}](#{_anchor(title)})"
                yield f"| {link} | {operation['summary']} |\n"
    yield "\n"


def _title(app: str, path: str, verb: str) -> str:
    return f"{app}: {verb.upper()} `{path.removeprefix('/')}`"


def _anchor(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _render_operation(
    app: str, path: str, verb: str, operation: Schema, shared: Mapping[str, Schema]
) -> str:
    lines = [f"### {_title(app, path, verb)}\n\n{operation['summary']}\n\n"]
    parameters = [
        shared[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        for part in operation["parameters"]
    ]
    if parameters:
        lines.append("| option | type | default | |\n|---|---|---|---|\n")
        lines += [_render_parameter(parameter) for parameter in parameters]
        lines.append("\n")
    if body := operation.get("requestBody"):
        lines.append(
            f"**Body:** {_sentence(body['description'])} Types: {_list_media(body['content'])}.\n\n"
        )
    answer = operation["responses"]["200"]
    said, types = _sentence(answer["description"]), _list_media(answer["content"])
    lines.append(f"**Answer:** {said} Types: {types}.\n\n")
    failures = [
        f"{http} {' '.join(f'`{reason}`' for reason, _ in _REASON.findall(answer['description']))}"
        for http, answer in operation["responses"].items()
        if http != "200" and _REASON.search(answer["description"])
    ]
    lines.append(f"**Failures:** {'; '.join(failures)}.\n\n")
    if result := operation.get("x-event-result"):
        lines.append(f"**Event:** `result` is {_render_schema(result)}.\n\n")
    return "".join(lines)


def _render_parameter(parameter: Schema) -> str:
    name, schema = parameter["name"], parameter["schema"]
    if parameter["in"] == "path":
        default = "in the path"
    elif parameter.get("required"):
        default = "required"
    else:
        default = f"`{_encode(schema['default'])}`" if "default" in schema else ""
    about = _escape(parameter.get("description", ""))
    return f"| `{name}` | {_render_schema(schema)} | {default} | {about} |\n"


def _list_media(content: Mapping[str, Any]) -> str:
    """Return media types with the type of each that JSON Schema describes."""
    first = [name for name in _COMMON if name in content] if len(content) > len(_COMMON) else []
    names = [*first, *(name for name in content if name not in first)]
    texts = []
    for name in names:
        rendered = _render_schema(content[name]["schema"])
        known = rendered not in ("any", "string") and name != _FORM
        texts.append(f"`{name}` ({rendered})" if known else f"`{name}`")
    return ", ".join(texts)


def _list_reasons(documents: Mapping[str, Schema]) -> Iterator[str]:
    """Yield a table of all reasons of all services."""
    rows: dict[tuple[int, str, str, str], list[str]] = {
        (404, "NOT_FOUND", "METHOD_NOT_FOUND", "No route has the path that was called."): [],
    }
    for app, document in documents.items():
        for code, answer in _list_answers(document):
            status = ""
            for line in answer["description"].splitlines():
                if _STATUS.match(line):
                    status = line
                elif found := _REASON.match(line):
                    reason, text = found.groups()
                    apps = rows.setdefault((int(code), status, reason, text), [])
                    if app not in apps:
                        apps.append(app)
    yield "| HTTP | gRPC | reason | of | |\n|---|---|---|---|---|\n"
    for (http, status, reason, text), apps in sorted(rows.items()):
        of = "" if len(apps) == len(documents) or reason == "METHOD_NOT_FOUND" else ", ".join(apps)
        yield f"| {http} | {status} | `{reason}` | {of} | {_escape(text)} |\n"
    yield "| 500 | INTERNAL | none | | A bug; the service's log has its traceback. |\n"


def _list_answers(document: Schema) -> Iterator[tuple[str, Schema]]:
    for item in document["paths"].values():
        for operation in item.values():
            yield from operation["responses"].items()


def _render_type(name: str, schema: Schema) -> str:
    lines = [f"### {name}\n\n"]
    if description := schema.get("description"):
        lines.append(f"{_escape(description)}\n\n")
    if "properties" in schema:
        required = schema.get("required", [])
        lines.append("| field | type | | |\n|---|---|---|---|\n")
        for field, part in schema["properties"].items():
            always = "always" if field in required else ""
            about = _escape(part.get("description", ""))
            lines.append(f"| `{field}` | {_render_schema(part)} | {always} | {about} |\n")
        lines.append("\n")
    else:
        lines.append(f"{_render_schema(schema)}\n\n")
    return "".join(lines)


def _render_schema(schema: Schema) -> str:  # noqa: PLR0911 - one for each form of a schema
    """Return a schema in words, with links to named types."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_render_schema, choices))
    if "const" in schema:
        return f"`{_encode(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_encode(value)}`" for value in schema["enum"])
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"{len(schema['prefixItems'])} numbers"
        case "array":
            return f"list of {_render_schema(schema.get('items', {}))}"
        case "object" if isinstance(rest := schema.get("additionalProperties"), dict):
            return f"{_render_schema(rest)} by name"
        case None:
            return "any"
        case kind:
            return f"{kind}{_render_bounds(schema)}"


def _render_bounds(schema: Schema) -> str:
    """Return the smallest and largest value of a number, or the longest text, if it has some."""
    words = {
        "minimum": "≥ {}",
        "exclusiveMinimum": "> {}",
        "maximum": "≤ {}",
        "exclusiveMaximum": "< {}",
        "maxLength": "≤ {} letters",
    }
    found: Iterable[str] = (
        text.format(_encode(schema[key])) for key, text in words.items() if key in schema
    )
    joined = ", ".join(found)
    return f" {joined}" if joined else ""


def _encode(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
