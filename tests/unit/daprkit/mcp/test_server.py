"""The method mcp: the protocol's messages, and tools that are methods of the service."""

import base64
import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from unit.daprkit.mcp.toy import Toy, serving

from meshlens.daprkit.application.events import Failure, Success
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.errors import ForeignPage, InvalidRequest
from meshlens.daprkit.mcp.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND
from meshlens.daprkit.mcp.revisions import LATEST, SUPPORTED, WITH_HANDSHAKE

PREFIX = "io.modelcontextprotocol/"
METHODS = ("initialize", "ping", "tools/list", "tools/call", "server/discover")
PIECES = (b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"null", b"1e999", b"9" * 99, b'"id":1,')
META = {f"{PREFIX}protocolVersion": LATEST, f"{PREFIX}clientCapabilities": {}}


@pytest.fixture(scope="module")
def running() -> Iterator[Toy]:
    with serving() as toy:
        yield toy


@pytest.fixture
def toy(running: Toy) -> Toy:
    running.events.kept.clear()
    return running


def send_latest(toy: Toy, method: str, **params: object) -> Mapping[str, Any]:
    headers = {"mcp_protocol_version": LATEST, "mcp_method": method}
    headers |= {"mcp_name": str(params["name"])} if "name" in params else {}
    return toy.send(method, {**params, "_meta": META}, **headers)


@pytest.mark.parametrize("version", WITH_HANDSHAKE)
def test_a_handshake_agrees_on_what_the_client_speaks(toy: Toy, version: str) -> None:
    result = toy.send("initialize", {"protocolVersion": version})["result"]
    assert result["protocolVersion"] == version
    assert result["capabilities"] == {"tools": {}}
    assert (result["serverInfo"]["name"], result["instructions"]) == ("toy", "It echoes.")


@pytest.mark.parametrize("version", ["2026-07-28", "1999-01-01", ""])
def test_a_handshake_offers_its_newest_for_what_it_does_not_speak(toy: Toy, version: str) -> None:
    result = toy.send("initialize", {"protocolVersion": version})["result"]
    assert result["protocolVersion"] == WITH_HANDSHAKE[0]


@pytest.mark.parametrize("params", [{}, {"protocolVersion": 1}, None])
def test_a_handshake_names_a_version(toy: Toy, params: object) -> None:
    assert toy.send("initialize", params)["error"]["code"] == INVALID_PARAMS


def test_a_ping_is_answered_by_nothing_more(toy: Toy) -> None:
    assert toy.send("ping")["result"] == {}


def test_the_latest_revision_is_discovered(toy: Toy) -> None:
    result = send_latest(toy, "server/discover")["result"]
    assert result["supportedVersions"] == [*SUPPORTED]
    assert result["resultType"] == "complete"
    assert result["_meta"][f"{PREFIX}serverInfo"]["name"] == "toy"


@pytest.mark.parametrize(
    ("method", "latest"),
    [
        ("initialize", True),
        ("ping", True),
        ("resources/list", True),
        ("resources/list", False),
        ("prompts/list", False),
        ("logging/setLevel", False),
        ("", False),
        ("x" * 1000, False),
    ],
)
def test_an_unknown_method_is_named(toy: Toy, method: str, latest: bool) -> None:  # noqa: FBT001 - a parameter of a table
    answer = send_latest(toy, method) if latest else toy.send(method)
    assert answer["error"]["code"] == METHOD_NOT_FOUND
    assert len(answer["error"]["message"]) < 300


def test_a_notification_is_answered_by_an_empty_body(toy: Toy) -> None:
    assert toy.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}') == b""
    assert toy.post(b'{"jsonrpc":"2.0","method":"x"}', mcp_protocol_version=LATEST) == b""


