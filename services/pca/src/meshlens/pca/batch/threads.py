"""One BLAS thread for each worker: parts are the threads, and bytes depend on no split of sums."""

import contextlib
import functools
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController, threadpool_limits


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS at one thread for the whole process until the block ends.

    It is for the main thread, around all that works on parts: OpenBLAS ignores what a thread sets
    once another one has set it.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def ensure_one_thread() -> None:
    """Set BLAS to one thread for good, unless it has one already.

    Raises:
        RuntimeError: it keeps several, since another thread has set them.
    """
    if _count_threads() > 1:
        threadpool_limits(limits=1, user_api="blas")
    if (threads := _count_threads()) > 1:
        raise RuntimeError(
            f"BLAS must have one thread while a job runs, not {threads}: run it within one_thread()"
        )


def _count_threads() -> int:
    return max((library.num_threads for library in _find_blas().lib_controllers), default=1)


@functools.cache
def _find_blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
