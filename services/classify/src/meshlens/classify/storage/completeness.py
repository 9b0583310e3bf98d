"""Whether the files of a version are complete, and what they are.

A version is complete once a manifest beside its files names each of them with its sha256
(`SHA256SUMS`, as `sha256sum * > SHA256SUMS` writes it); without a manifest, and for files outside
its folder, once two scans in a row have found the same bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from meshlens.classify.errors import InvalidModel
from meshlens.classify.storage.source import Source

MANIFEST = "SHA256SUMS"

Digests: TypeAlias = Mapping[Path, str]


def find_files(source: Source, repository: Path) -> Iterator[Path]:
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


def digest(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_fault(source: Source, digests: Digests, *, stable: bool) -> str | None:
    """Return why a version is not complete, None if it is.

    Args:
        source: the version.
        digests: its files and their sha256.
        stable: whether they are unchanged since the previous scan.
    """
    folders = {path if path.is_dir() else path.parent for path in source.paths}
    manifests = [folder / MANIFEST for folder in folders if _is_manifest(folder / MANIFEST, source)]
    named = {path: sha256 for manifest in manifests for path, sha256 in _read_manifest(manifest)}
    for path, expected in named.items():
        if not source.places.allow(path):
            return f"{path.name} is not in the folder of models, though {MANIFEST} names it"
        if not path.is_file():
            return f"{path.name} is missing, which {MANIFEST} names"
        if (digests.get(path) or digest(path)) != expected:
            return f"{path.name} has not the sha256 that {MANIFEST} names"
    unnamed = [path for path in digests if path not in named]
    for path in unnamed:
        if any(path.is_relative_to(manifest.parent) for manifest in manifests):
            return f"{MANIFEST} does not name {path.name}; run sha256sum again over all its files"
    if not stable and (unnamed or not manifests):
        return "it may still be changing"
    return None


def _is_manifest(path: Path, source: Source) -> bool:
    return path.is_file() and source.places.allow(path)


def _read_manifest(manifest: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file that a manifest names, except itself, and its sha256 in hexadecimal."""
    for line in manifest.read_text(errors="replace").splitlines():
        sha256, _, name = line.strip().partition(" ")
        path = manifest.parent / name.lstrip(" *")
        if sha256 and path != manifest:
            yield path, sha256.lower()