def test_tools_are_listed_with_schemas_in_every_revision(toy: Toy) -> None:
    listed = toy.send("tools/list")["result"]
    latest = send_latest(toy, "tools/list")["result"]
    assert listed["tools"] == latest["tools"]
    assert {*listed} == {"tools"}
    assert (latest["cacheScope"], latest["resultType"]) == ("public", "complete")
    echo, draw, look = listed["tools"]
    for tool in listed["tools"]:
        Draft202012Validator.check_schema(tool["inputSchema"])
        Draft202012Validator.check_schema(tool["outputSchema"])
        assert tool["outputSchema"]["type"] == tool["inputSchema"]["type"] == "object"
    assert echo["description"] == "Say it. Once more."
    assert echo["inputSchema"]["required"] == ["text"]
    assert [*echo["inputSchema"]["properties"]] == ["text", "times", "loud", "words", "timeout"]
    assert echo["annotations"]["readOnlyHint"] is False
    assert draw["inputSchema"]["properties"]["format"]["enum"] == ["svg", "png"]
    assert look["inputSchema"] == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    assert toy.send("tools/list", {"cursor": "x"})["error"]["code"] == INVALID_PARAMS


def test_arguments_become_the_query_and_the_body_of_the_method(toy: Toy) -> None:
    result = toy.use("echo", text="hi", times=2, loud=True, words=["a", "b,c", 1], more=None)
    query = {"times": "2", "loud": "true", "words": 'a,"b,c",1'}
    assert result["structuredContent"] == {"said": f"hi {query}"}
    (text,) = result["content"]
    assert json.loads(text["text"]) == result["structuredContent"]
    assert "isError" not in result


@pytest.mark.parametrize(
    ("chosen", "kind"),
    [({}, "svg+xml"), ({"format": "svg"}, "svg+xml"), ({"format": "png"}, "png")],
)
def test_a_picture_is_an_image_with_its_facts(
    toy: Toy, chosen: Mapping[str, str], kind: str
) -> None:
    result = toy.use("draw", text="hi", **chosen)
    image, facts = result["content"]
    assert image["mimeType"] == f"image/{kind}"
    assert base64.b64decode(image["data"]) == b"<hi>"
    assert json.loads(facts["text"]) == result["structuredContent"] == {"size": 2}


def test_a_tool_call_is_admitted_published_and_counted_once_as_its_method(toy: Toy) -> None:
    before = toy.counted()
    toy.use("echo", text="hi")
    toy.use("echo", text="no")
    toy.use("look")
    assert [(event.method, event.body, event.outcome) for event in toy.events.kept] == [
        ("say/<what>", b"hi", Success("", "", {})),
        ("say/<what>", b"no", Failure("FAILED_PRECONDITION", "REFUSED")),
    ]
    after = toy.counted()
    grown = {key: after[key] - before.get(key, 0) for key in after}
    assert {key: many for key, many in grown.items() if many} == {
        ("say/<what>", "OK"): 1,
        ("say/<what>", "FAILED_PRECONDITION"): 1,
        ("look", "OK"): 1,
        ("mcp", "OK"): 3,
    }


def test_a_full_queue_refuses_the_tool_but_no_message_of_the_protocol(toy: Toy) -> None:
    with toy.admission.slots.hold():
        busy = toy.use("echo", text="hi")
        assert toy.use("look")["structuredContent"]
        assert toy.send("tools/list")["result"]
    assert busy["isError"]
    assert "retry after" in busy["content"][0]["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("echo", {"text": "no"}, "expected a yes, got a no; say yes"),
        ("echo", {}, "argument text must be a text that is not empty, got none"),
        ("echo", {"text": ""}, "got ''"),
        ("echo", {"text": 3}, "got a number"),
        ("echo", {"text": "hi", "words": {"a": 1}}, "argument words must be"),
        ("echo", {"text": "hi", "words": [[{}]]}, "got an object"),
        ("echo", {"text": "hi", "timeout": -1}, "timeout must be"),
        ("draw", {"text": "hi", "format": "pdf"}, "argument format must be svg or png"),
        ("draw", {"text": "hi", "format": ["svg"]}, "got a list"),
        ("echo", {"text": "hi", **{f"a{number}": 1 for number in range(100)}}, "64"),
    ],
)
def test_what_is_wrong_with_a_tool_call_is_its_result(
    toy: Toy, tool: str, arguments: Mapping[str, object], says: str
) -> None:
    result = toy.use(tool, **arguments)
    assert result["isError"] is True
    assert says in result["content"][0]["text"]
    assert "structuredContent" not in result


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": 1},
        {"name": "nothing"},
        {"name": "x" * 1000},
        {"name": "look", "arguments": [1]},
    ],
)
def test_a_call_of_no_tool_is_an_error_of_the_protocol(toy: Toy, params: object) -> None:
    error = toy.send("tools/call", params)["error"]
    assert error["code"] == INVALID_PARAMS
    assert len(error["message"]) < 300


