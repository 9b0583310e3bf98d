"""A further worker beside the app, in a process of its own.

A sidecar with two workers survives the death of either. So when its app dies, this worker goes on
until another one has come, and ends then, because the app that comes next starts its own.
"""

import os

import structlog

from meshlens.daprkit.settings import load
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.signals import EndSignals
from meshlens.daprkit.telemetry.logs import configure_logs
from meshlens.jobs.archive import Archive
from meshlens.jobs.engine.activities import Activities
from meshlens.jobs.engine.calls import Engine
from meshlens.jobs.engine.pool import Pool
from meshlens.jobs.engine.worker import Worker
from meshlens.jobs.kinds import Kinds
from meshlens.jobs.settings import Settings
from meshlens.jobs.telling import Teller

_LOOK_SECONDS = 1.0
# For the app's next start; without a sidecar, nobody will come.
_ALONE_SECONDS = 60
# Itself, and the one that it waits for.
_ENOUGH = 2

_log = structlog.get_logger(__name__)


def work(parent: int) -> int:
    """Work until SIGTERM, or until the app has died and another worker has come; return 0.

    Args:
        parent: process id of the app, which may have died before this process could look.
    """
    settings = load(Settings)
    configure_logs(f"{settings.app_id}-worker", settings.log_level)
    sidecar = Sidecar(settings)
    engine = Engine(sidecar, seconds=settings.engine_timeout)
    worker = make_worker(settings)
    with EndSignals() as signals:
        worker.start()
        while os.getppid() == parent:
            if signals.wait(_LOOK_SECONDS):
                break
        else:
            _log.warning("the app has died; this worker goes on until another comes")
            for _ in range(_ALONE_SECONDS):
                if engine.count_workers() >= _ENOUGH or signals.wait(_LOOK_SECONDS):
                    break
    worker.stop()
    sidecar.close()
    return 0


def make_worker(settings: Settings) -> Worker:
    """Return the worker of a process."""
    pool = Pool(settings.activities)
    activities = Activities(
        Kinds.of(settings.job_kinds),
        Archive(settings.jobs_folder),
        Teller(settings).tell,
        pool.is_idle,
    )
    return Worker(activities, pool, port=settings.dapr_grpc_port)
