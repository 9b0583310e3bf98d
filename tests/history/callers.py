"""Callers: each sends one request after the other, and the same again where it helps."""

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import grpc
from dapr.proto import api_service_v1, api_v1
from history.records import Call, Ending, Try
from history.requests import Request, Requests, read_answer
from mesh import SERVICES, Mesh

from meshlens.daprkit.client import CallError, Client

# What a service answers that has no result, and says so itself.
WITHHELD = frozenset(
    {"BUSY", "TOO_MANY_BYTES", "STOPPING", "OUTBOX_FULL", "OUTBOX_UNAVAILABLE", "CALLER_GONE"}
)
# The statuses after which nobody knows.
_UNKNOWN = frozenset({"DEADLINE_EXCEEDED", "CANCELLED"})
_TRIES = 3
_SECONDS = 15.0
_PAUSE, _PAUSE_AFTER_FAILURE = 0.02, 0.1
_PATIENCE = 120.0
_NAMES = {400: "INVALID_ARGUMENT"}

# Sends a request with a key, and returns how that ended.
Way = Callable[[Request, str], Try]


def _other(service: str) -> str:
    return next(each for each in SERVICES if each != service)


def by_invoke(mesh: Mesh) -> Way:
    """Return the way by the HTTP API of the other service's sidecar."""

    def send(request: Request, key: str) -> Try:
        began = time.monotonic()
        try:
            answer = mesh.call(
                _other(request.service),
                request.service,
                request.method,
                request.body,
                headers={"idempotency-key": key},
                timeout=_SECONDS,
            )
        except (OSError, http.client.HTTPException) as error:
            return Try(began, time.monotonic(), Ending.UNKNOWN, type(error).__name__)
        ended = time.monotonic()
        if answer.status == http.client.OK:
            facts = read_answer(request.service, answer.body)
            return Try(began, ended, Ending.ANSWERED, "OK", facts)
        code, reason = _NAMES.get(answer.status, str(answer.status)), _find_reason(answer.text)
        return _fail(request, code, reason, began, ended)

    return send


def by_grpc(mesh: Mesh) -> Way:
    """Return the way by the gRPC proxy of the other service's sidecar."""

    def send(request: Request, key: str) -> Try:
        began = time.monotonic()
        with Client(f"127.0.0.1:{mesh.grpc_port(_other(request.service))}") as client:
            try:
                reply = client.invoke(
                    request.service, request.method, request.body, timeout=_SECONDS, key=key
                )
            except CallError as error:
                ended = time.monotonic()
                return _fail(request, error.code, error.details.reason, began, ended)
        facts = read_answer(request.service, reply.body)
        return Try(began, time.monotonic(), Ending.ANSWERED, "OK", facts)

    return send


def by_topic(mesh: Mesh) -> Way:
    """Return the way by the topic of pictures: what the broker has accepted is answered."""

    def send(request: Request, key: str) -> Try:
        began = time.monotonic()
        with grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port('pca')}") as channel:
            try:
                api_service_v1.DaprStub(channel).PublishEvent(
                    api_v1.PublishEventRequest(
                        pubsub_name="pubsub",
                        topic="images",
                        data=request.body,
                        data_content_type="application/octet-stream",
                        metadata={"cloudevent.id": key},
                    ),
                    timeout=_SECONDS,
                )
            except grpc.RpcError as error:
                return Try(began, time.monotonic(), Ending.UNKNOWN, error.code().name)
        return Try(began, time.monotonic(), Ending.ANSWERED, request.code)

    return send


WAYS: Mapping[str, Callable[[Mesh], Way]] = {
    "invoke": by_invoke,
    "grpc": by_grpc,
    "topic": by_topic,
}


def _fail(request: Request, code: str, reason: str, began: float, ended: float) -> Try:
    if code == request.code:
        return Try(began, ended, Ending.ANSWERED, code)
    ending = Ending.UNKNOWN if code in _UNKNOWN else Ending.REFUSED
    return Try(began, ended, ending, code, withheld=reason in WITHHELD)


def _find_reason(text: str) -> str:
    """Return the kind of fault in a failure, if it is one that the service has written."""
    try:
        details = json.loads(text).get("details", ())
    except ValueError:
        return ""
    return next((str(it["reason"]) for it in details if "reason" in it), "")


class Traffic:
    """Callers of services, from when it is entered to when it is left.

    Args:
        mesh: the services.
        requests: makes what they send.
        seed: of what they choose.
        services: which are called.
        ways: by which ways; that by topic is for classify alone.

    Attributes:
        calls: those that have ended.
    """

    def __init__(
        self,
        mesh: Mesh,
        requests: Requests,
        seed: int,
        services: Sequence[str],
        ways: Sequence[str],
    ) -> None:
        self.calls: list[Call] = []
        self._requests = requests
        self._changed = threading.Condition()
        self._enough = threading.Event()
        self._tries: Counter[tuple[str, Ending]] = Counter()
        self._broken: list[BaseException] = []
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(service, way, WAYS[way](mesh), random.Random(f"{seed} {service} {way}")),  # noqa: S311 - not a secret
            )
            for service in services
            for way in ways
            if way != "topic" or service == "classify"
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def await_tries(self, count: int, service: str, *endings: Ending) -> None:
        """Wait until so many further tries of a service's calls have ended, in one of these ways.

        Raises:
            TimeoutError: they have not.
        """

        def sum_up() -> int:
            return sum(self._tries[service, ending] for ending in endings)

        with self._changed:
            wanted = sum_up() + count
            if not self._changed.wait_for(
                lambda: self._broken or sum_up() >= wanted, timeout=_PATIENCE
            ):
                raise TimeoutError(f"not within {_PATIENCE:g} s: {count} tries of {service}")
        if self._broken:
            raise self._broken[0]

    def _run(self, service: str, way: str, send: Way, chance: random.Random) -> None:
        try:
            while not self._enough.wait(_PAUSE):
                call = self._make_call(self._requests.make(service, chance), way, send)
                with self._changed:
                    self.calls.append(call)
        except BaseException as error:  # noqa: BLE001 - await_tries raises it
            with self._changed:
                self._broken.append(error)
                self._changed.notify_all()

    def _make_call(self, request: Request, way: str, send: Way) -> Call:
        # Not by the seed, which another run has as well.
        key = str(uuid.uuid4())
        tries: list[Try] = []
        while len(tries) < _TRIES:
            tries.append(send(request, key))
            with self._changed:
                self._tries[request.service, tries[-1].ending] += 1
                self._changed.notify_all()
            if tries[-1].ending is Ending.ANSWERED:
                break
            self._enough.wait(_PAUSE_AFTER_FAILURE)
        return Call(key, request.service, way, request.digest, tuple(tries))
