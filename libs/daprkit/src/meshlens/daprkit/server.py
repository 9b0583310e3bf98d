"""The server of a service: its parts put together, and its life from start to stop."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, TypeAlias

import structlog
from google.protobuf.descriptor import ServiceDescriptor

from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.admission_metrics import show_admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.callers import Administrators
from meshlens.daprkit.application.kept_answers import MOST_BYTES
from meshlens.daprkit.application.lanes import Lane, rule_lanes
from meshlens.daprkit.application.queueing.limits import GradientLimit
from meshlens.daprkit.application.recent_events import RecentEvents
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Statuses, StatusTable
from meshlens.daprkit.application.watching import watch_events
from meshlens.daprkit.errors import CannotListen, OutboxUnusable
from meshlens.daprkit.outbox.events import OutboxEvents
from meshlens.daprkit.publishing import TracedEvents, make_events
from meshlens.daprkit.settings import AdmissionMode, EventMode, ServerSettings, find_misspelt
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.signals import EndSignals
from meshlens.daprkit.telemetry.caches import Cache, Caches
from meshlens.daprkit.telemetry.logs import configure_logs
from meshlens.daprkit.telemetry.memory import read_memory
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.daprkit.telemetry.request_log import RequestLog
from meshlens.daprkit.telemetry.traces import export_spans
from meshlens.daprkit.transports.bodies.memory import Memory, choose_limit
from meshlens.daprkit.transports.health import LIVE, Health, Readiness
from meshlens.daprkit.transports.listener import GrpcListener, GrpcOptions, GrpcService
from meshlens.daprkit.transports.topics import Subscription

if TYPE_CHECKING:
    from meshlens.daprkit.transports.http.listener import HttpListener

# Threads beyond those that admitted requests can hold: for those that are read or refused.
SPARE_THREADS = 8
# Long enough to hold a sidecar's next try too, 200 ms after the last (dapr/resiliency.yaml).
HOLD_SECONDS = 0.3
# A sidecar that starts at the same time is up before; one that comes later is as welcome.
SIDECAR_SECONDS = 5.0

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
            own; requests are answered before and after.
        readiness: what of the service can be called now; by default the service as a whole. It
            calls `refresh` when that has changed.
        heeded: returns the names of headers, in lower case, that answers depend on: with another
            value a request with the same idempotency key is another one.
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
        readiness: Readiness = lambda: {"": True},
        heeded: Callable[[], Collection[str]] = tuple,
    ) -> None:
        configure_logs(settings.app_id, settings.log_level)
        self._settings = settings
        self._sidecar = sidecar
        self._lifespan = lifespan
        self._living = ExitStack()
        wants_spans = settings.otel_traces_exporter == "otlp"
        self._spans = export_spans(settings.app_id) if wants_spans else None
        self._admission = _make_admission(settings)
        known = Statuses(statuses)
        self._metrics = Metrics(
            settings.metrics_namespace,
            admitted=lambda: self._admission.slots.held,
            name_code=lambda error: known.describe(error)[0].name,
        )
        show_admission(self._metrics, self._admission)
        self._metrics.show_process(settings.app_id, settings.distribution)
        self._metrics.gauge(
            "sidecar_up", "1 while something listens at the sidecar's port.", sidecar.measure_up
        )
        publishes = settings.events is not EventMode.OFF
        keeps = settings.show_events > 0 and publishes
        self._recent = RecentEvents(settings.show_events) if keeps else None
        why_not = "SHOW_EVENTS=0" if publishes else "EVENTS=off"
        events = make_events(
            settings,
            sidecar,
            self._metrics,
            self._recent.add if self._recent else None,
            self._spans,
        )
        self._outbox = events if isinstance(events, OutboxEvents) else None
        if self._spans and publishes:
            events = TracedEvents(events, self._spans)
        self._events = events
        lanes = rule_lanes(self._admission, events, Administrators.of(settings.admin))
        self._application = application = Application(
            (*routes, watch_events(self._recent, why_not=why_not)),
            lanes=lanes,
            statuses=known,
            metrics=self._metrics,
            max_body=settings.max_body,
            time_limit=settings.request_timeout,
            domain=settings.app_id,
            log=RequestLog.of(settings.request_log),
            spans=self._spans,
            heeded=heeded,
        )
        self._caches = Caches(self._metrics)
        kept = lanes[Lane.WORK].kept
        if kept:
            self._caches.add("answers", kept)
        threads = sum(lane.slots.limit for lane in lanes.values()) + SPARE_THREADS
        self._threads = threads
        self._memory = Memory(
            settings.body_memory
            or choose_limit(
                settings.max_body,
                self._admission.slots.limit,
                read_memory().limit,
                kept=MOST_BYTES if kept else 0,
            )
        )
        self._health = Health(readiness)
        self._http: HttpListener | None = None
        self._grpc = GrpcListener(
            GrpcOptions(
                address=settings.listen_address,
                port=settings.app_port,
                token=settings.app_api_token.get_secret_value(),
                max_body=settings.max_body,
                memory=self._memory,
                threads=threads,
                grace=settings.stop_grace,
                pubsub=settings.pubsub,
            ),
            application,
            self._health,
            subscriptions=subscriptions,
            services=services,
            described=described,
            spans=self._spans,
        )

    @property
    def ready(self) -> bool:
        """Whether the service should be called, as `grpc.health.v1` says it."""
        return bool(self._health.find(""))

    def await_rest(self, seconds: float) -> bool:
        """Wait until no request waits for a worker, and one is free; return whether that has come.

        Args:
            seconds: how long to wait at most.
        """
        return self._admission.await_rest(seconds)

    def refresh(self) -> None:
        """Tell those who watch by grpc.health.v1 that what can be called has changed."""
        self._health.refresh()

    @property
    def metrics(self) -> Metrics:
        """What Prometheus reads, to which a service adds what it alone knows."""
        return self._metrics

    def show_cache(self, name: str, cache: Cache) -> None:
        """Show Prometheus how often a cache had what was wanted."""
        self._caches.add(name, cache)

    def start(self) -> int:
        """Listen and answer; return the port.

        Raises:
            CannotListen: a port cannot be bound, or the files of TLS cannot be used.
            OutboxUnusable: the folder of the outbox cannot be written to.
        """
        if self._outbox:
            self._outbox.open()
        port = self._grpc.bind()
        if self._settings.http_port:
            self._http = self._open_http()
        self._grpc.start()
        if self._http:
            self._http.start()
        # Objects that exist now stay: scanning them at each collection would delay callers.
        gc.freeze()
        if self._settings.metrics_port:
            self._metrics.serve(self._settings.listen_address, self._settings.metrics_port)
        _log.info(
            "serving",
            address=self._grpc.address,
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
            except (CannotListen, OutboxUnusable) as error:
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
        whatever shows that the service is ready denies it at once. Dapr's own health check stays
        positive: an unhealthy app would end that block.
        """
        _log.info("draining", seconds=self._settings.drain_seconds)
        self._health.leave()
        self._living.close()
        self._events.drain()
        if self._http:
            self._http.leave()
        self._release_watchers()

    def hold_late_calls(self) -> int:
        """Let no new call begin from now on, and return how many wait for `stop` to refuse them.

        The more callers wait, the fewer send a call in the very moment in which the server stops
        listening, which the library would cancel.
        """
        held = self._grpc.hold()
        if self._http:
            self._http.hold()
        return held

    def stop(self) -> None:
        """Refuse new requests, finish running ones, and export the last spans."""
        self._living.close()
        self._release_watchers()
        self._grpc.end()
        if self._http:
            self._http.end()
        self._grpc.wait()
        if self._http:
            self._http.wait()
        self._admission.close()
        if self._outbox:
            self._outbox.close()
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
                memory=self._memory,
                threads=self._threads,
                grace=settings.stop_grace,
            ),
            self._application,
            Probes({"/livez": LIVE, "/readyz": ""}, lambda name: bool(self._health.find(name))),
            registry=self._metrics.registry if settings.http_metrics else None,
            spans=self._spans,
        )

    def _release_watchers(self) -> None:
        if self._recent:
            self._recent.close()


def _make_admission(settings: ServerSettings) -> Admission:
    workers, most = settings.workers, settings.workers * settings.queue_per_worker
    adapts = settings.admission is AdmissionMode.ADAPTIVE
    limit = GradientLimit(workers, most) if adapts else None
    return Admission(workers, settings.queue_per_worker, limit)
