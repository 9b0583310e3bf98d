"""Bodies of type multipart/form-data -> their files and their fields (RFC 7578).

A body is in memory as a whole before it is read here, so each part is found by one search for the
separator and copied once. What is between two separators is never looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from werkzeug.http import parse_options_header

from meshlens.daprkit.errors import InvalidRequest
from meshlens.faults import Place

_LONGEST_BOUNDARY = 70
_MOST_HEADER_BYTES = 16 * 1024
# Fields carry options and tokens; more of them are no form that a person has filled in.
MOST_FIELDS = 64
_FOLD = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a form holds.

    Attributes:
        files: the file name and the bytes of each file, in their order.
        fields: the name and the text of each field, in their order.
    """

    files: list[tuple[str, bytes]] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)


def parse_form(body: bytes, boundary: str, *, most: int) -> Parts:
    """Return the files and the fields of a form.

    A part is a file if it has a file name or a content type other than text, else a field. A file
    without a name and without content is left out: browsers send it for an input in which nothing
    was chosen.

    Args:
        body: the form.
        boundary: the separator of its parts, from the content type.
        most: the maximum number of files.

    Raises:
        InvalidRequest: it is not a form of at most `most` files, or a field is not text.
    """
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise InvalidRequest(
            "content type multipart/form-data must say a boundary of 1 to"
            f" {_LONGEST_BOUNDARY} ASCII characters",
            got=repr(boundary[:80]),
            remedy="let the client library make body and content type",
        )
    parts = Parts()
    for headers, content in _split(body, boundary.encode("ascii")):
        _sort(headers, content, parts)
        if len(parts.files) > most:
            raise InvalidRequest(
                f"a form must have at most {most} files", got="more", remedy="send several forms"
            )
        if len(parts.fields) > MOST_FIELDS:
            raise InvalidRequest(
                f"a form must have at most {MOST_FIELDS} fields",
                got="more",
                remedy="leave out those that the method does not need",
            )
    return parts


def _split(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the headers and the content of each part."""
    opening = re.compile(rb"(?:\A|(?<=\n))--%s(?:(--)|[ \t]*(\r?\n))" % re.escape(boundary)).search(
        body
    )
    if opening is None:
        raise _unreadable("its separator, the boundary of the content type, is not in it")
    last, line_break = opening.groups()
    # The breaks that the sender writes around a separator. Others may be in the content.
    separator = re.compile(
        rb"%s--%s(?:(--)|[ \t]*%s)" % (line_break or b"", re.escape(boundary), line_break or b"")
    )
    at = opening.end()
    while not last:
        closing = separator.search(body, at)
        if closing is None:
            raise _unreadable("it breaks off")
        headers_end = body.find(line_break * 2, at, closing.start())
        if headers_end < 0:
            raise _unreadable("a part has no empty line between its headers and its content")
        if headers_end - at > _MOST_HEADER_BYTES:
            raise _unreadable(f"a part has more than {_MOST_HEADER_BYTES} bytes of headers")
        yield body[at:headers_end], body[headers_end + 2 * len(line_break) : closing.start()]
        at, last = closing.end(), closing.group(1)


def _sort(headers: bytes, content: bytes, parts: Parts) -> None:
    """Add a part to the files or to the fields."""
    text = _FOLD.sub(" ", headers.decode(errors="replace"))
    lines = (line.partition(":") for line in text.split("\n"))
    named = {name.strip().lower(): value.strip() for name, _, value in lines}
    disposition, described = parse_options_header(named.get("content-disposition", ""))
    name, file_name = described.get("name"), described.get("filename")
    if disposition.lower() != "form-data" or name is None:
        raise _unreadable("a part has no header Content-Disposition: form-data with a name")
    media_type, _ = parse_options_header(named.get("content-type", "text/plain"))
    if file_name is None and media_type.lower().startswith("text/"):
        parts.fields.append((name, _decode_field(name, content)))
    elif file_name or content:
        parts.files.append((file_name or "", content))


def _decode_field(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"the field {name!r} of the form must be text in UTF-8",
            got=f"{len(content)} other bytes without a file name",
            remedy=f"is it a file? give it a file name, as curl -F {name}=@FILE does",
            places=[Place(field=name)],
        ) from None


def _unreadable(reason: str) -> InvalidRequest:
    return InvalidRequest(
        "expected a body of type multipart/form-data",
        got=f"one that cannot be read: {reason}",
        remedy="let the client library make body and content type",
    )