def test_a_bug_is_no_result(toy: Toy) -> None:
    with pytest.raises(KeyError):
        toy.use("echo", text="bug")


def test_batches_are_answered_in_the_one_revision_that_has_them(toy: Toy) -> None:
    batch = (
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7,'
        b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo",'
        b'"arguments":{"text":"hi"}}}]'
    )
    for headers in ({}, {"mcp_protocol_version": "2025-03-26"}):
        pong, broken, called = json.loads(toy.post(batch, **headers))
        assert (pong["id"], pong["result"]) == (1, {})
        assert broken["error"]["code"] == INVALID_REQUEST
        assert called["result"]["structuredContent"]
    assert len(toy.events.kept) == 2
    assert toy.post(b'[{"jsonrpc":"2.0","method":"x"}]') == b""
    for version in ("2025-06-18", "2025-11-25", LATEST):
        refused = json.loads(toy.post(batch, mcp_protocol_version=version))
        assert refused["error"]["code"] == INVALID_REQUEST
        assert refused["id"] is None


@pytest.mark.parametrize("verb", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session(toy: Toy, verb: str) -> None:
    with pytest.raises(InvalidRequest, match="mcp expects POST"):
        toy.application.invoke(Invocation("mcp", verb, "", "", b"", {}))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", ""])
def test_a_page_of_another_site_is_refused(toy: Toy, origin: str) -> None:
    with pytest.raises(ForeignPage):
        toy.post(b"{}", origin=origin)


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://127.0.0.1", "http://[::1]:1"])
def test_a_page_of_this_host_is_answered(toy: Toy, origin: str) -> None:
    assert b"error" in toy.post(b"{}", origin=origin)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["echo", "draw", "look"]) | SCALARS,
        "arguments": st.dictionaries(st.sampled_from(["text", "times", "format"]), SCALARS),
        "protocolVersion": st.sampled_from(SUPPORTED) | SCALARS,
        "cursor": SCALARS,
        "_meta": st.just(META) | SCALARS,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | SCALARS, "method": st.sampled_from(METHODS) | SCALARS},
    optional={"id": st.integers() | SCALARS, "params": PARAMS | SCALARS},
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "mcp_protocol_version": st.sampled_from(SUPPORTED) | st.text(max_size=9),
        "mcp_method": st.sampled_from(METHODS),
        "mcp_name": st.sampled_from(["echo", "draw", "look"]),
    },
)


def check_answer(answer: bytes) -> None:
    """An answer is empty, or of JSON-RPC with a code that the protocol knows."""
    value = json.loads(answer or b"[]")
    for each in value if isinstance(value, list) else [value]:
        assert each["jsonrpc"] == "2.0"
        assert ("result" in each) is not ("error" in each)
        if "error" in each:
            assert each["error"]["code"] in {-32700, -32600, -32601, -32602, -32020, -32022}


@settings(max_examples=200, deadline=None)
@given(MESSAGES | st.lists(MESSAGES, max_size=3), HEADERS)
def test_any_message_is_answered_by_the_protocol(
    running: Toy, message: object, headers: Mapping[str, str]
) -> None:
    check_answer(running.post(json.dumps(message).encode(), **headers))


def test_ten_thousand_damaged_bodies_are_answered_by_the_protocol(toy: Toy) -> None:
    random = Random(14)  # noqa: S311 - the same bodies each time
    calls = (
        {"name": "echo", "arguments": {"text": "hi", "times": 2, "loud": True}},
        {"name": "draw", "arguments": {"text": "hi", "format": "png"}, "_meta": META},
        {"protocolVersion": LATEST, "capabilities": {}},
    )
    whole = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        for method in METHODS
        for params in calls
    ]
    whole.append(b"[%s,%s]" % (whole[0], whole[1]))
    for _ in range(10_000):
        body = bytearray(random.choice(whole))
        for _ in range(random.randrange(1, 4)):
            start = random.randrange(len(body))
            end = min(len(body), start + random.randrange(6))
            piece = random.choice(PIECES) if random.random() < 0.5 else random.randbytes(2)
            body[start:end] = piece
        version = random.choice(("", *SUPPORTED))
        check_answer(
            toy.post(bytes(body), **({"mcp_protocol_version": version} if version else {}))
        )
