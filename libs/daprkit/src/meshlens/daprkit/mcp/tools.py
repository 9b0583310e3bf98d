"""Tools: methods of the service as agents see them, with arguments in place of query and body."""

import base64
import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import BodyType, Operation
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.mcp.jsonrpc import encode
from meshlens.daprkit.messages import Reply

JSON = "application/json"
# The argument by which a caller chooses among several media types.
FORMAT = "format"


@dataclass(frozen=True, slots=True)
class BodyArgument:
    """The argument that becomes the body of a call.

    Attributes:
        name: of the argument.
        description: what it is, for agents.
        encode: returns the content type and the body for a text.
    """

    name: str
    description: str
    encode: Callable[[str], tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tool:
    """A method as a tool.

    Attributes:
        name: of the tool.
        title: a name for people.
        description: what it does and answers, for agents; its operation's summary comes first.
        path: of the method.
        operation: what callers must know of it; its options are arguments.
        lane: of the method, which says whether it has a time limit.
        body: the argument that is its body; None if it takes none.
        output: type of the structured answer: the reply itself if that is JSON, else its facts.
        formats: media types that a caller may choose from, by name, the first by default.
        writes: whether it keeps anything, such as a fit.
    """

    name: str
    title: str
    description: str
    path: str
    operation: Operation
    output: BodyType
    lane: Lane = Lane.WORK
    body: BodyArgument | None = None
    formats: Mapping[str, str] = field(default_factory=lambda: {"json": JSON})
    writes: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the tool as `tools/list` has it."""
        from meshlens.daprkit.mcp.schemas import (  # noqa: PLC0415 - a tenth of a second, which a start does without
            describe_arguments,
            describe_output,
        )

        others: dict[str, dict[str, Any]] = {}
        if self.body:
            others[self.body.name] = {"type": "string", "description": self.body.description}
        if len(self.formats) > 1:
            others[FORMAT] = {
                "enum": [*self.formats],
                "default": next(iter(self.formats)),
                "description": "how the picture is written",
            }
        return {
            "name": self.name,
            "title": self.title,
            "description": f"{self.operation.summary} {self.description}",
            "inputSchema": describe_arguments(
                self.operation.options, others, timed=self.lane is Lane.WORK
            ),
            "outputSchema": describe_output(self.output),
            "annotations": {
                "title": self.title,
                "readOnlyHint": not self.writes,
                "destructiveHint": False,
                "idempotentHint": True,
                "openWorldHint": False,
            },
        }

    def read_call(self, arguments: Mapping[str, Any]) -> Invocation:
        """Return the call of the method that these arguments mean.

        Raises:
            InvalidRequest: one is missing or of a type that no option has. What the options
                themselves allow, the method decides.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        content_type, body = "", b""
        if self.body:
            content_type, body = self.body.encode(self._find_text(given, self.body.name))
        accept = next(iter(self.formats.values()))
        if len(self.formats) > 1 and FORMAT in given:
            chosen = given.pop(FORMAT)
            if not isinstance(chosen, str) or chosen not in self.formats:
                raise InvalidRequest(
                    f"argument {FORMAT} must be {' or '.join(self.formats)}",
                    got=_name_type(chosen),
                    remedy="correct it or leave it out",
                    option=FORMAT,
                )
            accept = self.formats[chosen]
        return Invocation(
            path=self.path,
            verb=self.operation.verb,
            query=urlencode({name: _write_option(name, each) for name, each in given.items()}),
            content_type=content_type,
            body=body,
            headers={"accept": accept},
        )

    def _find_text(self, given: dict[str, Any], name: str) -> str:
        text = given.pop(name, None)
        if not isinstance(text, str) or not text:
            raise InvalidRequest(
                f"argument {name} must be a text that is not empty",
                got=_name_type(text),
                remedy="send it as the tool's schema describes it",
                option=name,
            )
        return text


def encode_reply(reply: Reply, most: int) -> bytes:
    """Return the fields of a tool's result, as JSON without the braces around it.

    Args:
        reply: what the method has answered.
        most: bytes that the result may have. Where JSON is too long to be there twice, the text
            refers to the structured content.
    """
    result = _encode_json(reply, most) if reply.content_type == JSON else _encode_image(reply)
    if len(result) > most:
        return encode_failure(
            f"the answer must have at most {most} bytes, got {len(result)}; ask for less, or call"
            " the method itself"
        )
    return result


def _encode_json(reply: Reply, most: int) -> bytes:
    body = reply.body.strip()
    texts = _encode_texts(body.decode())
    if len(texts) + len(body) > most:
        texts = _encode_texts("The answer is long: see the structured content.")
    return b'"content":%s,"structuredContent":%s' % (texts, body)


def _encode_image(reply: Reply) -> bytes:
    facts = encode(reply.result)
    image = {
        "type": "image",
        "data": base64.b64encode(reply.body).decode(),
        "mimeType": reply.content_type,
    }
    text_block = {"type": "text", "text": facts.decode()}
    return b'"content":%s,"structuredContent":%s' % (encode([image, text_block]), facts)


def encode_failure(text: str) -> bytes:
    """Return the fields of the result of a tool that has failed."""
    return b'"content":%s,"isError":true' % _encode_texts(text)


def _encode_texts(text: str) -> bytes:
    return encode([{"type": "text", "text": text}])


def _write_option(name: str, value: object) -> str:
    """Return the value of an argument as a query has it."""
    if isinstance(value, list):
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow([_write_option(name, each) for each in value])
        return row.getvalue()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidRequest(
        f"argument {name} must be a text, a number, true or false, or a list of these",
        got=_name_type(value),
        remedy="send it as the tool's schema describes it",
        option=name,
    )


def _name_type(value: object) -> str:
    if isinstance(value, str):
        return repr(value[:40])
    names = {dict: "an object", list: "a list", type(None): "none"}
    return names.get(type(value), "a number, true or false")
