"""The gRPC server of a service: dapr-ext-grpc's App with our interceptors, health and shutdown."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, TypeAlias

import grpc
import structlog
from dapr.ext.grpc import App
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.events import Events, NoEvents
from meshlens.daprkit.application.lanes import rule_lanes
from meshlens.daprkit.application.recent_events import RecentEvents
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Statuses, StatusTable
from meshlens.daprkit.application.watching import watch_events
from meshlens.daprkit.errors import CannotListen
from meshlens.daprkit.settings import EventMode, ServerSettings, find_misspelt
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.events import ConfirmedEvents
from meshlens.daprkit.sidecar.limits import MESSAGE_OVERHEAD, message_options
from meshlens.daprkit.signals import EndSignals
from meshlens.daprkit.telemetry.logs import configure_logs
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.daprkit.telemetry.traces import export_spans
from meshlens.daprkit.transports.access import TokenInterceptor
from meshlens.daprkit.transports.errors import ErrorInterceptor
from meshlens.daprkit.transports.invoke import InvokeInterceptor
from meshlens.daprkit.transports.late_calls import LateCalls
from meshlens.daprkit.transports.reflection import serve_reflection
from meshlens.daprkit.transports.topics import Subscription, subscribe
from meshlens.daprkit.transports.trace_context import make_trace_interceptor

if TYPE_CHECKING:
    from meshlens.daprkit.transports.http.listener import HttpListener

# Threads beyond those that admitted requests can hold: for daprd's probe (500 ms) and health
# checks, which never wait.
PROBE_THREADS = 8
# Long enough to hold a sidecar's next try too, 200 ms after the last (dapr/resiliency.yaml).
HOLD_SECONDS = 0.3
# A sidecar that starts at the same time is up before; one that comes later is as welcome.
SIDECAR_SECONDS = 5.0
# Under this name grpc.health.v1 reports whether the process is alive, whatever the state of its
# models; model names contain no slash.
LIVE = "/live"

# Adds to the server a gRPC service whose requests the application answers.
GrpcService: TypeAlias = Callable[[Application, grpc.Server], None]
# Entered once the port answers, left when the service drains.
Lifespan: TypeAlias = Callable[["Server"], AbstractContextManager[None]]

_log = structlog.get_logger(__name__)


class Server:
    """One service in the mesh.

    Args:
        settings: read from the environment.
        routes: the methods it answers.
        statuses: status codes of the service's own exceptions.
        sidecar: the app's own sidecar, for the events.
        subscriptions: the topics it answers.
        services: gRPC services it answers besides Dapr's.
        described: those services, as grpc.reflection describes them.
        lifespan: what the service does while it serves, such as loading and watching models. It
            is entered once the port answers, and exited when it should begin no new work of its
            own; requests are answered before and after. A service that must not be called before
            then calls `set_serving("", serving=False)` before it runs.
    """

    def __init__(
        self,
        settings: ServerSettings,
        routes: Sequence[Route],
        statuses: StatusTable,
        sidecar: Sidecar,
        subscriptions: Sequence[Subscription] = (),
        *,
        services: Sequence[GrpcService] = (),
        described: Sequence[ServiceDescriptor] = (),
        lifespan: Lifespan | None = None,
    ) -> None:
        configure_logs(settings.app_id, settings.log_level)
        self._settings = settings
        self._sidecar = sidecar
        self._lifespan = lifespan
        self._living = ExitStack()
        wants_spans = settings.otel_traces_exporter == "otlp"
        self._spans = export_spans(settings.app_id) if wants_spans else None
        self._admission = Admission(settings.workers, settings.queue_per_worker)
        known = Statuses(statuses)
        self._metrics = Metrics(
            settings.metrics_namespace,
            admitted=lambda: self._admission.slots.held,
            name_code=lambda error: known.describe(error)[0].name,
        )
        confirmed = settings.events is EventMode.CONFIRMED
        keeps = settings.show_events > 0 and confirmed
        self._recent = RecentEvents(settings.show_events) if keeps else None
        why_not = "SHOW_EVENTS=0" if confirmed else "EVENTS=off"
        lanes = rule_lanes(self._admission, _make_events(settings, sidecar, self._recent))
        self._application = application = Application(
            (*routes, watch_events(self._recent, why_not=why_not)),
            lanes=lanes,
            statuses=known,
            metrics=self._metrics,
            max_body=settings.max_body,
            time_limit=settings.request_timeout,
            domain=settings.app_id,
        )
        threads = sum(lane.slots.limit for lane in lanes.values()) + PROBE_THREADS
        self._threads = threads
        self._http: HttpListener | None = None
        self._streams = application.streams
        self._late_calls = LateCalls()
        # Kept, since an App stops its server when it is collected.
        self._app = App(
            thread_pool=ThreadPoolExecutor(threads, thread_name_prefix="call"),
            interceptors=(
                make_trace_interceptor(self._spans),
                ErrorInterceptor(application.refuse),
                TokenInterceptor(settings.app_api_token.get_secret_value()),
                self._late_calls,
                InvokeInterceptor(application),
            ),
            options=[
                *message_options(settings.max_body + MESSAGE_OVERHEAD),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._app.register_health_check(lambda: None)
        for subscription in subscriptions:
            subscribe(self._app, application, subscription, pubsub=settings.pubsub)
        self._health = health.HealthServicer()
        self._app.add_external_service(self._take_server, self._health)
        for add in services:
            add(application, self._server)
        serve_reflection(self._server, described, application.streams)
        self.set_serving(LIVE, serving=True)

    def _take_server(self, health: health.HealthServicer, server: grpc.Server) -> None:
        """Serve health checks, and keep the server.

        The App exposes its server only to functions that add a service; we need it, because
        `App.run` cannot report the port, nor can `App.stop` let running requests finish.
        """
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        self._server = server

    def set_serving(self, name: str, *, serving: bool) -> None:
        """Report by grpc.health.v1 whether the model called `name` can be called.

        The empty name is the service as a whole, which is SERVING by default.
        """
        states = health_pb2.HealthCheckResponse
        self._health.set(name, states.SERVING if serving else states.NOT_SERVING)

    def count(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Show Prometheus a number that the service counts itself, under its whole name.

        It must never fall.
        """
        self._metrics.count(name, text, read)

    def start(self) -> int:
        """Listen and answer; return the port.

        Raises:
            CannotListen: a port cannot be bound, or the files of TLS cannot be used.
        """
        listen = self._settings.listen_address
        host = f"[{listen}]" if ":" in listen else listen
        address = f"{host}:{self._settings.app_port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise CannotListen(
                f"expected to listen on {address}",
                got=str(error),
                remedy="name a free port by APP_PORT or an address of this host by LISTEN_ADDRESS",
            ) from error
        if self._settings.http_port:
            self._http = self._open_http()
        self._server.start()
        if self._http:
            self._http.start()
        # Objects that exist now stay: scanning them at each collection would delay callers.
        gc.freeze()
        if self._settings.metrics_port:
            self._metrics.serve(listen, self._settings.metrics_port)
        _log.info(
            "serving",
            address=address,
            **self._settings.model_dump(mode="json", exclude={"dapr_api_token", "app_api_token"}),
        )
        for name, meant in find_misspelt(self._settings, os.environ):
            _log.warning("unknown setting", name=name, did_you_mean=meant)
        self._sidecar.watch_arrival(SIDECAR_SECONDS)
        if self._lifespan:
            self._living.enter_context(self._lifespan(self))
        return port

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, drain, and return when everything is answered."""
        with EndSignals() as signals:
            try:
                self.start()
            except CannotListen as error:
                sys.exit(str(error))
            number = signals.wait()
            self.drain()
            # A second signal, or Ctrl-C, does not wait for the sidecar.
            if number != signal.SIGINT:
                signals.wait(self._settings.drain_seconds)
            self.hold_late_calls()
            signals.wait(HOLD_SECONDS)
            self.stop()

    def drain(self) -> None:
        """Announce that this replica is shutting down, and continue to serve.

        daprd stays in the name registry while it blocks its own shutdown, so calls still arrive;
        grpc.health.v1 answers NOT_SERVING at once. Dapr's own health check stays positive: an
        unhealthy app would end that block.
        """
        _log.info("draining", seconds=self._settings.drain_seconds)
        self._health.enter_graceful_shutdown()
        if self._http:
            self._http.leave()
        self._release_watchers()
        self._living.close()

    def hold_late_calls(self) -> int:
        """Let no new call begin from now on, and return how many wait for `stop` to refuse them.

        The more callers wait, the fewer send a call in the very moment in which the server stops
        listening, which the library would cancel.
        """
        self._late_calls.hold()
        if self._http:
            self._http.hold()
        return self._late_calls.held

    def stop(self) -> None:
        """Refuse new requests, finish running ones, and export the last spans."""
        self._living.close()
        self._release_watchers()
        self._streams.close()
        stopped = self._server.stop(self._settings.stop_grace)
        if self._http:
            self._http.end()
        # By now each connection has announced its end, before whatever is answered on it.
        self._late_calls.release()
        stopped.wait()
        if self._http:
            self._http.wait()
        self._admission.close()
        if self._spans:
            self._spans.close()
        _log.info("stopped")

    def _open_http(self) -> "HttpListener":
        # Only replicas that answer HTTP load its server.
        from meshlens.daprkit.transports.http.listener import (  # noqa: PLC0415 - see above
            HttpListener,
            HttpOptions,
        )
        from meshlens.daprkit.transports.http.probes import Probes  # noqa: PLC0415 - see above

        settings = self._settings
        return HttpListener(
            HttpOptions(
                address=settings.listen_address,
                port=settings.http_port,
                certificate=settings.http_certificate,
                key=settings.http_key,
                client_ca=settings.http_client_ca,
                token=settings.app_api_token.get_secret_value(),
                max_body=settings.max_body,
                most_bodies=self._admission.slots.limit,
                threads=self._threads,
                grace=settings.stop_grace,
            ),
            self._application,
            Probes({"/livez": LIVE, "/readyz": ""}, self._is_serving),
            registry=self._metrics.registry if settings.http_metrics else None,
            spans=self._spans,
        )

    def _is_serving(self, name: str) -> bool:
        states = health_pb2.HealthCheckResponse
        # It uses the context for names that it does not know only.
        answer = self._health.Check(health_pb2.HealthCheckRequest(service=name), None)
        return bool(answer.status == states.SERVING)

    def _release_watchers(self) -> None:
        if self._recent:
            self._recent.close()


def _make_events(settings: ServerSettings, sidecar: Sidecar, recent: RecentEvents | None) -> Events:
    match settings.events:
        case EventMode.CONFIRMED:
            return ConfirmedEvents(
                sidecar,
                service=settings.app_id,
                event_type=settings.event_type,
                pubsub=settings.pubsub,
                topic=settings.results_topic,
                timeout=settings.publish_timeout,
                on_published=recent.add if recent else None,
            )
        case EventMode.OFF:
            return NoEvents()
