"""Sees versions come into a folder of models and go from it, and takes none that is half there.

A version counts once all its files agree with a manifest beside them (`SHA256SUMS`, what
`sha256sum * > SHA256SUMS` writes), or once two looks have found the same bytes.
"""

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source

MANIFEST = "SHA256SUMS"

_log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str]
Fingerprint: TypeAlias = tuple[tuple[str, str], ...]


class Looks:
    """What successive looks into a folder have found.

    Args:
        folder: the models.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = {_key(source) for source in find_models(folder)}
        self._seen: dict[Key, Fingerprint] = {}

    @property
    def pending(self) -> tuple[Key, ...]:
        """Models and versions that have come but are not known to be complete."""
        return tuple(self._seen)

    def take(self) -> list[Source]:
        """Look once more and return the versions that were there before or are complete.

        Raises:
            OSError: the folder cannot be read, or changes while it is.
        """
        found = {_key(source): source for source in find_models(self._folder)}
        self._known &= found.keys()
        seen = {}
        for key, source in found.items():
            if key in self._known:
                continue
            fingerprint = _fingerprint(source)
            if _agrees_with_manifest(source, stable=self._seen.get(key) == fingerprint):
                self._known.add(key)
            else:
                seen[key] = fingerprint
        self._seen = seen
        return [source for key, source in found.items() if key in self._known]


class Watcher:
    """Looks when something changes in the folder, and now and then, since not all of them tell.

    Args:
        folder: the models.
        on_look: told of the versions that count, after each look that may have found others.
        settle: seconds between two looks at a version that has come.
        rescan: seconds between two looks where nothing seems to change.
    """

    def __init__(
        self,
        folder: Path,
        on_look: Callable[[Iterable[Source]], None],
        *,
        settle: float = 1.0,
        rescan: float = 30.0,
    ) -> None:
        self._folder = folder
        self._on_look = on_look
        self._settle = settle
        self._rescan = rescan
        self._looks = Looks(folder)
        self._stopped = threading.Event()

    def start(self) -> None:
        """Watch in the background."""
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _watch(self) -> None:
        # What came before the first tick, nobody has told of: it is looked for at once.
        looked = -math.inf
        for changed in self._ticks():
            now = time.monotonic()
            if changed or self._looks.pending or now - looked > self._rescan:
                looked = now
                self._look()

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
            _log.warning("%s cannot be watched (%s): looking now and then", self._folder, error)
        while not self._stopped.wait(self._settle):
            yield False

    def _look(self) -> None:
        try:
            if self._folder.is_dir():
                self._on_look(self._looks.take())
        except OSError as error:
            _log.warning("%s changes while it is read (%s): looking again", self._folder, error)


def _key(source: Source) -> Key:
    return source.model, source.version


def _files(source: Source) -> Iterator[Path]:
    """Yield the files that make the version, its card and its labels included."""
    if source.card_path:
        yield source.card_path
    for path in source.paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        elif path.is_file():
            yield path


def _fingerprint(source: Source) -> Fingerprint:
    return tuple((str(path), _digest(path)) for path in _files(source))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _agrees_with_manifest(source: Source, *, stable: bool) -> bool:
    """Return whether a version is what its manifest says; without one, whether it is `stable`."""
    folders = {path if path.is_dir() else path.parent for path in source.paths}
    manifests = [folder / MANIFEST for folder in folders if (folder / MANIFEST).is_file()]
    if not manifests:
        return stable
    for manifest in manifests:
        for line in manifest.read_text(errors="replace").splitlines():
            digest, _, name = line.partition(" ")
            path = manifest.parent / name.lstrip(" *")
            if not path.is_file() or _digest(path) != digest:
                return False
    return True
