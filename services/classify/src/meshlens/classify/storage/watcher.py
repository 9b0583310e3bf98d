"""Watches a folder of models, and reports which versions there are and which have changed."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from meshlens.classify.storage.places import ANYWHERE, Places
from meshlens.classify.storage.scanner import Scanner
from meshlens.classify.storage.source import Source

_log = logging.getLogger(__name__)


class Watcher:
    """Scans a folder when it changes, and periodically, since some file systems send no events.

    Args:
        folder: the models.
        on_scan: called with all complete versions after each scan.
        settle: seconds between two scans while a version is incomplete.
        rescan: seconds between two scans when nothing seems to change.
        places: where the files of models may be.
    """

    def __init__(
        self,
        folder: Path,
        on_scan: Callable[[Iterable[Source]], None],
        *,
        settle: float = 1.0,
        rescan: float = 30.0,
        places: Places = ANYWHERE,
    ) -> None:
        self._folder = folder
        self._on_scan = on_scan
        self._settle = settle
        self._rescan = rescan
        self._scanner = Scanner(folder, places)
        self._stopped = threading.Event()

    def start(self) -> None:
        """Watch in the background."""
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _watch(self) -> None:
        # Changes before the first tick raise no event, so the first tick always scans.
        scanned = -math.inf
        for changed in self._ticks():
            now = time.monotonic()
            if changed or self._scanner.pending or now - scanned > self._rescan:
                scanned = now
                self._scan()

    def _ticks(self) -> Iterator[bool]:
        """Yield whether something has changed, about every `settle` seconds."""
        import watchfiles  # noqa: PLC0415 - memory that a service which does not watch never needs

        milliseconds = round(self._settle * 1000)
        try:
            for changes in watchfiles.watch(
                self._folder,
                stop_event=self._stopped,
                yield_on_timeout=True,
                rust_timeout=milliseconds,
                debounce=milliseconds,
                raise_interrupt=False,
            ):
                yield bool(changes)
        except (OSError, RuntimeError) as error:
            _log.warning("%s cannot be watched (%s): scanning it periodically", self._folder, error)
        while not self._stopped.wait(self._settle):
            yield False

    def _scan(self) -> None:
        try:
            if self._folder.is_dir():
                self._on_scan(self._scanner.scan())
        except OSError as error:
            _log.warning("%s changes while it is read (%s): scanning again", self._folder, error)
