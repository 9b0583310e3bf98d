"""The method `mcp`: a server of the Model Context Protocol without sessions.

Each message is a POST of its own and is answered by one JSON document (streamable HTTP). A sidecar
replaces the body of any answer but a success, so that refusals are successes whose body is a
JSON-RPC error; clients read those as they are.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from meshlens.daprkit.application.relaying import Methods
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.errors import ForeignPage, InvalidRequest
from meshlens.daprkit.mcp.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Broken,
    Call,
    Message,
    Notification,
    ProtocolFault,
    encode,
    encode_error,
    encode_result,
    parse_body,
)
from meshlens.daprkit.mcp.revisions import (
    DISCOVER,
    SERVER_KEY,
    SUPPORTED,
    WITH_BATCHES,
    WITH_HANDSHAKE,
    find_revision,
    name_revision,
)
from meshlens.daprkit.mcp.tools import JSON, Tool, encode_failure, encode_reply
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference.about import About

# Milliseconds for which a client may keep the list of tools; an update may change it.
_FRESH: Final = 60_000
# Bytes of an answer around the fields of a tool's result; more than there are.
_ENVELOPE: Final = 8192
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class McpServer:
    """Answers messages of the protocol.

    Args:
        about: the service.
        tools: what agents may call.
    """

    def __init__(self, about: About, tools: Sequence[Tool]) -> None:
        self._about = about
        self._tools = {tool.name: tool for tool in tools}

    def answer(self, request: Request, methods: Methods) -> Reply:
        """Answer the message in a body, or the messages of a batch.

        Notifications are accepted with an empty body.

        Raises:
            ForeignPage: a page of another site has sent it.
        """
        _refuse_other_sites(request.headers)
        try:
            message = parse_body(request.body)
            if isinstance(message, Sequence):
                answers = self._answer_batch(message, request.headers, methods)
                return Reply(b"[%s]" % b",".join(answers) if answers else b"", JSON)
        except ProtocolFault as fault:
            return Reply(encode_error(None, fault), JSON)
        return Reply(self._answer_one(message, request.headers, methods) or b"", JSON)

    def _answer_batch(
        self, batch: Sequence[Message], headers: Mapping[str, str], methods: Methods
    ) -> list[bytes]:
        if name_revision(headers) != WITH_BATCHES:
            raise ProtocolFault(
                INVALID_REQUEST,
                "the body must be one message",
                got=f"a batch of {len(batch)}",
                remedy=f"send them one by one; only {WITH_BATCHES} has batches",
            )
        answers = (self._answer_one(message, headers, methods) for message in batch)
        return [answer for answer in answers if answer]

    def _answer_one(
        self, message: Message, headers: Mapping[str, str], methods: Methods
    ) -> bytes | None:
        """Return the answer to a message, None to a notification."""
        identity = None if isinstance(message, Notification) else message.id
        try:
            match message:
                case Notification():
                    name_revision(headers)
                    return None
                case Broken(_, fault):
                    raise fault
                case Call():
                    revision = find_revision(message, headers)
                    result = self._call(message, revision, methods)
                    return encode_result(identity, self._complete(result, revision))
        except ProtocolFault as fault:
            return encode_error(identity, fault)

    def _call(self, call: Call, revision: str, methods: Methods) -> bytes:
        """Return the fields of the result of a call."""
        handshake = revision in WITH_HANDSHAKE
        match call.method:
            case "initialize" if handshake:
                return self._initialize(call.params)
            case "ping" if handshake:
                return b""
            case "server/discover" if not handshake:
                return self._discovery
            case "tools/list":
                return self._list_tools(call.params, revision)
            case "tools/call":
                return self._call_tool(call.params, methods)
        known = ("initialize", "ping") if handshake else (DISCOVER,)
        raise ProtocolFault(
            METHOD_NOT_FOUND,
            f"the method must be one of {', '.join((*known, 'tools/list', 'tools/call'))}",
            got=repr(call.method[:80]),
            remedy="call what the server's capabilities name",
        )

    def _complete(self, fields: bytes, revision: str) -> bytes:
        """Return a result with what every result of the revision has."""
        if revision in WITH_HANDSHAKE:
            return b"{%s}" % fields
        return b'{%s,"resultType":"complete","_meta":{"%s":%s}}' % (
            fields,
            SERVER_KEY.encode(),
            encode(self._describe_server()),
        )

    def _initialize(self, params: Mapping[str, Any]) -> bytes:
        requested = params.get("protocolVersion")
        if not isinstance(requested, str):
            raise ProtocolFault(
                INVALID_PARAMS,
                "params.protocolVersion must be a revision of the protocol",
                got="none" if requested is None else "another value",
                remedy=f"send for example {WITH_HANDSHAKE[0]}",
            )
        agreed = requested if requested in WITH_HANDSHAKE else WITH_HANDSHAKE[0]
        return encode(
            {
                "protocolVersion": agreed,
                "capabilities": {"tools": {}},
                "serverInfo": self._describe_server(),
                "instructions": self._about.summary,
            }
        )[1:-1]

    @cached_property
    def _discovery(self) -> bytes:
        return encode(
            {
                "supportedVersions": [*SUPPORTED],
                "capabilities": {"tools": {}},
                "instructions": self._about.summary,
                "ttlMs": _FRESH,
                "cacheScope": "public",
            }
        )[1:-1]

    def _describe_server(self) -> dict[str, str]:
        about = self._about
        return {"name": about.app, "title": about.title, "version": version(about.distribution)}

    @cached_property
    def _list(self) -> bytes:
        return b'"tools":%s' % encode([tool.describe() for tool in self._tools.values()])

    def _list_tools(self, params: Mapping[str, Any], revision: str) -> bytes:
        if params.get("cursor") is not None:
            raise ProtocolFault(
                INVALID_PARAMS,
                "there is one page of tools, and no cursor",
                got="a cursor",
                remedy="leave it out",
            )
        if revision in WITH_HANDSHAKE:
            return self._list
        return b'%s,"ttlMs":%d,"cacheScope":"public"' % (self._list, _FRESH)

    def _call_tool(self, params: Mapping[str, Any], methods: Methods) -> bytes:
        """Call the method behind a tool; what is wrong with the call is the tool's result."""
        name, arguments = params.get("name"), params.get("arguments")
        tool = self._tools.get(name) if isinstance(name, str) else None
        if tool is None:
            raise ProtocolFault(
                INVALID_PARAMS,
                f"params.name must be one of {', '.join(self._tools)}",
                got=repr(name[:80]) if isinstance(name, str) else "another value or none",
                remedy="call tools/list",
            )
        if not isinstance(arguments, dict | None):
            raise ProtocolFault(
                INVALID_PARAMS,
                "params.arguments must be an object",
                got="another value",
                remedy="name each argument",
            )
        try:
            call = tool.read_call(arguments or {})
        except InvalidRequest as fault:
            return encode_failure(str(fault))
        try:
            return encode_reply(methods.invoke(call), methods.largest_answer - _ENVELOPE)
        except Exception as error:
            status, text = methods.describe(error)
            if status is Status.INTERNAL:
                raise
            return encode_failure(text)


def _refuse_other_sites(headers: Mapping[str, str]) -> None:
    """Refuse pages of other sites, which a browser on this host might open."""
    origin = headers.get("origin")
    if origin is not None and _find_host(origin) not in _HERE:
        raise ForeignPage(
            "the Origin of a call of mcp must be this host",
            got=repr(origin[:80]),
            remedy="call it from a program, which sends none",
        )


def _find_host(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None
