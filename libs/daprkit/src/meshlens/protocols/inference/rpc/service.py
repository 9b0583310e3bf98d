"""The gRPC services: which function answers which call, in which lane."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.lanes import Lane
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.inference.rpc import repository
from meshlens.protocols.inference.rpc.descriptions import (
    make_config,
    make_metadata,
    make_server_metadata,
    make_statistics,
)
from meshlens.protocols.inference.rpc.inference import (
    INFERENCE,
    Received,
    make_infer_handler,
    make_stream_handler,
    receive,
)
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.wire import inference_pb2 as pb

# MLServer has the calls of the repository in a service of their own as well.
REPOSITORY = "inference.model_repository.ModelRepositoryService"

# What answers a message, in which lane; the types of both are the call's.
Call: TypeAlias = tuple[type[Any], Callable[[Any], Message], Lane]


@dataclass(frozen=True, slots=True)
class Answered:
    """A message that answers; `application.Outgoing`."""

    message: Message
    model: str = ""
    version: str = ""
    result: Mapping[str, Any] | None = None
    provenance: None = None

    @property
    def size(self) -> int:
        """The bytes of the message."""
        return self.message.ByteSize()


class InferenceServices:
    """Both services, as `transports.listener.GrpcService`.

    Args:
        server: answers the calls.
    """

    def __init__(self, server: InferenceServer) -> None:
        self._server = server

    def __call__(self, application: Application, grpc_server: grpc.Server) -> None:
        """Let the application answer the calls of both services."""
        in_repository = self._calls_of_repository()
        calls = self._calls() | in_repository
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: _make_handler(application, name, call) for name, call in calls.items()
        }
        inference: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "ModelInfer": make_infer_handler(application, self._server),
            "ModelStreamInfer": make_stream_handler(application, self._server),
        }
        grpc_server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(INFERENCE, handlers | inference),
                grpc.method_handlers_generic_handler(
                    REPOSITORY, {name: handlers[name] for name in in_repository}
                ),
            )
        )

    def _calls(self) -> dict[str, Call]:
        server = self._server
        return {
            "ServerLive": (
                pb.ServerLiveRequest,
                lambda _: pb.ServerLiveResponse(live=True),
                Lane.LIGHT,
            ),
            "ServerReady": (
                pb.ServerReadyRequest,
                lambda _: pb.ServerReadyResponse(ready=server.ready),
                Lane.LIGHT,
            ),
            "ModelReady": (
                pb.ModelReadyRequest,
                lambda it: pb.ModelReadyResponse(ready=server.is_ready(it.name, it.version)),
                Lane.LIGHT,
            ),
            "ServerMetadata": (
                pb.ServerMetadataRequest,
                lambda _: make_server_metadata(server.metadata),
                Lane.LIGHT,
            ),
            "ModelMetadata": (
                pb.ModelMetadataRequest,
                lambda it: make_metadata(server.describe(it.name, it.version)),
                Lane.LIGHT,
            ),
            "ModelConfig": (
                pb.ModelConfigRequest,
                lambda it: make_config(server.describe(it.name, it.version)),
                Lane.LIGHT,
            ),
            "ModelStatistics": (
                pb.ModelStatisticsRequest,
                lambda it: make_statistics(server.statistics(it.name, it.version)),
                Lane.LIGHT,
            ),
        }

    def _calls_of_repository(self) -> dict[str, Call]:
        server = self._server
        return {
            "RepositoryIndex": (
                pb.RepositoryIndexRequest,
                partial(repository.index, server),
                Lane.LIGHT,
            ),
            "RepositoryModelLoad": (
                pb.RepositoryModelLoadRequest,
                partial(repository.load, server),
                Lane.ADMIN,
            ),
            "RepositoryModelUnload": (
                pb.RepositoryModelUnloadRequest,
                partial(repository.unload, server),
                Lane.ADMIN,
            ),
        }


def _make_handler(
    application: Application, name: str, call: Call
) -> "grpc.RpcMethodHandler[bytes, Answered]":
    kind, respond, lane = call

    def read_and_respond(received: Received) -> Answered:
        try:
            request = kind.FromString(received.body)
        except DecodeError:
            raise invalid(f"expected a {kind.__name__}, got bytes that are none") from None
        return Answered(respond(request))

    def answer(body: bytes, context: grpc.ServicerContext) -> Answered:
        return application.answer(
            receive(body, application, context),
            read_and_respond,
            method=f"{INFERENCE}/{name}",
            lane=lane,
            protocol="grpc",
            on_caller_gone=context.add_callback,
        )

    return grpc.unary_unary_rpc_method_handler(
        answer, response_serializer=lambda answered: answered.message.SerializeToString()
    )
