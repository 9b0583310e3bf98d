"""Every client by every way in every case: what an unmodified library returns or raises.

The cases are in tests/cases.py, the ways in tests/ways.py. Rows are clients:

| client | protocol | ways | what it raises |
|---|---|---|---|
| tritonclient.http | V2 REST | all by HTTP | InferenceServerException |
| kserve REST | V2 REST | all by HTTP | httpx.HTTPStatusError |
| curl, at V2 and at TensorFlow Serving's paths | REST | all by HTTP | exit code 22 |
| tritonclient.grpc | V2 gRPC | proxied gRPC | InferenceServerException |
| kserve gRPC | V2 gRPC | proxied gRPC | AioRpcError |
| tensorflow-serving-api | TensorFlow Serving's gRPC | proxied gRPC | RpcError |
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from cases import CASES, INPUT, OUTPUT, SHAPE, Case, matches
from client_programs import MakeCall, open_client
from curl_calls import curl_by
from mesh import Mesh
from statuses import MODEL, Statuses
from ways import BY_HTTP, Way, address_of

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import Kind
from meshlens.classify.models import shipped_models

pytestmark = pytest.mark.timeout(600)  # the first run of a client installs it

TENSOR = np.random.default_rng(14).random(SHAPE, np.float32)


@dataclass(frozen=True)
class Library:
    """A client and how it shows a refusal.

    Attributes:
        program: of tests/clients; empty for curl.
        protocol: which text of a case it gets.
        exception: the class of what it raises.
        tries: how often a call that is UNAVAILABLE comes to classify.
        ways: by which it is tried.
        status: what it says of a code and of a status of HTTP.
    """

    program: str
    protocol: str
    exception: str
    tries: int = 1
    ways: Sequence[Way] = BY_HTTP
    status: Callable[[str, int], object] = lambda _, http: http


TRITON = "tritonclient.utils.InferenceServerException"
PROXY = (Way.PROXY,)
# What a sidecar's policy makes of one call, and that of kserve makes three calls.
TRIES = 26
LIBRARIES: Mapping[str, Library] = {
    "tritonclient.http": Library(
        "triton_rest", "inference", TRITON, status=lambda _, http: str(http)
    ),
    "kserve REST": Library("kserve_rest", "inference", "httpx.HTTPStatusError"),
    "curl V2": Library("", "inference", "22"),
    "curl TFS": Library("", "serving", "22"),
    "tritonclient.grpc": Library(
        *("triton_grpc", "inference", TRITON, TRIES, PROXY),
        lambda code, _: f"StatusCode.{code}",
    ),
    "kserve gRPC": Library(
        *("kserve_grpc", "inference", "grpc.aio._call.AioRpcError", 3 * TRIES, PROXY),
        lambda code, _: code,
    ),
    "tensorflow-serving-api": Library(
        *("tfserving_grpc", "serving", "grpc._channel._InactiveRpcError", TRIES, PROXY),
        lambda code, _: code,
    ),
}


def list_cells() -> Iterator[Any]:
    """Yield case, client and way; the cases one after the other, as each is provoked once."""
    for case in CASES:
        for client, library in LIBRARIES.items():
            for way in library.ways:
                # A broker that is away is noticed in a second, which a sidecar repeats 26 times.
                if case != "503 withheld" or way is not Way.PROXY:
                    yield pytest.param(case, client, way, id=f"{case}-{client}-{way}")


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, statuses: Statuses) -> Iterator[Case]:
    """A case, while calls come out so."""
    found = CASES[request.param]
    with found.provoke(statuses):
        yield found


@pytest.fixture(scope="module")
def call_by() -> Iterator[Callable[[Library], MakeCall]]:
    """What makes calls by a client, whose process goes on to the end."""
    with ExitStack() as stack:

        @cache
        def open_once(library: Library) -> MakeCall:
            if not library.program:
                return curl_by(library.protocol)
            return stack.enter_context(open_client(library.program))

        yield open_once


def count_unavailable(mesh: Mesh) -> float:
    """Return how many calls classify has answered UNAVAILABLE."""
    with urlopen(f"http://127.0.0.1:{mesh.listener_port('classify')}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    begin = 'meshlens_calls_total{code="UNAVAILABLE"'
    return sum(float(line.split()[-1]) for line in lines if line.startswith(begin))


@cache
def compute() -> bytes:
    """What the engine answers in this process."""
    (path,) = (shipped_models() / MODEL).glob("*/*.tflite")
    engine = open_engine(Kind.TFLITE, path.read_bytes(), (), (), workers=1)
    (signature,) = engine.signatures.values()
    output = signature.run({INPUT: TENSOR})[OUTPUT]
    engine.close()
    return output.tobytes()


def check_text(client: str, way: Way, case: Case, expected: str, seen: Any, base: str) -> None:  # noqa: ANN401 - JSON
    """Check how a client shows the text of a refusal."""
    text = seen["text"]
    match client:
        case "tritonclient.http" if not way.exact:
            # A sidecar replaces the body of an error, in which the client seeks the key `error`.
            head, _, body = text.partition("\nresponse: ")
            assert (
                head == "an exception occurred in the client while decoding the response: 'error'"
            )
            assert matches(json.loads(body)["message"], expected)
        case "kserve REST":
            # It reads bodies of the type application/json only.
            path = f"{base}/v2/models/{case.model}/infer"
            status = case.exact if way.exact else case.by_invoke
            shown = expected if way.exact else ""
            assert matches(text, f"{shown}, '{status} ...' for url '{path}'")
        case "curl V2" | "curl TFS":
            answer = json.loads(text)
            assert matches(answer["error" if way.exact else "message"], expected)
            kind = "application/json" if way.exact else "text/plain; charset=utf-8"
            assert seen["content_type"] == kind
        case _:
            assert matches(text, expected)


@pytest.mark.parametrize(("case", "client", "way"), list(list_cells()), indirect=["case"])
def test_a_client_returns_or_raises_what_its_users_expect(
    case: Case,
    client: str,
    way: Way,
    statuses: Statuses,
    call_by: Callable[[Library], MakeCall],
) -> None:
    library, address = LIBRARIES[client], address_of(statuses.mesh, way)
    tensor = TENSOR if case.shape == SHAPE else np.zeros(case.shape, np.float32)
    before = count_unavailable(statuses.mesh) if case.code == "UNAVAILABLE" else 0
    seen = call_by(library)(
        {
            **address.of_call,
            "model": case.model,
            "input": INPUT,
            "output": OUTPUT,
            "tensor": tensor.tolist(),
            "binary": True,
        }
    )
    if case.code == "OK":
        assert seen == {"output": compute().hex()}
        return
    expected = case.inference if library.protocol == "inference" else case.serving
    http = case.exact if way.exact else case.by_invoke
    assert seen["exception"] == library.exception
    assert seen["status"] == library.status(case.code, http)
    check_text(client, way, case, expected, seen, address.base)
    if case.code == "UNAVAILABLE":
        assert count_unavailable(statuses.mesh) == before + library.tries
