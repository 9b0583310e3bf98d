"""The kind of job that fits principal components to tables larger than memory."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from meshlens.batch.job import Fields
from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.jobs.addresses import Address, is_address
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.bindings.choosing import find_folder, is_pattern
from meshlens.jobs.bindings.tables import BindingFiles
from meshlens.jobs.errors import InvalidJob
from meshlens.jobs.inputs import Inputs
from meshlens.jobs.settings import Settings
from meshlens.pca.batch.fit import FitJob
from meshlens.pca.batch.sources.files import find_files, find_root
from meshlens.pca.batch.sources.table import TableSource, describe, open_table
from meshlens.pca.batch.sources.web import WebFiles
from meshlens.pca.errors import InvalidTable
from meshlens.remote.addresses import find_flaw, hide_credentials, is_remote
from meshlens.remote.ranges import Rules

_OWN = frozenset({"files", "content_type", "scores", "picture"})


class Tables(FitJob):
    """Fits a model to a table in files that all replicas of jobs see, of a binding or of the web.

    Options: files, absolute paths of files and folders, and patterns of them, or addresses of a
    binding, or of files of the web; content_type; scores, whether those of each row are wanted;
    picture, whether one is, or its options; and those of pca's method `transform`.
    """

    def __init__(self) -> None:
        super().__init__(_Opener(Settings()))

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
        local = [file for file in files if not is_address(file)]
        return super().identify(
            {
                "input": {**describe(local, content_type=content_type), "files": files},
                "options": {name: it for name, it in options.items() if name not in _OWN},
                "scores": scores,
                "picture": options.get("picture", False),
            }
        )


class _Opener:
    """Opens tables that jobs may read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inputs = Inputs.of(settings.job_inputs)
        self._sidecar = Sidecar(settings)

    def __call__(self, given: Fields, names: Sequence[str] = ()) -> TableSource:
        files: Sequence[str] = given["files"]
        if is_remote(files[0]):
            for file in files:
                self._inputs.check_web(file, "files")
            rules = Rules(
                private=self._settings.private_origins,
                whole=self._settings.max_body,
                check=self._inputs.follow,
            )
            return TableSource(given, WebFiles(files, rules), names)
        if is_address(files[0]):
            addresses = [Address.of(file, "files") for file in files]
            for address in addresses:
                name = address.name
                start = find_folder(name) if is_pattern(name) else name
                self._inputs.check_address(replace(address, name=start), "files")
            bucket = Bucket(self._sidecar, self._settings, addresses[0].binding)
            return TableSource(given, BindingFiles(bucket, addresses), names)
        # Before anything is looked for, and then whatever folders, patterns and links lead to.
        self._inputs.check(find_root(files), "files")
        with suppress(OSError, InvalidTable):  # which the source says, with what to do about it
            for file in find_files(files):
                self._inputs.check(file, "files")
        return open_table(given, names)


def _read_files(files: Any) -> Sequence[str]:  # noqa: ANN401 - whatever a caller sends
    named = [files] if isinstance(files, str) else files
    if isinstance(named, list) and named and all(isinstance(file, str) for file in named):
        if all(Path(file).is_absolute() for file in named):
            return named
        if all(map(is_remote, named)):
            return [_check_address(file) for file in named]
        addresses = [Address.of(file, "files") for file in named if is_address(file)]
        if len(addresses) == len(named) and len({each.binding for each in addresses}) == 1:
            return [str(address) for address in addresses]
    raise InvalidJob(
        "files must be absolute paths, addresses of one binding, or addresses of the web, one or a"
        " list of them",
        got=repr(files)[:200],
        remedy="name files, folders or patterns that all replicas of jobs see",
        option="files",
    )


def _check_address(file: str) -> str:
    """Return the address of a file of the web, if jobs may keep and show it."""
    flaw = find_flaw(file)
    if flaw:
        raise InvalidJob(
            "an address of the web must be that of one file, as https://host/folder/table.parquet,"
            " without credentials, since jobs keep and show it",
            got=f"{hide_credentials(file)[:200]}: {flaw}",
            remedy="correct it; for what needs credentials let the operator load a binding",
            option="files",
        )
    return file
