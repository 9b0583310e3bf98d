"""A shadow in a process of its own: `python -m meshlens.classify.shadows.served FOLDER`.

`processes` starts it, as `worker_process` says. It decodes, computes and compares there, so that
the service's process does nothing for a shadow but hand over what was sent and answered.
"""

import time
from dataclasses import replace
from functools import partial
from multiprocessing.managers import BaseManager
from typing import Any

from meshlens.classify.engines.bounds import Bounds
from meshlens.classify.engines.worker_limits import (
    bound_calls,
    forbid_huge_pages,
    lift_bounds,
)
from meshlens.classify.engines.worker_server import (
    Receiver,
    open_here,
    raising_what_both_know,
    serve,
)
from meshlens.classify.serving.opening import Prepared, open_prepared
from meshlens.classify.shadows.agreement import Comparison, compare
from meshlens.classify.shadows.asking import Ask, Contents
from meshlens.classify.tasks.lens import Answer, Payload


class Worker(Receiver):
    """The version that this process has been started for.

    Args:
        bounds: what its calls may take.
    """

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds = bounds

    def open(self, prepared: Prepared, number: int) -> Contents:
        """Open it, whose bytes have this number.

        Raises:
            InvalidModel: it cannot be used.
        """
        lift_bounds()
        try:
            with raising_what_both_know():
                prepared = replace(prepared, data=self.join(number))
                self._loaded = open_prepared(prepared, partial(open_here, workers=1))
        finally:
            bound_calls(self._bounds.memory)
        return Contents(self._loaded.content, self._loaded.answerer.labels)

    def ask(
        self,
        ask: Ask,
        payload: Payload,
        options: Any,  # noqa: ANN401 - those of the method
        answer: Answer,
    ) -> tuple[Comparison, float]:
        """Return how far it agrees with an answer, and the seconds that its own took.

        Raises:
            ClassifyError: as `ask` does.
            NotEnoughMemory: it takes more memory than calls may take.
        """
        began = time.perf_counter()
        with raising_what_both_know():
            other = ask(self._loaded, payload, options)
            return compare(answer, other), time.perf_counter() - began


class ShadowManager(BaseManager):
    """Proxies of workers for the other process, by the standard library."""


ShadowManager.register("Worker", Worker, exposed=("add", "open", "ask"))

if __name__ == "__main__":
    forbid_huge_pages()
    serve(ShadowManager)
