"""The views of what can be called, each as what its clients call: which states it admits."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import httpx
from dapr.proto import appcallback_v1, common_v1
from google.protobuf import empty_pb2, json_format
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from readiness.observations import Observation, Record

from meshlens.protocols.wire import inference_pb2 as v2
from meshlens.protocols.wire import tfserving_pb2 as tfs

PATIENCE = 60.0
# Seconds between two calls of a view: the service and its observers share the processors.
PAUSE = 0.01
# The same for what has nothing to say.
LONG_PAUSE = 0.1
MODELS = ("digits", "rest")
VERSIONS = ("1", "2", "3", "4")
SERVICE = "service"
INFER = "infer"
DEFAULT = "model digits"
WATCH = "Watch"

AVAILABLE, UNREADY, NONE = "AVAILABLE", "UNREADY", "NONE"
READY = frozenset({AVAILABLE})
NOT_READY = frozenset({UNREADY, NONE})
UNKNOWN = frozenset({NONE})
KNOWN = frozenset({UNREADY})
EVERY_STATE = frozenset({"START", "LOADING", AVAILABLE, "UNLOADING", "END", NONE})
_V2_STATES = {
    "UNKNOWN": "START",
    "LOADING": "LOADING",
    "READY": AVAILABLE,
    "UNLOADING": "UNLOADING",
    "UNAVAILABLE": "END",
}

Said: TypeAlias = Mapping[str, frozenset[str]]
View: TypeAlias = Callable[[], Awaitable[Said]]

_SERVING = {
    health_pb2.HealthCheckResponse.SERVING: READY,
    health_pb2.HealthCheckResponse.NOT_SERVING: KNOWN,
    health_pb2.HealthCheckResponse.SERVICE_UNKNOWN: UNKNOWN,
}


class Unseen(Exception):
    """A call was not answered by the view: it was refused, or lost on its way."""


@dataclass(frozen=True)
class GrpcDoor:
    """A port at which the gRPC services answer, and what takes a call from there to the service."""

    name: str
    channel: grpc.aio.Channel
    metadata: Sequence[tuple[str, str]] = ()

    async def call(self, path: str, request: Message, kind: type[Any]) -> Any:  # noqa: ANN401 - of `kind`
        method = self.channel.unary_unary(path, _serialize, kind.FromString)
        return await method(request, timeout=PATIENCE, metadata=tuple(self.metadata))

    async def invoke(self, path: str) -> tuple[int, bytes]:
        """Make a GET request of a method; return the status as HTTP has it."""
        request = common_v1.InvokeRequest(
            method=path, http_extension=common_v1.HTTPExtension(verb=common_v1.HTTPExtension.GET)
        )
        try:
            answer = await self.call(
                "/dapr.proto.runtime.v1.AppCallback/OnInvoke", request, common_v1.InvokeResponse
            )
        except grpc.aio.AioRpcError as error:
            return _HTTP.get(error.code(), 0), b""
        return 200, answer.data.value


_HTTP = {grpc.StatusCode.NOT_FOUND: 404, grpc.StatusCode.UNAVAILABLE: 503}


@dataclass(frozen=True)
class HttpDoor:
    """A base URL at which the REST paths answer."""

    name: str
    client: httpx.AsyncClient
    base: str

    async def get(self, path: str) -> tuple[int, Any]:
        try:
            answer = await self.client.get(f"{self.base}/{path}", timeout=PATIENCE)
        except httpx.TransportError as error:
            raise Unseen from error
        return answer.status_code, answer.content


Get: TypeAlias = Callable[[str], Awaitable[tuple[int, bytes]]]


@dataclass
class Observers:
    """Call views all the time, and record what they say.

    Attributes:
        record: all that was seen.
        dead: what has denied that the process lives.
        infers: whether inferences are made, which are the truth.
        focus: the views that are called; all of them if it is empty.
        calls: how often each has been.
    """

    record: Record = field(default_factory=Record)
    dead: list[str] = field(default_factory=list)
    infers: bool = True
    focus: frozenset[str] = frozenset()
    calls: Counter[str] = field(default_factory=Counter)

    async def look_at(self, views: Iterable[str], times: int) -> None:
        """Call these views alone, so many times each: that is as close together as can be."""
        self.focus = frozenset(views)
        ends = {view: self.calls[view] + times for view in self.focus}
        while any(self.calls[view] < end for view, end in ends.items()):  # noqa: ASYNC110 - of many
            await asyncio.sleep(PAUSE)
        self.focus = frozenset()

    @asynccontextmanager
    async def watching(
        self, grpc_doors: Sequence[GrpcDoor], http_doors: Sequence[HttpDoor], listener: HttpDoor
    ) -> AsyncIterator[None]:
        """Observe every view through every door meanwhile."""
        views: dict[str, View] = {}
        for door in grpc_doors:
            views |= _grpc_views(door)
            views |= _rest_views(f"{door.name} invoke", door.invoke) if not door.metadata else {}
            views[f"{door.name} ServerLive"] = self._lives(door.name, door)
        for rest in http_doors:
            views |= _rest_views(rest.name, rest.get)
        views["/readyz"] = _readyz(listener)
        views["/livez"] = self._livez(listener)
        views[INFER] = self._infer(grpc_doors[0])
        end = asyncio.Event()
        tasks = [asyncio.create_task(self._observe(name, views[name], end)) for name in views]
        tasks += [asyncio.create_task(self._watch(door, end)) for door in grpc_doors]
        try:
            yield
        finally:
            end.set()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException):
                raise each

    async def _observe(self, name: str, view: View, end: asyncio.Event) -> None:
        while not end.is_set():
            if self.focus and name not in self.focus:
                await asyncio.sleep(PAUSE)
                continue
            began = time.monotonic()
            try:
                said = await view()
            except (Unseen, grpc.aio.AioRpcError):
                said = {}
            self._add(name, said, began)
            self.calls[name] += 1
            await asyncio.sleep(PAUSE if said else LONG_PAUSE)

    def _add(self, view: str, said: Said, began: float) -> None:
        ended = time.monotonic()
        for subject, states in said.items():
            self.record.add(view, subject, Observation(states, began, ended))

    async def _watch(self, door: GrpcDoor, end: asyncio.Event) -> None:
        """Record what streams have said last, whenever a call on their connection is answered.

        The call is answered behind all that they have said before, so what has not been said by
        the end of the next call has not been sent.
        """
        said: dict[str, frozenset[str]] = {}
        method = door.channel.unary_stream(
            "/grpc.health.v1.Health/Watch", _serialize, health_pb2.HealthCheckResponse.FromString
        )
        names = {"": SERVICE, **{model: f"model {model}" for model in MODELS}}
        streams = {
            subject: method(
                health_pb2.HealthCheckRequest(service=name), metadata=tuple(door.metadata)
            )
            for name, subject in names.items()
        }

        async def read(subject: str) -> None:
            async for answer in streams[subject]:
                said[subject] = _SERVING[answer.status]

        reading = [asyncio.create_task(read(subject)) for subject in streams]
        try:
            while not end.is_set():
                name = f"{door.name} {WATCH}"
                if self.focus and name not in self.focus:
                    await asyncio.sleep(PAUSE)
                    continue
                began = time.monotonic()
                await door.call(
                    "/grpc.health.v1.Health/Check",
                    health_pb2.HealthCheckRequest(service="/live"),
                    health_pb2.HealthCheckResponse,
                )
                self._add(name, said, began)
                self.calls[name] += 1
                await asyncio.sleep(PAUSE)
        finally:
            for stream in streams.values():
                stream.cancel()
            await asyncio.wait(reading)

    def _lives(self, name: str, door: GrpcDoor) -> View:
        async def view() -> Said:
            live = await door.call(
                "/inference.GRPCInferenceService/ServerLive",
                v2.ServerLiveRequest(),
                v2.ServerLiveResponse,
            )
            checked = await door.call(
                "/grpc.health.v1.Health/Check",
                health_pb2.HealthCheckRequest(service="/live"),
                health_pb2.HealthCheckResponse,
            )
            serving = health_pb2.HealthCheckResponse.SERVING
            if not live.live or checked.status != serving:
                self.dead.append(f"{name}: {live} {checked}")
            if not door.metadata:  # what the sidecar calls
                await door.call(
                    "/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck",
                    empty_pb2.Empty(),
                    appcallback_v1.HealthCheckResponse,
                )
            return {}

        return view

    def _livez(self, listener: HttpDoor) -> View:
        async def view() -> Said:
            for path in ("livez", "v2/health/live"):
                status, body = await listener.get(path)
                if status != 200:
                    self.dead.append(f"{path}: {status} {body!r}")
            return {}

        return view

    def _infer(self, door: GrpcDoor) -> View:
        async def view() -> Said:
            if not self.infers:
                return {}
            try:
                await door.call(
                    "/inference.GRPCInferenceService/ModelInfer",
                    _zeros(),
                    v2.ModelInferResponse,
                )
            except grpc.aio.AioRpcError as error:
                if error.code() not in _HTTP:
                    raise
                return {DEFAULT: NOT_READY}
            return {DEFAULT: READY}

        return view


def _zeros() -> Message:
    """A request that digits answers."""
    request: Message = v2.ModelInferRequest(
        model_name="digits",
        inputs=[{"name": "picture", "datatype": "FP32", "shape": [1, 32, 32, 1]}],
        raw_input_contents=[bytes(4 * 32 * 32)],
    )
    return request


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _grpc_views(door: GrpcDoor) -> dict[str, View]:
    async def server_ready() -> Said:
        answer = await door.call(
            "/inference.GRPCInferenceService/ServerReady",
            v2.ServerReadyRequest(),
            v2.ServerReadyResponse,
        )
        return _of_service(answer.ready)

    async def check_service() -> Said:
        return {SERVICE: await _check(door, "")}

    views: dict[str, View] = {
        f"{door.name} ServerReady": server_ready,
        f"{door.name} Check": check_service,
        f"{door.name} index": _index(door),
    }
    for model in MODELS:
        views |= {
            f"{door.name} ModelReady {model}": _model_ready(door, model),
            f"{door.name} GetModelStatus {model}": _model_status(door, model),
            f"{door.name} Check {model}": _check_model(door, model),
        }
    return views


def _of_service(ready: bool) -> Said:  # noqa: FBT001 - the only argument
    """Return what a view of the whole service says, of which digits is the default model."""
    return {SERVICE: READY if ready else KNOWN, DEFAULT: READY if ready else READY | NOT_READY}


async def _check(door: GrpcDoor, name: str) -> frozenset[str]:
    try:
        answer = await door.call(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest(service=name),
            health_pb2.HealthCheckResponse,
        )
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return UNKNOWN
    return _SERVING[answer.status]


def _check_model(door: GrpcDoor, model: str) -> View:
    async def view() -> Said:
        return {f"model {model}": await _check(door, model)}

    return view


def _model_ready(door: GrpcDoor, model: str) -> View:
    async def ready(version: str) -> bool:
        answer = await door.call(
            "/inference.GRPCInferenceService/ModelReady",
            v2.ModelReadyRequest(name=model, version=version),
            v2.ModelReadyResponse,
        )
        return bool(answer.ready)

    async def view() -> Said:
        return {
            f"model {model}": READY if await ready("") else NOT_READY,
            f"version {model} 1": READY if await ready("1") else EVERY_STATE - READY,
        }

    return view


def _index(door: GrpcDoor) -> View:
    async def view() -> Said:
        answer = await door.call(
            "/inference.GRPCInferenceService/RepositoryIndex",
            v2.RepositoryIndexRequest(),
            v2.RepositoryIndexResponse,
        )
        said: dict[str, frozenset[str]] = {}
        for model in MODELS:
            states = {it.version: _V2_STATES[it.state] for it in answer.models if it.name == model}
            said |= _of_versions(model, states)
        return said

    return view


def _model_status(door: GrpcDoor, model: str) -> View:
    async def view() -> Said:
        request = tfs.GetModelStatusRequest()
        request.model_spec.name = model
        try:
            answer = await door.call(
                "/tensorflow.serving.ModelService/GetModelStatus",
                request,
                tfs.GetModelStatusResponse,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return _of_versions(model, {})
        return _of_status(model, answer)

    return view


def _of_status(model: str, answer: Any) -> Said:  # noqa: ANN401 - a class of the pool
    states = answer.DESCRIPTOR.fields_by_name["model_version_status"].message_type
    names = states.fields_by_name["state"].enum_type.values_by_number
    return _of_versions(
        model, {str(it.version): names[it.state].name for it in answer.model_version_status}
    )


def _of_versions(model: str, states: Mapping[str, str]) -> Said:
    """Return what the states of all versions of a model say."""
    whole = READY if AVAILABLE in states.values() else KNOWN if states else UNKNOWN
    versions = {
        f"version {model} {version}": frozenset({states.get(version, NONE)}) for version in VERSIONS
    }
    return {f"model {model}": whole, **versions}


def _rest_views(name: str, get: Get) -> dict[str, View]:
    async def server_ready() -> Said:
        status, _ = await get("v2/health/ready")
        return _of_service(_is_ready(status))

    views: dict[str, View] = {f"{name} v2/health/ready": server_ready}
    for model in MODELS:
        views |= {
            f"{name} v2 {model}": _rest_ready(get, model),
            f"{name} v1 {model}": _rest_status(get, model),
        }
    return views


def _is_ready(status: int) -> bool:
    if status not in (200, 503):
        raise Unseen
    return status == 200


def _rest_ready(get: Get, model: str) -> View:
    async def view() -> Said:
        status, _ = await get(f"v2/models/{model}/ready")
        if status == 404:
            return {f"model {model}": UNKNOWN}
        return {f"model {model}": READY if _is_ready(status) else KNOWN}

    return view


def _rest_status(get: Get, model: str) -> View:
    async def view() -> Said:
        status, body = await get(f"v1/models/{model}")
        if status == 404:
            return _of_versions(model, {})
        if status != 200:
            raise Unseen
        return _of_status(model, json_format.Parse(body, tfs.GetModelStatusResponse()))

    return view


def _readyz(listener: HttpDoor) -> View:
    async def view() -> Said:
        status, _ = await listener.get("readyz")
        return _of_service(_is_ready(status))

    return view
