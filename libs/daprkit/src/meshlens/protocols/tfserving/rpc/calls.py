"""Calls of a gRPC service: from bytes to bytes, in the application's lanes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.callers import read_caller
from meshlens.daprkit.application.keys import Key
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.origin import read_headers
from meshlens.daprkit.messages import Provenance
from meshlens.protocols.models import Array
from meshlens.protocols.tfserving.refusals import invalid
from meshlens.protocols.wire.fields import find_first_text

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came.

    Attributes:
        body: the message, not parsed yet.
        time_limit: seconds that the caller waits.
        caller: the app id of who calls; empty if no sidecar has said it.
    """

    body: bytes
    time_limit: float
    caller: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and what its event says.

    Attributes:
        body: the message.
        result: facts of the result.
        model: that answered.
        version: of the model.
        provenance: of that version; None if no model has answered.
    """

    body: bytes
    result: Mapping[str, object] | None = None
    model: str = ""
    version: str = ""
    provenance: Provenance | None = None

    @property
    def size(self) -> int:
        """The bytes of the message."""
        return len(self.body)


Endpoint: TypeAlias = Callable[[Call], Answer]


def add_service(
    application: Application,
    server: grpc.Server,
    service: str,
    methods: Mapping[str, tuple[Lane, Endpoint]],
) -> None:
    """Serve the methods of a service, each in its lane."""
    handlers = {
        name: _handle(application, f"{service}/{name}", lane, endpoint)
        for name, (lane, endpoint) in methods.items()
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])


def parse(kind: type[M], body: bytes) -> M:
    """Return the message in a request.

    Raises:
        Refused: INVALID_ARGUMENT: it is none.
    """
    try:
        return kind.FromString(body)
    except DecodeError:
        raise invalid(f"Expected a {kind.DESCRIPTOR.full_name}, got other bytes") from None


def list_shapes(tensors: Mapping[str, Array]) -> Mapping[str, object]:
    """Return what the event of a prediction says."""
    return {"shapes": {name: list(array.shape) for name, array in tensors.items()}}


def _handle(
    application: Application, method: str, lane: Lane, endpoint: Endpoint
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    def answer(body: bytes, context: grpc.ServicerContext) -> bytes:
        # Without a deadline that is more than a service allows.
        time_limit = min(application.time_limit, context.time_remaining())
        call = Call(body, time_limit, read_caller(context.invocation_metadata()))
        return application.answer(
            call,
            endpoint,
            method=method,
            lane=lane,
            protocol="tfserving",
            on_caller_gone=context.add_callback,
            key=Key.read_metadata(context.invocation_metadata(), call.caller),
            # Its name in the specification of the model, with which all requests begin.
            model=find_first_text(body, within=1),
            headers=read_headers(context.invocation_metadata()),
        ).body

    # The bytes as they are, so that they are parsed by a worker, and nothing is serialized twice.
    return grpc.unary_unary_rpc_method_handler(answer)
