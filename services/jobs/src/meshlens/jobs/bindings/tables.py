"""Tables that are objects behind a binding."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from meshlens.batch.errors import PartFailed
from meshlens.batch.job import Fields
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.sidecar.object_lists import Listed
from meshlens.jobs.addresses import Address
from meshlens.jobs.bindings.bucket import Bucket
from meshlens.jobs.bindings.choosing import (
    find_folder,
    find_root,
    is_hidden,
    is_pattern,
    matches,
)
from meshlens.pca.batch.sources.opening import File, LoadedFile
from meshlens.pca.errors import InvalidTable


class BindingFiles:
    """The objects of a binding that a table consists of; their names are addresses.

    The plan reads each object and notes its digest, so that all parts and stages that read it
    again see the same bytes, whatever its list says of changes.

    Args:
        bucket: where they are.
        named: objects, folders and patterns, all of one binding.
    """

    def __init__(self, bucket: Bucket, named: Sequence[Address]) -> None:
        self._bucket = bucket
        self._named = named
        self._binding = named[0].binding
        self._root = find_root([address.name for address in named])

    def list(self) -> Iterator[tuple[str, Fields]]:
        """Yield the objects, sorted by name, with their sizes and marks as far as these are known.

        Raises:
            InvalidTable: there are none, one is named twice, or a folder holds folders.
            InputUnavailable: they cannot be listed.
        """
        found: dict[str, Listed] = {}
        for address in self._named:
            for listed in self._expand(address):
                if listed.name in found:
                    raise InvalidTable(
                        "each object must be named once",
                        got=f"{listed.name} more than once",
                        remedy="leave it out of the list, or of the folder",
                    )
                found[listed.name] = listed
        for name in sorted(found):
            yield str(Address(self._binding, name)), _describe(found[name])

    @contextmanager
    def open(self, name: str, state: Fields) -> Iterator[File]:
        """Read an object, and see that it is the one whose state is known.

        Raises:
            InvalidTable: it cannot be read.
            InputChanged: it is not what was listed any more.
            PartFailed: nothing can be read now.
        """
        listed = Listed(self._name(name), state["size"], state["mark"])
        try:
            data = self._bucket.read(listed)
        except InputUnavailable as error:
            raise InvalidTable(error.expected, got=error.got, remedy=error.remedy) from error
        digest = hashlib.sha256(data).hexdigest()
        yield LoadedFile(data, {**state, "sha256": digest})

    def find_state(self, name: str) -> Fields:
        """Return what the list says of an object now."""
        try:
            listed = self._bucket.find(self._name(name))
        except InputUnavailable as error:
            raise PartFailed(error.expected, got=error.got, remedy=error.remedy) from error
        if listed is None:
            raise FileNotFoundError(name)
        return _describe(listed)

    def show(self, name: str) -> str:
        """Return an object's name below the folder in which all of them are."""
        return self._name(name).removeprefix(f"{self._root}/" if self._root else "")

    def _name(self, address: str) -> str:
        return address.removeprefix(f"{Address(self._binding, '')}/")

    def _expand(self, address: Address) -> Sequence[Listed]:
        name = address.name
        found: Sequence[Listed]
        if is_pattern(name):
            what = "the pattern"
            found = [one for one in self._list(find_folder(name)) if matches(one.name, name)]
        else:
            one = self._bucket.find(name) if name else None
            if one:
                return [one]
            what = "the folder"
            found = self._list(name)
            _refuse_folders(name, found)
        if not found:
            raise InvalidTable(
                "there must be objects to read",
                got=f"none in {what} {address}",
                remedy="name others",
            )
        return found

    def _list(self, folder: str) -> Sequence[Listed]:
        prefix = f"{folder}/" if folder else ""
        listed = self._bucket.list(prefix)
        return [one for one in listed if not is_hidden(one.name.removeprefix(prefix))]


def _refuse_folders(name: str, found: Sequence[Listed]) -> None:
    inside = (one.name.removeprefix(name).lstrip("/") for one in found)
    folder = min((below.partition("/")[0] for below in inside if "/" in below), default="")
    if folder:
        raise InvalidTable(
            "a folder must hold the objects of one table",
            got=f"the folder {folder!r} in {name or 'the binding'}",
            remedy=f"name its objects by a pattern, such as {f'{name}/**/*.parquet'.lstrip('/')!r}",
        )


def _describe(listed: Listed) -> Fields:
    return {"size": listed.size, "mark": listed.mark}
