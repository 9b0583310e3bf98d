"""The gRPC server of a service: dapr-ext-grpc's App with our interceptors, health and shutdown."""

import gc
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import structlog
from dapr.ext.grpc import App
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from meshlens.daprkit.access import TokenInterceptor
from meshlens.daprkit.admission import Admission, Places
from meshlens.daprkit.errors import CannotListen
from meshlens.daprkit.routing import Route, Router, RoutingInterceptor, Subscription
from meshlens.daprkit.settings import EventMode, ServerSettings
from meshlens.daprkit.sidecar.channel import MESSAGE_OVERHEAD, Sidecar, message_options
from meshlens.daprkit.sidecar.events import ConfirmedEvents, Events, NoEvents
from meshlens.daprkit.signals import EndSignals
from meshlens.daprkit.status import Statuses, StatusInterceptor, StatusTable
from meshlens.daprkit.telemetry import Metrics, configure_logs, configure_traces

# Threads beyond those that working requests can hold: for methods that do not work, such as
# lists and pages, and for daprd's probe (500 ms) and health checks, which never wait.
LIGHT_THREADS = 16
PROBE_THREADS = 8
# Of this name grpc.health.v1 says whether the process answers, whatever its models do; no model
# has a slash in its name.
LIVE = "/live"

_log = structlog.get_logger(__name__)


class Server:
    """One service in the mesh.

    Args:
        settings: what the environment says.
        routes: the methods it answers.
        statuses: status codes of the service's own exceptions.
        sidecar: the app's own sidecar, for the events.
        subscriptions: the topics it answers.
    """

    def __init__(
        self,
        settings: ServerSettings,
        routes: Sequence[Route],
        statuses: StatusTable,
        sidecar: Sidecar,
        subscriptions: Sequence[Subscription] = (),
    ) -> None:
        configure_logs(settings.app_id, settings.log_level)
        self._settings = settings
        self._traces = configure_traces(settings.app_id)
        self._admission = Admission(settings.workers, settings.queue_per_worker)
        self._metrics = Metrics(lambda: self._admission.places.held)
        known = Statuses(statuses)
        router = Router(
            routes,
            statuses=known,
            admission=self._admission,
            light=Places(LIGHT_THREADS),
            events=_events(settings, sidecar),
            metrics=self._metrics,
            max_body=settings.max_body,
            time_limit=settings.request_timeout,
        )
        self._app = App(
            thread_pool=ThreadPoolExecutor(
                self._admission.places.limit + LIGHT_THREADS + PROBE_THREADS,
                thread_name_prefix="call",
            ),
            interceptors=(
                self._traces.interceptor,
                StatusInterceptor(known, settings.app_id),
                TokenInterceptor(settings.app_api_token),
                RoutingInterceptor(router),
            ),
            options=[
                *message_options(settings.max_body + MESSAGE_OVERHEAD),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._app.register_health_check(lambda: None)
        for subscription in subscriptions:
            self._app.subscribe(
                settings.pubsub, subscription.topic, dead_letter_topic=subscription.dead_letter
            )(partial(router.on_event, subscription))
        self._health = health.HealthServicer()
        self._app.add_external_service(health_pb2_grpc.add_HealthServicer_to_server, self._health)
        servers: list[grpc.Server] = []
        self._app.add_external_service(lambda _, server: servers.append(server), None)
        (self._server,) = servers
        self.set_serving(LIVE, serving=True)

    def set_serving(self, name: str, *, serving: bool) -> None:
        """Say by grpc.health.v1 whether the model called `name` can be asked.

        The empty name is the service as a whole; it serves unless this says otherwise.
        """
        states = health_pb2.HealthCheckResponse
        self._health.set(name, states.SERVING if serving else states.NOT_SERVING)

    def count(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Show Prometheus a number that the service counts itself; it must never fall."""
        self._metrics.count(name, text, read)

    def start(self) -> int:
        """Listen and answer; return the port.

        Raises:
            CannotListen: the port is not to be had.
        """
        address = f"{self._settings.listen_address}:{self._settings.app_port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise CannotListen(
                f"expected to listen on {address}",
                got=str(error),
                remedy="name a free port by APP_PORT or an address of this host by LISTEN_ADDRESS",
            ) from error
        self._server.start()
        # What is there now stays: to look through it at each collection would keep callers waiting.
        gc.freeze()
        if self._settings.metrics_port:
            self._metrics.serve(self._settings.listen_address, self._settings.metrics_port)
        _log.info(
            "serving",
            address=address,
            **self._settings.model_dump(mode="json", exclude={"dapr_api_token", "app_api_token"}),
        )
        return port

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, drain, and return when everything is answered."""
        with EndSignals() as signals:
            try:
                self.start()
            except CannotListen as error:
                sys.exit(str(error))
            number = signals.wait()
            self.leave()
            # A second signal, or Ctrl-C, does not wait for the sidecar.
            if number != signal.SIGINT:
                signals.wait(self._settings.drain_seconds)
            self.stop()

    def leave(self) -> None:
        """Tell whoever asks that this replica leaves, and go on serving.

        daprd stays in the name registry while it blocks its own shutdown, so calls still arrive;
        whoever asks grpc.health.v1 hears NOT_SERVING at once. Dapr's own health check stays
        positive: an unhealthy app would end that block.
        """
        _log.info("draining", seconds=self._settings.drain_seconds)
        self._health.enter_graceful_shutdown()

    def stop(self) -> None:
        """Refuse what is new, finish what runs, and hand over the last spans."""
        self._server.stop(self._settings.stop_grace).wait()
        self._admission.close()
        self._traces.close()
        _log.info("stopped")


def _events(settings: ServerSettings, sidecar: Sidecar) -> Events:
    match settings.events:
        case EventMode.CONFIRMED:
            return ConfirmedEvents(
                sidecar,
                service=settings.app_id,
                pubsub=settings.pubsub,
                topic=settings.results_topic,
                timeout=settings.publish_timeout,
            )
        case EventMode.OFF:
            return NoEvents()
