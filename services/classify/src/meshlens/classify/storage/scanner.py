"""Finds the versions in a folder, from one scan to the next: new, changed, complete or not yet.

Each scan compares only the sizes and times of files. The bytes are read for a version that is new
or has changed, until it is complete; then it is reported with its content, and if that is another
one than before, it is loaded anew. Until then what was there before is reported.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from meshlens.classify.storage.completeness import Digests, digest, find_fault, find_files
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.places import ANYWHERE, Places
from meshlens.classify.storage.source import Source

_log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str]
Stamp: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Look:
    """What a version looks like from outside.

    Attributes:
        source: as found in the folder.
        stamps: size, time of change and identity of each of its files.
    """

    source: Source
    stamps: Mapping[Path, Stamp]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A version that is not complete.

    Attributes:
        look: at the last scan.
        digests: of its files.
        stable: whether two scans have found the same.
    """

    look: _Look
    digests: Digests
    stable: bool


class Scanner:
    """Finds the complete versions in a folder, from one scan to the next.

    Args:
        folder: the models.
        places: where their files may be.
    """

    def __init__(self, folder: Path, places: Places = ANYWHERE) -> None:
        self._folder = folder
        self._places = places
        self._accepted: dict[Key, _Look] = {}
        self._reported: dict[Key, Source] = {}
        self._pending: dict[Key, _Pending] = {}
        self._logged: set[tuple[Key, str]] = set()
        for source in find_models(folder, places):
            self._accepted[_key(source)] = self._look_at(source)
            self._reported[_key(source)] = source

    @property
    def pending(self) -> tuple[Key, ...]:
        """Models and versions that have appeared or changed but are not complete."""
        return tuple(self._pending)

    def scan(self) -> list[Source]:
        """Return the versions that were there at the start or have been complete since.

        A version that no longer changes but is not complete is returned with that as its error.

        Raises:
            OSError: the folder cannot be read, or changes while it is.
        """
        found = {_key(source): source for source in find_models(self._folder, self._places)}
        for gone in self._reported.keys() - found.keys():
            self._accepted.pop(gone, None)
            del self._reported[gone]
        pending: dict[Key, _Pending] = {}
        for key, source in found.items():
            look = self._look_at(source)
            if self._accepted.get(key) == look:
                continue
            waiting = self._examine(look, self._pending.get(key))
            fault = find_fault(source, waiting.digests, stable=waiting.stable)
            if fault is None:
                self._accepted[key] = look
                self._reported[key] = replace(source, content=_summarize(waiting.digests))
                continue
            pending[key] = waiting
            if waiting.stable:
                self._report(key, source, fault)
        self._pending = pending
        return [self._reported[key] for key in found if key in self._reported]

    def _look_at(self, source: Source) -> _Look:
        return _Look(source, {path: _stamp(path) for path in find_files(source, self._folder)})

    def _examine(self, look: _Look, before: _Pending | None) -> _Pending:
        """Return what a version that is not accepted holds, and whether it did at the last scan."""
        if before and before.stable and before.look == look:
            return before  # its bytes have been read twice
        digests = {path: digest(path) for path in look.stamps}
        stable = (
            before is not None and before.look.source == look.source and before.digests == digests
        )
        return _Pending(look, digests, stable)

    def _report(self, key: Key, source: Source, fault: str) -> None:
        """Report a version that no longer changes and is not complete; log it once."""
        self._accepted.pop(key, None)
        self._reported[key] = replace(source, error=fault)
        if (key, fault) not in self._logged:
            self._logged.add((key, fault))
            _log.warning("model %s version %s is not complete: %s", *key, fault)


def _key(source: Source) -> Key:
    return source.model, source.version


def _summarize(digests: Digests) -> str:
    lines = [f"{path} {digests[path]}\n" for path in sorted(digests)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
