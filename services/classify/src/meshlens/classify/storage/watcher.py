"""Watches a folder of models for versions that appear or disappear, and ignores incomplete ones.

A version is complete once a manifest beside its files names each of them with its sha256
(`SHA256SUMS`, as `sha256sum * > SHA256SUMS` writes it); without a manifest, and for files outside
its folder, once two scans in a row have found the same bytes.
"""

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from meshlens.classify.errors import InvalidModel
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.source import Source

MANIFEST = "SHA256SUMS"

_log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str]
Digests: TypeAlias = Mapping[Path, str]


class Scanner:
    """Finds the complete versions in a folder, from one scan to the next.

    Args:
        folder: the models.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = {_key(source) for source in find_models(folder)}
        self._seen: dict[Key, Digests] = {}
        self._reported: set[tuple[Key, str]] = set()

    @property
    def pending(self) -> tuple[Key, ...]:
        """Models and versions that have appeared but are not complete."""
        return tuple(self._seen)

    def scan(self) -> list[Source]:
        """Return the versions that were there at the start or are complete by now.

        Raises:
            OSError: the folder cannot be read, or changes while it is.
        """
        found = {_key(source): source for source in find_models(self._folder)}
        self._known &= found.keys()
        seen: dict[Key, Digests] = {}
        for key, source in found.items():
            if key in self._known:
                continue
            digests = {path: _digest(path) for path in _files(source, self._folder)}
            stable = self._seen.get(key) == digests
            fault = _find_fault(source, digests, stable=stable)
            if fault is None:
                self._known.add(key)
                continue
            seen[key] = digests
            if stable:
                self._report(key, fault)
        self._seen = seen
        return [source for key, source in found.items() if key in self._known]

    def _report(self, key: Key, fault: str) -> None:
        """Log once why a version that no longer changes is not accepted."""
        if (key, fault) not in self._reported:
            self._reported.add((key, fault))
            _log.warning("model %s version %s is not complete: %s", *key, fault)


class Watcher:
    """Scans a folder when it changes, and periodically, since some file systems send no events.

    Args:
        folder: the models.
        on_scan: called with all complete versions after each scan.
        settle: seconds between two scans while a version is incomplete.
        rescan: seconds between two scans when nothing seems to change.
    """

    def __init__(
        self,
        folder: Path,
        on_scan: Callable[[Iterable[Source]], None],
        *,
        settle: float = 1.0,
        rescan: float = 30.0,
    ) -> None:
        self._folder = folder
        self._on_scan = on_scan
        self._settle = settle
        self._rescan = rescan
        self._scanner = Scanner(folder)
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


def _key(source: Source) -> Key:
    return source.model, source.version


def _files(source: Source, repository: Path) -> Iterator[Path]:
    """Yield the files that make the version, its card and its labels included."""
    if source.card_path:
        yield source.card_path
    for path in source.paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if _counts(file, path))
        elif path.is_file():
            yield path
    with suppress(InvalidModel):  # without one model file nothing belongs to it
        for beside in (source.label_file(repository), source.subject_file):
            if beside and beside.is_file():
                yield beside


def _counts(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and file != folder / MANIFEST


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _find_fault(source: Source, digests: Digests, *, stable: bool) -> str | None:
    """Return why a version is not complete, None if it is.

    Args:
        source: the version.
        digests: its files and their sha256.
        stable: whether they are unchanged since the previous scan.
    """
    folders = {path if path.is_dir() else path.parent for path in source.paths}
    manifests = [folder / MANIFEST for folder in folders if (folder / MANIFEST).is_file()]
    named = {path: digest for manifest in manifests for path, digest in _read_manifest(manifest)}
    for path, digest in named.items():
        if not path.is_file():
            return f"{path.name} is missing, which {MANIFEST} names"
        if (digests.get(path) or _digest(path)) != digest:
            return f"{path.name} has not the sha256 that {MANIFEST} names"
    unnamed = [path for path in digests if path not in named]
    for path in unnamed:
        if any(path.is_relative_to(manifest.parent) for manifest in manifests):
            return f"{MANIFEST} does not name {path.name}; run sha256sum again over all its files"
    if not stable and (unnamed or not manifests):
        return "it may still be changing"
    return None


def _read_manifest(manifest: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file that a manifest names, except itself, and its sha256 in hexadecimal."""
    for line in manifest.read_text(errors="replace").splitlines():
        digest, _, name = line.strip().partition(" ")
        path = manifest.parent / name.lstrip(" *")
        if digest and path != manifest:
            yield path, digest.lower()
