"""The listener: a thread with an event loop, which calls the application in threads of its own."""

import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from uvicorn import Config

from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.errors import CannotListen
from meshlens.daprkit.telemetry.traces import Spans
from meshlens.daprkit.transports.bodies.memory import Memory
from meshlens.daprkit.transports.http.answering import Answering, Context
from meshlens.daprkit.transports.http.probes import Probes
from meshlens.daprkit.transports.http.protocol import PatientProtocol
from meshlens.daprkit.transports.http.refusals import Answer
from meshlens.daprkit.transports.http.requests import LARGEST_HEAD
from meshlens.daprkit.transports.http.serving import BoundedServer
from meshlens.daprkit.transports.http.tls import TlsFiles

# Longer than sidecars and load balancers keep a connection that is not used, so that they are the
# ones that close it.
KEEP_ALIVE_SECONDS = 100
_BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How to listen.

    Attributes:
        address: where.
        port: the port.
        certificate: PEM file for TLS; None for plain HTTP.
        key: PEM file of its key.
        client_ca: PEM file of the authority whose clients may connect; None for all clients.
        token: the app's token; empty to take every call.
        max_body: size of the largest body in bytes.
        memory: what bodies may take.
        threads: for calls.
        grace: seconds that running requests get at the end.
    """

    address: str
    port: int
    certificate: Path | None
    key: Path | None
    client_ca: Path | None
    token: str
    max_body: int
    memory: Memory
    threads: int
    grace: float


class HttpListener:
    """Answers HTTP by an application.

    Args:
        options: how to listen.
        application: answers the calls.
        probes: what is answered without the application.
        registry: the metrics to show at `metrics`; None to show none.
        spans: creates spans; None to create none.

    Raises:
        CannotListen: the port cannot be bound, or the files of TLS cannot be used.
    """

    def __init__(
        self,
        options: HttpOptions,
        application: Application,
        probes: Probes,
        *,
        registry: CollectorRegistry | None,
        spans: Spans | None,
    ) -> None:
        tls = (
            TlsFiles(options.certificate, options.key, options.client_ca)
            if options.certificate and options.key
            else None
        )
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="http")
        self._answering = Answering(
            Context(
                application=application,
                token=options.token,
                max_body=options.max_body,
                memory=options.memory,
                executor=self._executor,
                probes=probes,
                spans=spans,
                show_metrics=_show(registry) if registry else None,
            )
        )
        config = Config(
            self._answering,
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=LARGEST_HEAD,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # It takes fractions of a second too.
            timeout_graceful_shutdown=options.grace,  # type: ignore[arg-type] # see above
        )
        # Below ERROR it says what any client can provoke, as often as it likes.
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        self._server = BoundedServer(config, self._answering.release, _listen(options), tls)
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def leave(self) -> None:
        """Ask callers to connect elsewhere, and continue to answer."""
        self._answering.leave()

    def hold(self) -> None:
        """Let no new request begin: each waits, to be refused when listening ends."""
        self._answering.hold()

    def end(self) -> None:
        """Begin to end: refuse new requests, finish running ones."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Return when everything is answered, or the grace is over."""
        self._thread.join()
        self._executor.shutdown(wait=False)


def _listen(options: HttpOptions) -> socket.socket:
    host = options.address
    try:
        listening = socket.create_server(
            (host, options.port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=_BACKLOG,
            dualstack_ipv6=host == "::",
        )
    except OSError as error:
        raise CannotListen(
            f"expected to listen on {host}, port {options.port}",
            got=str(error),
            remedy="name a free port by HTTP_PORT or an address of this host by LISTEN_ADDRESS",
        ) from error
    listening.setblocking(False)  # noqa: FBT003 - socket takes it by position
    return listening


def _show(registry: CollectorRegistry) -> Callable[[Invocation], Answer]:
    def show(call: Invocation) -> Answer:
        encode, content_type = choose_encoder(call.headers.get("accept", ""))
        return Answer(200, encode(registry), content_type)

    return show
