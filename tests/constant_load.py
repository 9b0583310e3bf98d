"""Constant load on a service of a mesh, and what became of each call.

    with Load(mesh, "pca", via="classify") as load:
        load.await_answers(50)
        ...  # something happens to the service
    assert load.refused("proxied") == {}

Each caller sends one call after the other, no two with the same body, and makes a call that is
refused again, with its key, until it is answered.
"""

import hashlib
import http.client
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1
from google.protobuf import any_pb2
from mesh import ROOT, Mesh
from published import published

from meshlens.daprkit.client import CallError, Client

HOST = "127.0.0.1"
PATIENCE = 60.0
# Of a caller after an answer, and after a refusal.
_PAUSE = 0.1
_DIGIT = (ROOT / "services/classify/samples/digit-7.png").read_bytes()
_METHODS = {"pca": "plot", "classify": "classify"}

# Sends a body with a key, and returns "OK", or the code and the reason of the refusal.
Send: TypeAlias = Callable[[bytes, str], tuple[str, str]]


class Load:
    """Callers of a service, who call while it is entered.

    Args:
        mesh: where the service is.
        service: whom they call.
        via: whose sidecar they call through.
        callers: how many there are of each way to call.

    Attributes:
        answered: the digest of the body of each call that was answered.
        refusals: the refusals of all tries, as way, code and reason.
    """

    def __init__(self, mesh: Mesh, service: str, *, via: str, callers: int = 1) -> None:
        self.answered: list[str] = []
        self.refusals: list[tuple[str, str, str]] = []
        self._mesh = mesh
        self._service = service
        self._via = via
        ways = {"proxied": self._proxied, "invoked": self._invoked, "http": self._http}
        self._callers = list(ways.items()) * callers
        self._answers = threading.Semaphore(0)
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(len(self._callers))
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._running = [self._pool.submit(self._call, *each) for each in self._callers]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._pool.shutdown()
        for caller in self._running if kind is None else ():
            caller.result()

    def await_answers(self, count: int) -> None:
        """Wait until so many further calls are answered."""
        while self._answers.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._answers.acquire(timeout=PATIENCE), f"no answers: {self.refused()}"

    def refused(self, *ways: str) -> dict[tuple[str, str, str], int]:
        """Count the refusals by way, code and reason; of these ways only, if any is named."""
        return dict(Counter(each for each in self.refusals if not ways or each[0] in ways))

    def _call(self, way: str, connect: Callable[[], Any]) -> None:
        with connect() as send:
            while not self._enough.wait(_PAUSE):
                body, key = self._make_body(), str(uuid.uuid4())
                code, reason = send(body, key)
                while code != "OK":
                    self.refusals.append((way, code, reason))
                    self._enough.wait(_PAUSE)
                    code, reason = send(body, key)
                self.answered.append(hashlib.sha256(body).hexdigest())
                self._answers.release()

    def _make_body(self) -> bytes:
        unlike = uuid.uuid4().bytes
        if self._service == "pca":
            return ",".join(str(byte) for byte in unlike[:12]).encode()
        return _DIGIT + unlike  # whatever follows the picture is ignored

    @contextmanager
    def _proxied(self) -> Iterator[Send]:
        with Client(f"{HOST}:{self._mesh.grpc_port(self._via)}") as client:

            def send(body: bytes, key: str) -> tuple[str, str]:
                try:
                    client.invoke(self._service, self._method, body, timeout=PATIENCE, key=key)
                except CallError as error:
                    return error.code, error.message
                return "OK", ""

            yield send

    @contextmanager
    def _invoked(self) -> Iterator[Send]:
        with grpc.insecure_channel(f"{HOST}:{self._mesh.grpc_port(self._via)}") as channel:
            stub = api_service_v1.DaprStub(channel)

            def send(body: bytes, key: str) -> tuple[str, str]:
                message = common_v1.InvokeRequest(
                    method=self._method,
                    data=any_pb2.Any(value=body),
                    http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.POST),
                )
                request = api_v1.InvokeServiceRequest(id=self._service, message=message)
                metadata = (("idempotency-key", key),)
                try:
                    stub.InvokeService(request, timeout=PATIENCE, metadata=metadata)
                except grpc.RpcError as error:
                    return error.code().name, error.details() or ""
                return "OK", ""

            yield send

    @contextmanager
    def _http(self) -> Iterator[Send]:
        connection = http.client.HTTPConnection(
            HOST, self._mesh.http_port(self._via), timeout=PATIENCE
        )
        path = f"/v1.0/invoke/{self._service}/method/{self._method}"

        def send(body: bytes, key: str) -> tuple[str, str]:
            connection.request("POST", path, body, {"idempotency-key": key})
            answer = connection.getresponse()
            text = answer.read().decode()
            return ("OK", "") if answer.status == http.client.OK else (str(answer.status), text)

        try:
            yield send
        finally:
            connection.close()

    @property
    def _method(self) -> str:
        return _METHODS[self._service]


def results(mesh: Mesh) -> dict[str, set[str]]:
    """Return the ids of the events at the broker that tell of a result, by the input's digest."""
    found: dict[str, set[str]] = {}
    for event in published(mesh):
        if event["data"]["outcome"] == "OK":
            found.setdefault(event["data"]["input"]["sha256"], set()).add(event["id"])
    return found
