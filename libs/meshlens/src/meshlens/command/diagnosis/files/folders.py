"""Which files are below a folder, and which of its folders are rendered as a whole."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshlens.command.diagnosis.errors import DiagnosisError
from meshlens.command.diagnosis.files.reading import read_documents
from meshlens.command.diagnosis.nodes import Document

_MOST_FILES = 5_000
_YAML = (".yaml", ".yml")
_PROGRAMS = (".go", ".java", ".js", ".mjs", ".py", ".ts", ".cs")
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_REFERENCES = ("resources", "bases", "components")
_ELSEWHERE = ("node_modules", "vendor", "site-packages")


@dataclass(frozen=True, slots=True)
class Listing:
    """What is below some folders.

    Attributes:
        files: YAML that is read as it is.
        programs: sources of programs.
        kustomizations: folders that no other kustomization refers to.
        unrendered: components of kustomizations that nobody refers to: not to be rendered alone.
        charts: folders of Helm charts.
        closed: folders that this user cannot read.
    """

    files: Sequence[Path]
    programs: Sequence[Path]
    kustomizations: Sequence[Path]
    unrendered: Sequence[Path]
    charts: Sequence[Path]
    closed: Sequence[str]


def list_files(paths: Sequence[Path]) -> Listing:
    """Return what is in these files and folders.

    Raises:
        DiagnosisError: there is no such path, or too much below it.
    """
    found: dict[Path, None] = {}
    closed: list[str] = []
    for path in paths:
        if not path.exists():
            raise DiagnosisError(f"expected a file or a folder, got {path}, which is not there")
        for file in _walk(path, closed) if path.is_dir() else [path]:
            found[file] = None
            if len(found) > _MOST_FILES:
                raise DiagnosisError(
                    f"expected at most {_MOST_FILES} files, got more below {path}; name folders"
                    " that have less"
                )
    files = list(found)
    charts = [file.parent for file in files if file.name == "Chart.yaml"]
    charts = [it for it in charts if not any(other in it.parents for other in charts)]
    files = [it for it in files if not any(chart in it.parents for chart in charts)]
    kustomizations = {it.parent: _references(it) for it in files if it.name in _KUSTOMIZATIONS}
    referred = {each for _, folders in kustomizations.values() for each in folders}
    alone = [folder for folder in kustomizations if folder.resolve() not in referred]
    parts = [folder for folder in alone if kustomizations[folder][0] == "Component"]
    return Listing(
        files=[
            it
            for it in files
            if it.suffix in _YAML and not any(folder in it.parents for folder in kustomizations)
        ],
        programs=[it for it in files if it.suffix in _PROGRAMS],
        kustomizations=[folder for folder in alone if folder not in parts],
        unrendered=parts,
        charts=charts,
        closed=closed,
    )


def list_resources(kustomization: Path) -> list[Path]:
    """Return the files that a kustomization and those below it add; patches are none."""
    found: dict[Path, None] = {}
    waiting, seen = [kustomization.resolve()], set[Path]()
    while waiting:
        folder = waiting.pop()
        if folder in seen or len(seen) > _MOST_FILES:
            continue
        seen.add(folder)
        for name in _KUSTOMIZATIONS:
            if (folder / name).is_file():
                _, folders = _references(folder / name)
                waiting += [it for it in folders if it.is_dir()]
                found |= dict.fromkeys(it for it in folders if it.is_file())
    return list(found)


def _walk(folder: Path, closed: list[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=lambda it: closed.append(str(it))):
        folders[:] = sorted(it for it in folders if it[0] != "." and it not in _ELSEWHERE)
        for name in sorted(names):
            path = Path(parent, name)
            wanted = path.suffix in (*_YAML, *_PROGRAMS) or name in _KUSTOMIZATIONS
            if wanted and path.is_file():
                yield path


def _references(kustomization: Path) -> tuple[str, list[Path]]:
    """Return the kind of a kustomization, and the files and folders that it refers to."""
    kind, folders = "", []
    for document in read_documents(str(kustomization), kustomization.read_bytes()):
        if isinstance(document, Document):
            kind = kind or document.kind
            for key in _REFERENCES:
                folders += [
                    (kustomization.parent / entry.text).resolve()
                    for entry in document.root.at(key).each()
                    if "\0" not in entry.text
                ]
    return kind, folders
