"""From paths to scopes: what is rendered, what a run file loads, and what is left."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from meshlens.command.diagnosis.errors import DiagnosisError
from meshlens.command.diagnosis.files.folders import list_files, list_resources
from meshlens.command.diagnosis.files.reading import MOST_BYTES, read_documents
from meshlens.command.diagnosis.files.rendering import (
    RenderingError,
    render_chart,
    render_kustomization,
)
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope, Unread
from meshlens.command.diagnosis.sidecars import find_sidecars

STANDARD_INPUT = "-"
_MOST_TOGETHER = 64 * 1024 * 1024


@dataclass(slots=True)
class Gathering:
    """What was read, and what was not.

    Attributes:
        scopes: what belongs together.
        notes: what could not be checked, and why.
    """

    scopes: list[Scope] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def gather(names: Sequence[str]) -> Gathering:
    """Read files and folders; `-` is the standard input.

    Raises:
        DiagnosisError: there is no such path, or too much below it.
    """
    gathering = Gathering()
    if STANDARD_INPUT in names:
        content = sys.stdin.buffer.read(MOST_BYTES + 1)
        gathering.scopes.append(make_scope(read_documents("standard input", content), whole=True))
    listing = list_files([Path(name) for name in names if name != STANDARD_INPUT])
    gathering.notes += listing.closed
    files = [_relative(it) for it in listing.files]
    for folder, render in (
        *((it, render_kustomization) for it in listing.kustomizations),
        *((it, render_chart) for it in listing.charts),
    ):
        try:
            rendered = render(folder)
        except RenderingError as error:
            unread = Unread(Document(str(folder), Node()), str(error), "what can be rendered")
            gathering.scopes.append(Scope([], unread=[unread]))
            continue
        if rendered is not None:
            documents = read_documents(str(folder), rendered)
            gathering.scopes.append(make_scope(documents, whole=True))
        elif render is render_chart:
            gathering.notes.append(f"{folder}: not rendered, since helm is not installed")
        else:
            gathering.notes.append(
                f"{folder}: read without its patches, since kubectl is not installed"
            )
            files += [_relative(it) for it in list_resources(folder)]
    for folder in listing.unrendered:
        gathering.notes.append(f"{folder}: read without its patches, since it is a component")
        files += [_relative(it) for it in list_resources(folder)]
    read = _read_all(dict.fromkeys(files))
    gathering.scopes += _form_scopes(read)
    texts = [(Document(str(it), Node()), _read_text(it)) for it in listing.programs]
    gathering.scopes.append(Scope([], texts=texts))
    return gathering


def make_scope(documents: Iterator[Document | Unread], *, whole: bool) -> Scope:
    """Return a scope of its own for documents; it is not whole if some could not be read."""
    read = list(documents)
    known = [it for it in read if isinstance(it, Document)]
    unread = [it for it in read if isinstance(it, Unread)]
    return Scope(
        known,
        list(chain.from_iterable(map(find_sidecars, known))),
        whole=whole and not unread,
        unread=unread,
    )


def load_folder(folder: Path) -> dict[str, list[Document | Unread]]:
    """Return what a sidecar loads from a folder of resources, which is what is right in it."""
    return load_files(sorted(folder.glob("*.y*ml")) if folder.is_dir() else [])


def load_files(files: Sequence[Path]) -> dict[str, list[Document | Unread]]:
    """Return the documents of files, by file."""
    found = dict.fromkeys(_relative(it) for it in files if it.is_file())
    return {str(file): documents for file, documents in _read_all(found).items()}


def _form_scopes(read: dict[Path, list[Document | Unread]]) -> Iterator[Scope]:
    """Yield a scope for each run file, with what it loads, then one for the rest."""
    loaded: set[str] = set()
    for path, documents in read.items():
        for document in documents:
            if isinstance(document, Document) and document.kind == "RunFile":
                whole = [document, *_load(path, document)]
                loaded |= {it.file for it in whole if isinstance(it, Document)}
                yield make_scope(iter(whole), whole=True)
    rest = [it for path, each in read.items() if str(path) not in loaded for it in each]
    yield make_scope(iter(rest), whole=False)


def _load(path: Path, run_file: Document) -> Iterator[Document | Unread]:
    """Yield what the sidecars of a run file load."""
    loaded: dict[str, list[Document | Unread]] = {}
    for part in (run_file.root.at("common"), *run_file.root.at("apps").each()):
        for entry in (part.at("resourcesPath"), *part.at("resourcesPaths").each()):
            if _is_path(entry):
                loaded |= load_folder(path.parent / entry.text)
        if _is_path(part.at("configFilePath")):
            loaded |= load_files([path.parent / part.at("configFilePath").text])
    for document in chain.from_iterable(loaded.values()):
        if isinstance(document, Unread) or document.kind not in {"RunFile", ""}:
            yield document


def _is_path(entry: Node) -> bool:
    return bool(entry.text) and "\0" not in entry.text


def _read_all(files: dict[Path, None]) -> dict[Path, list[Document | Unread]]:
    total = 0
    read: dict[Path, list[Document | Unread]] = {}
    for file in files:
        try:
            with file.open("rb") as stream:
                content = stream.read(MOST_BYTES + 1)
        except OSError as error:
            unread = Unread(Document(str(file), Node()), str(error), "a file that can be read")
            read[file] = [unread]
            continue
        total += len(content)
        if total > _MOST_TOGETHER:
            raise DiagnosisError(
                f"expected at most {_MOST_TOGETHER} bytes of YAML together, got more by {file};"
                " name folders that have less"
            )
        read[file] = list(read_documents(str(file), content))
    return read


def _read_text(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(MOST_BYTES).decode(errors="replace")


def _relative(path: Path) -> Path:
    """Return a path as people write it from here: the same file has the same path."""
    resolved = path.resolve()
    here = Path.cwd()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else resolved
