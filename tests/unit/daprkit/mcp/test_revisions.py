"""Which revision a call is written in, and what each demands."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from meshlens.daprkit.mcp.jsonrpc import INVALID_PARAMS, Call, ProtocolFault
from meshlens.daprkit.mcp.revisions import (
    HEADER_MISMATCH,
    LATEST,
    SUPPORTED,
    UNSUPPORTED_VERSION,
    WITH_HANDSHAKE,
    find_revision,
    name_revision,
)

PREFIX = "io.modelcontextprotocol/"
META = {f"{PREFIX}protocolVersion": LATEST, f"{PREFIX}clientCapabilities": {}}
HEADERS = {"mcp-protocol-version": LATEST, "mcp-method": "tools/list"}
CALL = {"mcp-protocol-version": LATEST, "mcp-method": "tools/call", "mcp-name": "fit"}


@pytest.mark.parametrize("version", WITH_HANDSHAKE)
def test_a_header_names_a_revision_with_a_handshake(version: str) -> None:
    headers = {"mcp-protocol-version": version}
    assert find_revision(Call(1, "tools/list"), headers) == version


def test_without_a_header_it_is_the_one_that_had_none() -> None:
    assert find_revision(Call(1, "initialize"), {}) == "2025-03-26"


def test_each_call_of_the_latest_says_so_in_its_body_and_its_headers() -> None:
    assert find_revision(Call(1, "tools/list", {"_meta": META}), HEADERS) == LATEST
    named = Call(1, "tools/call", {"_meta": META, "name": "fit"})
    assert find_revision(named, CALL) == LATEST


@pytest.mark.parametrize("name", ["fit", "plöt", "=?base64?x?="])
def test_a_name_in_a_header_may_be_in_base64(name: str) -> None:
    encoded = f"=?base64?{base64.b64encode(name.encode()).decode()}?="
    named = Call(1, "tools/call", {"_meta": META, "name": name})
    assert find_revision(named, {**CALL, "mcp-name": encoded}) == LATEST


@pytest.mark.parametrize(
    ("params", "headers", "code"),
    [
        ({}, HEADERS, INVALID_PARAMS),
        ({"_meta": 1}, HEADERS, INVALID_PARAMS),
        ({"_meta": {f"{PREFIX}protocolVersion": LATEST}}, HEADERS, INVALID_PARAMS),
        ({"_meta": {f"{PREFIX}clientCapabilities": {}}}, HEADERS, INVALID_PARAMS),
        ({"_meta": META}, {}, HEADER_MISMATCH),
        ({"_meta": META}, {**HEADERS, "mcp-protocol-version": "2025-11-25"}, HEADER_MISMATCH),
        ({"_meta": META}, {**HEADERS, "mcp-method": "ping"}, HEADER_MISMATCH),
        ({"_meta": META}, {"mcp-protocol-version": LATEST}, HEADER_MISMATCH),
        ({"_meta": {**META, f"{PREFIX}protocolVersion": 7}}, HEADERS, HEADER_MISMATCH),
        ({"_meta": {**META, f"{PREFIX}protocolVersion": []}}, HEADERS, HEADER_MISMATCH),
        ({}, {"mcp-protocol-version": "1999-01-01"}, UNSUPPORTED_VERSION),
        ({"_meta": META}, {"mcp-protocol-version": "1999-01-01"}, UNSUPPORTED_VERSION),
    ],
)
def test_what_body_and_headers_do_not_agree_on_is_refused(
    params: Mapping[str, Any], headers: Mapping[str, str], code: int
) -> None:
    with pytest.raises(ProtocolFault) as fault:
        find_revision(Call(1, "tools/list", params), headers)
    assert fault.value.code == code


@pytest.mark.parametrize("name", [None, "plot", "=?base64?%%?=", "=?base64?/w==?="])
def test_the_name_of_a_tool_must_be_in_the_header_too(name: str | None) -> None:
    headers = {key: value for key, value in CALL.items() if key != "mcp-name"}
    headers |= {"mcp-name": name} if name else {}
    with pytest.raises(ProtocolFault) as fault:
        find_revision(Call(1, "tools/call", {"_meta": META, "name": "fit"}), headers)
    assert fault.value.code == HEADER_MISMATCH


def test_a_handshake_version_in_an_envelope_is_not_supported_there() -> None:
    meta = {**META, f"{PREFIX}protocolVersion": "2025-11-25"}
    headers = {**HEADERS, "mcp-protocol-version": "2025-11-25"}
    with pytest.raises(ProtocolFault) as fault:
        find_revision(Call(1, "tools/list", {"_meta": meta}), headers)
    assert fault.value.code == UNSUPPORTED_VERSION


def test_a_refused_version_is_told_which_are_known() -> None:
    with pytest.raises(ProtocolFault) as fault:
        name_revision({"mcp-protocol-version": "x" * 100})
    assert fault.value.data == {"supported": [*SUPPORTED], "requested": "x" * 40}


def test_discovery_without_an_envelope_is_refused() -> None:
    with pytest.raises(ProtocolFault) as fault:
        find_revision(Call(1, "server/discover"), {})
    assert fault.value.code == INVALID_PARAMS
