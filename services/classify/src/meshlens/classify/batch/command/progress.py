"""What a terminal shows while pictures are answered: how many of all, and how many a second."""

import sys
import threading
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from meshlens.batch.loop import Progress


class Bar:
    """Counts pictures; several threads may tell it of theirs.

    Args:
        total: pictures of the job.

    Attributes:
        answered: pictures that have got their rows since it was made.
        done: those, and those that had them before.
    """

    def __init__(self, total: int) -> None:
        self.answered = self.done = 0
        self._began = False
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._bar = tqdm(
            total=total,
            unit="picture",
            leave=False,
            disable=None,  # unless stderr is a terminal
            file=sys.stderr,
        )

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._start

    def begin(self, progress: Progress) -> None:
        """Count the pictures of parts that were done before; later calls change nothing."""
        if not self._began:
            self._began = True
            self._count(progress.rows)
            self._bar.initial = self.done

    def add(self, rows: int, restored: bool) -> None:  # noqa: FBT001 - as OnRows is called
        """Count the rows of some pictures."""
        self._count(rows)
        if not restored:
            with self._lock:
                self.answered += rows

    def _count(self, pictures: int) -> None:
        with self._lock:
            self.done += pictures
            self._bar.update(pictures)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
