"""The kind of job that fits principal components to tables larger than memory."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from meshlens.batch.job import Fields
from meshlens.jobs.errors import InvalidJob
from meshlens.jobs.inputs import Inputs
from meshlens.jobs.settings import Settings
from meshlens.pca.batch.fit import FitJob
from meshlens.pca.batch.sources.files import find_files, find_root
from meshlens.pca.batch.sources.table import TableSource, describe, open_table
from meshlens.pca.errors import InvalidTable

_OWN = frozenset({"files", "content_type", "scores"})


class Tables(FitJob):
    """Fits a model to a table in files that all replicas of jobs see.

    Options: files, absolute paths of files and folders, and patterns of them; content_type;
    scores, whether those of each row are wanted; and those of pca's method `transform`.
    """

    def __init__(self) -> None:
        super().__init__(partial(_open_allowed, Inputs.of(Settings().job_inputs)))

    def identify(self, options: Fields) -> Fields:
        """Return the options in full, and what the files are now."""
        files = _read_files(options.get("files"))
        content_type, scores = options.get("content_type", ""), options.get("scores", False)
        if not isinstance(content_type, str) or not isinstance(scores, bool):
            raise InvalidJob(
                "content_type must be text, and scores true or false",
                got=f"{content_type!r}, {scores!r}",
                remedy="correct them or leave them out",
                option="options",
            )
        return super().identify(
            {
                "input": describe(files, content_type=content_type),
                "options": {name: it for name, it in options.items() if name not in _OWN},
                "scores": scores,
            }
        )


def _open_allowed(inputs: Inputs, given: Fields, names: Sequence[str]) -> TableSource:
    # Before anything is looked for, and then whatever folders, patterns and links lead to.
    inputs.check(find_root(given["files"]), "files")
    with suppress(OSError, InvalidTable):  # which the source says, with what to do about it
        for file in find_files(given["files"]):
            inputs.check(file, "files")
    return open_table(given, names)


def _read_files(files: Any) -> Sequence[str]:  # noqa: ANN401 - whatever a caller sends
    named = [files] if isinstance(files, str) else files
    if (
        not isinstance(named, list)
        or not named
        or not all(isinstance(file, str) and Path(file).is_absolute() for file in named)
    ):
        raise InvalidJob(
            "files must be absolute paths, one or a list of them",
            got=repr(files)[:200],
            remedy="name files, folders or patterns that all replicas of jobs see",
            option="files",
        )
    return named
