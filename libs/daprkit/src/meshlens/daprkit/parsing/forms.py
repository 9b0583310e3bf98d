"""Bodies of type multipart/form-data -> their files."""

import io
from collections.abc import Sequence
from typing import IO

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from meshlens.daprkit.errors import InvalidRequest
from meshlens.faults import Place

_LONGEST_BOUNDARY = 70
# Parts that are not files are refused, so little of them needs to be read.
_MOST_FIELD_BYTES = 64 * 1024


def parse_form(body: bytes, boundary: str, *, most: int) -> Sequence[tuple[str, bytes]]:
    """Return name and bytes of each file of a form, in their order.

    Args:
        body: the form.
        boundary: the separator of its parts, from the content type.
        most: the maximum number of files.

    Raises:
        InvalidRequest: it is not a form of 1 to `most` files.
    """
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
        raise InvalidRequest(
            "content type multipart/form-data must say a boundary of 1 to"
            f" {_LONGEST_BOUNDARY} characters",
            got=repr(boundary[:80]),
            remedy="let the client library make body and content type",
        )
    try:
        mark = boundary.encode("ascii")
        parser = MultiPartParser(
            stream_factory=_keep_in_memory,
            max_form_memory_size=_MOST_FIELD_BYTES,
            max_form_parts=most,
        )
        fields, files = parser.parse(io.BytesIO(body), mark, len(body))
    except RequestEntityTooLarge:
        raise InvalidRequest(
            f"a form must have at most {most} files and nothing else",
            got="more",
            remedy="send several",
        ) from None
    except ValueError as error:
        raise InvalidRequest(
            "expected a body of type multipart/form-data",
            got=f"one that cannot be read: {error}",
            remedy="let the client library make body and content type",
        ) from None
    if fields:
        raise InvalidRequest(
            "a form must have files only",
            got=f"the field {next(iter(fields))!r}",
            remedy="give each file a filename, and options in the query",
            places=[Place(field=next(iter(fields)))],
        )
    if not files:
        raise InvalidRequest("a form must have at least one file", got="none", remedy="send some")
    return [(file.filename or "", file.stream.read()) for _, file in files.items(multi=True)]


def _keep_in_memory(*_: object, **__: object) -> IO[bytes]:
    """Return where a part is kept; werkzeug would write large ones to the disk."""
    return io.BytesIO()
