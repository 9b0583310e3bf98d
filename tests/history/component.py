"""A pub/sub component of Dapr that fails by a script: a program beside daprd, at a Unix socket.

daprd finds it in the folder of its sockets and calls it by gRPC. Of its messages only one field is
read, and none is written: the data of PublishRequest is field 1, as the value of BytesValue.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from pathlib import Path
from typing import Any, Self

import grpc
from google.protobuf import empty_pb2, wrappers_pb2
from grpc_reflection.v1alpha import reflection

_SERVICE = "dapr.proto.components.v1.PubSub"
_WORKERS = 32


class Act(Enum):
    """What the component does with an event."""

    ACCEPT = auto()
    REFUSE = auto()
    """It fails, and the event is not accepted."""
    DENY = auto()
    """It accepts the event, and says that it has failed."""
    HANG = auto()
    """It neither answers nor accepts, until the publisher gives up."""
    DELAY = auto()
    """It accepts the event only after the publisher has given up."""


class Component:
    """Listens while it is entered; accepts every event unless there is a script.

    Args:
        socket: where; its name without the suffix is the type of the component.

    Attributes:
        accepted: the data of the CloudEvents that it has accepted, in their order.
    """

    def __init__(self, socket: Path) -> None:
        self.accepted: list[dict[str, Any]] = []
        self._script: list[Act] = []
        self._done = threading.Condition()
        self._server = grpc.server(ThreadPoolExecutor(_WORKERS))
        handlers: Mapping[str, Callable[[bytes, grpc.ServicerContext], bytes]] = {
            "Init": self._agree,
            "Features": self._agree,
            "Ping": self._agree,
            "Publish": self._publish,
        }
        methods: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(handler) for name, handler in handlers.items()
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE, methods),)
        )
        reflection.enable_server_reflection((_SERVICE, reflection.SERVICE_NAME), self._server)
        self._server.add_insecure_port(f"unix:{socket}")

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(0).wait()

    def follow(self, script: Sequence[Act]) -> None:
        """Do one of these after the other with the next events, and then accept all."""
        with self._done:
            self._script = list(script)

    def is_done(self) -> bool:
        """Whether the script is over."""
        with self._done:
            return not self._script

    def _agree(self, _: bytes, __: grpc.ServicerContext) -> bytes:
        answer: bytes = empty_pb2.Empty().SerializeToString()
        return answer

    def _publish(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        with self._done:
            act = self._script.pop(0) if self._script else Act.ACCEPT
        if act in (Act.HANG, Act.DELAY):
            given_up = threading.Event()
            if context.add_callback(given_up.set):
                given_up.wait()
        if act in (Act.ACCEPT, Act.DENY, Act.DELAY):
            data = wrappers_pb2.BytesValue.FromString(request).value
            with self._done:
                self.accepted.append(json.loads(data))
        if act is not Act.ACCEPT:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"the script says {act.name}")
        return self._agree(request, context)
