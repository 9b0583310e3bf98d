"""The worker processes of this one, none of which a test may leave."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from processes import eventually

_MODULES = frozenset(
    {"meshlens.classify.engines.worker_server", "meshlens.classify.shadows.served"}
)


def workers() -> list[psutil.Process]:
    """The processes that run models for this one."""
    return [child for child in psutil.Process().children() if _runs_models(child)]


def _runs_models(process: psutil.Process) -> bool:
    try:
        return not _MODULES.isdisjoint(process.cmdline())
    except psutil.NoSuchProcess:  # it has ended, though nobody has waited for it yet
        return False


@contextmanager
def leaving_no_worker() -> Iterator[None]:
    """Fail unless every process ends, and end those that do not: the next test must find none."""
    try:
        yield
        eventually(lambda: not workers(), "the worker processes have ended")
    finally:
        for worker in workers():
            worker.kill()
            worker.wait()
