"""The service as a process: settings, sidecar, engine, workers and methods, wired."""

from collections.abc import Iterator
from contextlib import contextmanager

from meshlens.daprkit.server import Server
from meshlens.daprkit.settings import load
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.archive import Archive
from meshlens.jobs.control import Control
from meshlens.jobs.engine.calls import Engine
from meshlens.jobs.kinds import Kinds
from meshlens.jobs.processes.beside import make_worker
from meshlens.jobs.processes.children import Children
from meshlens.jobs.processes.watchdog import Watchdog
from meshlens.jobs.service import STATUS, Service
from meshlens.jobs.settings import Settings


def serve() -> int:
    """Serve and work until SIGTERM; return 0."""
    settings = load(Settings)
    sidecar = Sidecar(settings)
    engine = Engine(sidecar, seconds=settings.engine_timeout)
    control = Control(
        Kinds.of(settings.job_kinds),
        Archive(settings.jobs_folder),
        engine,
        settings.job_block,
        settings.job_window,
    )

    @contextmanager
    def work(_: Server) -> Iterator[None]:
        worker = make_worker(settings)
        children = Children(settings.job_processes - 1)
        watchdog = Watchdog(engine, settings.watchdog_seconds)
        for part in (worker, children, watchdog):
            part.start()
        try:
            yield
        finally:
            for part in (watchdog, children, worker):
                part.stop()

    Server(settings, Service(control).routes(), STATUS, sidecar, lifespan=work).run()
    sidecar.close()
    return 0
