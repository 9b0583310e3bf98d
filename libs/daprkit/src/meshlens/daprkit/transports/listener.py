"""The gRPC server: dapr-ext-grpc's App with our interceptors and health, and an end of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import grpc
from dapr.ext.grpc import App
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.errors import CannotListen
from meshlens.daprkit.sidecar.limits import MESSAGE_OVERHEAD, message_options
from meshlens.daprkit.telemetry.traces import Spans
from meshlens.daprkit.transports.access import TokenInterceptor
from meshlens.daprkit.transports.bodies.memory import Memory
from meshlens.daprkit.transports.bodies.readers import Readers
from meshlens.daprkit.transports.bodies.reading import BodyInterceptor
from meshlens.daprkit.transports.errors import ErrorInterceptor
from meshlens.daprkit.transports.health import Health
from meshlens.daprkit.transports.invoke import InvokeInterceptor
from meshlens.daprkit.transports.late_calls import LateCalls
from meshlens.daprkit.transports.probe_threads import ProbeThreads, is_probe, make_probe_readers
from meshlens.daprkit.transports.reflection import serve_reflection
from meshlens.daprkit.transports.topics import Subscription, subscribe
from meshlens.daprkit.transports.trace_context import make_trace_interceptor

# Messages that may arrive at the same time, however large they may be.
_FEWEST_READERS = 4

# Adds to the server a gRPC service whose requests the application answers.
GrpcService: TypeAlias = Callable[[Application, grpc.Server], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcOptions:
    """How to listen.

    Attributes:
        address: where.
        port: the port; 0 for any that is free.
        token: the app's token; empty to take every call.
        max_body: size of the largest body in bytes.
        memory: what bodies may take.
        threads: for calls.
        grace: seconds that running requests get at the end.
        pubsub: the component of the topics.
    """

    address: str
    port: int
    token: str
    max_body: int
    memory: Memory
    threads: int
    grace: float
    pubsub: str


class GrpcListener:
    """Answers Dapr and other gRPC services by an application.

    Args:
        options: how to listen.
        application: answers the calls.
        health: what can be called now.
        subscriptions: the topics it answers.
        services: gRPC services it answers besides Dapr's.
        described: those services, as grpc.reflection describes them.
        spans: creates spans; None to create none.

    Attributes:
        address: where, with the port as it was asked for.
    """

    def __init__(
        self,
        options: GrpcOptions,
        application: Application,
        health: Health,
        *,
        subscriptions: Sequence[Subscription],
        services: Sequence[GrpcService],
        described: Sequence[ServiceDescriptor],
        spans: Spans | None,
    ) -> None:
        host = f"[{options.address}]" if ":" in options.address else options.address
        self.address = f"{host}:{options.port}"
        self._options = options
        self._streams = application.streams
        self._late_calls = LateCalls()
        self._probe_threads = ProbeThreads()
        memory, threads = options.memory, options.threads
        readers = Readers(max(_FEWEST_READERS, memory.limit // options.max_body), threads // 2)
        # Kept, since an App stops its server when it is collected.
        self._app = App(
            thread_pool=ThreadPoolExecutor(threads, thread_name_prefix="call"),
            interceptors=(
                self._probe_threads,
                make_trace_interceptor(spans),
                ErrorInterceptor(application.refuse, application.count_refusal),
                TokenInterceptor(options.token),
                self._late_calls,
                BodyInterceptor(memory, readers, lambda method: not is_probe(method)),
                BodyInterceptor(Memory(options.max_body), make_probe_readers(), is_probe),
                InvokeInterceptor(application),
            ),
            options=[
                *message_options(options.max_body + MESSAGE_OVERHEAD),
                ("grpc.so_reuseport", 0),
                # Else the library takes megabytes of each body before anything reads it.
                ("grpc.http2.bdp_probe", 0),
            ],
        )
        self._app.register_health_check(lambda: None)
        for subscription in subscriptions:
            subscribe(self._app, application, subscription, pubsub=options.pubsub)
        self._app.add_external_service(self._take_server, health)
        for add in services:
            add(application, self._server)
        serve_reflection(self._server, described, application.streams)

    def _take_server(self, health: Health, server: grpc.Server) -> None:
        """Serve health checks, and keep the server.

        The App exposes its server only to functions that add a service; we need it, because
        `App.run` cannot report the port, nor can `App.stop` let running requests finish.
        """
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        self._server = server

    def bind(self) -> int:
        """Bind the port, and return it.

        Raises:
            CannotListen: it cannot be bound.
        """
        try:
            return self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise CannotListen(
                f"expected to listen on {self.address}",
                got=str(error),
                remedy="name a free port by APP_PORT or an address of this host by LISTEN_ADDRESS",
            ) from error

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def hold(self) -> int:
        """Let no new call begin: each waits, to be refused when listening ends; return how many."""
        self._late_calls.hold()
        return self._late_calls.held

    def end(self) -> None:
        """Begin to end: listen no more, refuse new calls, finish running ones."""
        self._streams.close()
        # Else the library may close their connection before it has sent how they end.
        self._streams.await_cancelled()
        self._stopped = self._server.stop(self._options.grace)
        # By now each connection has announced its end, before whatever is answered on it.
        self._late_calls.release()

    def wait(self) -> None:
        """Return when everything is answered, or the grace is over."""
        self._stopped.wait()
        self._probe_threads.close()
