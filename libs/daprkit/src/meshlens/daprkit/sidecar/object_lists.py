"""What the operation `list` of Dapr's bindings answers, as names, sizes and marks.

Each kind of binding has a form of its own, which its component makes of what its store answers:

bindings.localstorage       the absolute paths of all files below a folder, and nothing of them
bindings.aws.s3             a page of a bucket, which says whether another one follows
bindings.azure.blobstorage  all blobs, of as many pages as it takes
bindings.gcp.bucket         all objects, likewise
"""

import base64
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

LOCAL, S3 = "bindings.localstorage", "bindings.aws.s3"
AZURE, GOOGLE = "bindings.azure.blobstorage", "bindings.gcp.bucket"


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a list has it.

    Attributes:
        name: in its binding.
        size: in bytes; None if the list does not say.
        mark: another one if its content has changed, the MD5 of the content in hexadecimal if the
            list has it; empty if the list says nothing of that kind.
    """

    name: str
    size: int | None = None
    mark: str = ""


_Entry: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the objects, in the order of the list.

    Attributes:
        objects: of it.
        follows: the name after which the next page begins; empty if there is none.
    """

    objects: Sequence[Listed]
    follows: str = ""


def read_page(kind: str, answer: bytes) -> Page:
    """Return the objects of an answer of a bucket, without those that only stand for a folder.

    Args:
        kind: S3, AZURE or GOOGLE.
        answer: of `list`.

    Raises:
        ValueError: it has another form.
    """
    try:
        document = json.loads(answer)
        entries, follows = document, ""
        if kind == S3:
            entries = document["Contents"]
            if document["IsTruncated"]:
                follows = document.get("NextMarker") or entries[-1]["Key"]
        found = [_READ[kind](entry) for entry in _check(entries)]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"no list of {kind}: {type(error).__name__} {error}") from error
    return Page([one for one in found if not one.name.endswith("/")], follows)


def read_paths(answer: bytes) -> Sequence[str]:
    """Return the absolute paths that a binding for local files lists, in the order of their names.

    Raises:
        ValueError: the answer has another form.
    """
    paths = json.loads(answer)
    if paths is None:
        return []
    if isinstance(paths, list) and all(isinstance(path, str) for path in paths):
        return sorted(paths)
    raise ValueError(f"no list of {LOCAL}: {answer[:80]!r}")


def find_common(paths: Sequence[str]) -> str:
    """Return the innermost folder that holds all of these files, one at least."""
    return posixpath.commonpath([posixpath.dirname(path) for path in paths])


def suppose_roots(common: str) -> Iterator[tuple[str, str]]:
    """Yield the folders above the innermost one, each of which may be the one that was listed.

    A list of paths does not say which folder that was. It was the first of these, the outermost
    one, below which the innermost one is found again under its name; if it is none of them, it was
    the innermost one itself.

    Args:
        common: the innermost folder that holds all the files.

    Yields:
        The folder, and the name of the innermost one below it.
    """
    names = [name for name in common.split("/") if name]
    for depth in range(len(names)):
        yield "/" + "/".join(names[:depth]), "/".join(names[depth:])


def _check(entries: object) -> Sequence[_Entry]:
    if entries is None:
        return ()
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        return entries
    raise TypeError("expected a list of objects")


def _read_s3(entry: _Entry) -> Listed:
    return Listed(entry["Key"], int(entry["Size"]), str(entry["ETag"]).strip('"'))


def _read_azure(entry: _Entry) -> Listed:
    properties = entry["Properties"]
    mark = _read_md5(properties.get("ContentMD5")) or str(properties["ETag"])
    return Listed(entry["Name"], int(properties["ContentLength"]), mark)


def _read_google(entry: _Entry) -> Listed:
    # Composed objects have no MD5.
    mark = _read_md5(entry.get("MD5")) or str(entry["Generation"])
    return Listed(entry["Name"], int(entry["Size"]), mark)


def _read_md5(encoded: str | None) -> str:
    return base64.b64decode(encoded).hex() if encoded else ""


_READ: Mapping[str, Callable[[_Entry], Listed]] = MappingProxyType(
    {S3: _read_s3, AZURE: _read_azure, GOOGLE: _read_google}
)
