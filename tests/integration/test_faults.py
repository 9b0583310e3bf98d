"""Bad input through the mesh: the right status, what to do about it, the next request served."""

import contextlib
import json
import struct
import zlib
from dataclasses import dataclass

import pytest
from mesh import Answer, Mesh

from meshlens.daprkit.client import CallRejected, Client

GOOD = b"1,2,3,5,4,4"
MIB = 1024 * 1024
LIMIT = 16 * MIB


@dataclass(frozen=True)
class Fault:
    """A request that must fail, how, and what its message must name."""

    service: str
    method: str
    body: bytes
    status: int
    names: tuple[str, ...]
    content_type: str = "text/csv"
    verb: str = "POST"


def huge_png() -> bytes:
    """A PNG of some hundred bytes whose header promises 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def truncated_jpeg() -> bytes:
    """The beginning of a JPEG: its markers, no pixels."""
    return bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + b"\x01" * 64


PCA = [
    Fault("pca", "plot", b"", 400, ("empty",)),
    Fault("pca", "plot", b"1,2,three,4", 400, ("three",)),
    Fault("pca", "plot", b"1,2,3", 400, ("3",)),
    Fault("pca", "plot", b"1,2,nan,4,5,6", 400, ("nan",)),
    Fault("pca", "plot", b"1,2,inf,4,5,6", 400, ("inf",)),
    Fault("pca", "plot", b"1,2", 400, ("1",)),
    Fault("pca", "fit", b"1,2\n3\n", 400, ("row 2",)),
    Fault("pca", "fit", b'{"a": 1}', 400, (), content_type="application/json"),
    Fault("pca", "fit", b"[[1,2],[3", 400, (), content_type="application/json"),
    Fault("pca", "fit", b"[" * 100_000, 400, (), content_type="application/json"),
    Fault("pca", "fit", b"\xff\xfe\x00", 400, ()),
    Fault("pca", "fit", GOOD, 400, ("image/png",), content_type="image/png"),
    Fault("pca", "plot?no-such-option=1", GOOD, 400, ("no-such-option", "title")),
    Fault("pca", "plot?k=many", GOOD, 400, ("k", "many")),
    Fault("pca", "plot", b"1," * (LIMIT // 2 + 1), 429, ("MAX_BODY", str(LIMIT))),
    Fault("pca", f"transform?fit={'0' * 64}", GOOD, 404, ("0" * 64,)),
    Fault("pca", "fits/none", b"", 404, ("none",), verb="GET"),
    Fault("pca", "no-such-method", GOOD, 404, ("no-such-method", "plot")),
    Fault("pca", "plot", GOOD, 400, ("DELETE", "POST"), verb="DELETE"),
]
JPEG = "image/jpeg"
CLASSIFY = [
    Fault("classify", "classify", b"", 400, ("empty",), JPEG),
    Fault("classify", "classify", b"this is a text file, not a picture", 400, ("JPEG",), JPEG),
    Fault("classify", "classify", truncated_jpeg(), 400, (), JPEG),
    Fault("classify", "classify", huge_png(), 429, ("50000",), "image/png"),
    Fault("classify", "classify", bytes(LIMIT + 1), 429, ("MAX_BODY", str(LIMIT)), JPEG),
    Fault("classify", "classify?model=no-such", b"x", 404, ("no-such", "digits"), JPEG),
    Fault("classify", "classify?top_k=0", b"x", 400, ("top_k",), JPEG),
    Fault("classify", "classify?no-such-option=1", b"x", 400, ("no-such-option",), JPEG),
    Fault("classify", "classify", b'{"image": "%%%"}', 400, ("base64",), "application/json"),
    Fault("classify", "classify", b'{"picture": ""}', 400, ("image",), "application/json"),
    Fault("classify", "models/no-such", b"", 404, ("no-such",), verb="GET"),
    Fault("classify", "no-such-method", b"x", 404, ("no-such-method", "classify"), JPEG),
]


def call(mesh: Mesh, fault: Fault) -> Answer:
    via = "pca" if fault.service == "classify" else "classify"
    headers = {"content-type": fault.content_type}
    return mesh.call(via, fault.service, fault.method, fault.body, verb=fault.verb, headers=headers)


def name_of(fault: Fault) -> str:
    return f"{fault.service}-{fault.method[:20]}-{fault.body[:12]!r}"


@pytest.mark.parametrize("fault", [*PCA, *CLASSIFY], ids=name_of)
def test_bad_input_is_refused_with_what_to_do_and_the_next_request_is_served(
    mesh: Mesh, fault: Fault
) -> None:
    answer = call(mesh, fault)
    assert answer.status == fault.status, answer.text
    message = json.loads(answer.body)["message"]
    for name in fault.names:
        assert name in message
    assert "Traceback" not in message
    assert "; " in message, f"expected, actual; remedy: {message}"
    assert mesh.call("classify", "pca", "plot", GOOD).status == 200
    assert mesh.call("pca", "classify", "models", verb="GET").status == 200


def test_a_fault_reaches_http_callers_as_data(mesh: Mesh) -> None:
    answer = mesh.call("classify", "pca", "fit", b"a,b\n1,2\n3,x\n")
    status = json.loads(answer.body)
    details = {detail.pop("@type"): detail for detail in status["details"]}
    assert status["code"] == 3
    assert details["type.googleapis.com/google.rpc.ErrorInfo"] == {
        "reason": "INVALID_TABLE",
        "domain": "pca",
        "metadata": {
            "expected": "every field must be a number, with commas, semicolons, tabs, pipes or"
            " blanks between",
            "got": "'x' at row 3, column 2 (b)",
            "remedy": "correct it or leave that observation out, or say na=x and missing=drop if it"
            " marks a missing number",
            "row": "3",
            "column": "2",
            "field": "b",
        },
    }
    (violation,) = details["type.googleapis.com/google.rpc.BadRequest"]["fieldViolations"]
    assert violation["field"] == "row[3].column[2]"


def test_a_fault_reaches_callers_over_proxied_grpc_as_data(mesh: Mesh) -> None:
    with (
        Client(f"127.0.0.1:{mesh.grpc_port('classify')}") as client,
        pytest.raises(CallRejected) as refusal,
    ):
        client.invoke("pca", "fit", b"1,2\n3,5\n4,4\n", query={"k": "9"})
    details = refusal.value.details
    assert (details.reason, details.domain) == ("INVALID_OPTION", "pca")
    assert (details.option, details.got) == ("k", "9")


def test_a_body_that_the_transport_refuses_is_too_large_too(mesh: Mesh) -> None:
    answer = mesh.call("classify", "pca", "plot", b"1" * (20 * MIB))
    assert answer.status == 429
    assert "larger than max" in answer.text
    assert mesh.call("classify", "pca", "plot", GOOD).status == 200


def test_a_body_that_the_sidecar_refuses_harms_nobody(mesh: Mesh) -> None:
    with contextlib.suppress(ConnectionError):
        assert mesh.call("classify", "pca", "plot", b"1" * (33 * MIB)).status >= 400
    assert mesh.call("classify", "pca", "plot", GOOD).status == 200


def test_no_fault_has_left_a_traceback_in_the_logs(mesh: Mesh) -> None:
    for service in mesh.services:
        assert "Traceback" not in mesh.process(service).log(lines=100_000)
