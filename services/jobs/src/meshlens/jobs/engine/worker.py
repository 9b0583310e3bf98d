"""The worker: takes workflows and activities from the sidecar, in threads of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from threading import Event, Thread

import structlog

from meshlens.jobs.engine import workflows
from meshlens.jobs.engine.activities import Activities, Answer, Given
from meshlens.jobs.engine.pool import Pool
from meshlens.jobs.engine.sdk import LoggerOptions, WorkflowActivityContext, WorkflowRuntime

# Threads for the turns of workflows, and for sending answers.
_THREADS = 6
# Activities that may wait in the pool: more than a dozen jobs have outstanding.
_WAITING = 1000
_READY_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_LIBRARY = "durabletask-worker"

_log = structlog.get_logger(__name__)


class Worker:
    """Works for the sidecar at a port, from `start` to `stop`; the sidecar may come and go.

    Args:
        activities: what it does.
        pool: where it does that.
        port: the sidecar's gRPC port.
    """

    def __init__(self, activities: Activities, pool: Pool, *, port: int) -> None:
        self._pool = pool
        self._runtime = WorkflowRuntime(
            host="127.0.0.1",
            port=str(port),
            logger_options=LoggerOptions(log_level="ERROR"),
            maximum_concurrent_activity_work_items=_WAITING,
            maximum_thread_pool_workers=_THREADS,
            worker_ready_timeout=_READY_SECONDS,
        )
        for name, workflow in workflows.table().items():
            self._runtime.register_workflow(workflow, name=name)
        for name, activity in activities.table().items():
            self._runtime.register_activity(_adapt(activity, pool), name=name)
        self._stopping = Event()
        self._thread = Thread(target=self._start, name="workflow-worker", daemon=True)

        # It has a line for each turn of a workflow.
        logging.getLogger(_LIBRARY).setLevel(logging.WARNING)

    def start(self) -> None:
        """Begin; returns at once, and connects as soon as there is a sidecar."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more work, and wait for what has begun."""
        self._stopping.set()
        # What waits there has no answer, so that the sidecar gives it to another worker.
        self._pool.close()
        # This ends a start, too, that waits for a sidecar.
        self._runtime.shutdown()
        self._thread.join()
        self._pool.join()

    def _start(self) -> None:
        while not self._stopping.is_set():
            try:
                self._runtime.start()
            except Exception as error:  # noqa: BLE001 - the library's own, whatever is missing
                _log.warning("no workflow engine yet", error=str(error))
                self._stopping.wait(_RETRY_SECONDS)
            else:
                _log.info("working")
                return


def _adapt(
    activity: Callable[[Given], Answer], pool: Pool
) -> Callable[[WorkflowActivityContext, Given], Awaitable[Answer]]:
    async def adapted(_: WorkflowActivityContext, given: Given) -> Answer:
        return await asyncio.wrap_future(pool.submit(given["job"], partial(activity, given)))

    return adapted
