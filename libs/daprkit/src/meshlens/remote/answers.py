"""What servers answer about a file of the web: whether it is that, of which version, and no more.

Import this module where such input arrives: it imports an HTTP client, which is an extra.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from meshlens.remote.errors import AnswerRefused, FileChanged, FileMissing, ServerUnavailable

Headers: TypeAlias = Mapping[str, str]

_LONGEST_MARK = 200
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_DIGEST = "sha256:"
_BUSY, _FAULT = 429, 500


@dataclass(frozen=True, slots=True)
class Version:
    """What a file has been when it was found.

    Attributes:
        size: in bytes.
        mark: what changes with the content: the strong ETag, else the time of the last change, as
            the server writes them; the digest of a file that is read whole.
    """

    size: int
    mark: str

    @classmethod
    def of(cls, data: bytes) -> "Version":
        """Return the version of a file that has been read whole."""
        return cls(len(data), f"{_DIGEST}{hashlib.sha256(data).hexdigest()}")

    @property
    def whole(self) -> bool:
        """Whether the file has to be read whole."""
        return self.mark.startswith(_DIGEST)

    @property
    def condition(self) -> Headers:
        """The header by which a server gives nothing of another version."""
        return {"if-match" if self.mark.startswith('"') else "if-unmodified-since": self.mark}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the answers about one file must be.

    Attributes:
        shown: its address, for people.
        whole: bytes of it that are read whole, at most.
    """

    shown: str
    whole: int

    def check(self, answer: httpx.Response) -> None:
        """Let an answer pass that has something of the file, and as it is.

        Raises:
            FileMissing: there is no such file.
            FileChanged: it has another version.
            ServerUnavailable: the server is overloaded or broken.
            AnswerRefused: it answers with something else, or with packed bytes.
        """
        code = answer.status_code
        if code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            raise FileMissing(
                f"{self.shown} must be there",
                got=f"status {code}",
                remedy="correct the address, or put the file there",
            )
        if code == httpx.codes.PRECONDITION_FAILED:
            raise self.changed("another version on its server")
        if code == _BUSY or code >= _FAULT:
            raise ServerUnavailable(
                f"{self.shown} must answer",
                got=f"status {code}",
                remedy="try again when its server does",
            )
        if code not in {
            httpx.codes.OK,
            httpx.codes.PARTIAL_CONTENT,
            httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE,
        }:
            raise self.refuse_status(answer)
        encoding = answer.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise AnswerRefused(
                f"{self.shown} must answer with the bytes as they are",
                got=f"content-encoding {encoding[:_LONGEST_MARK]}",
                remedy="turn that off at its server, or download the file",
            )

    def find_range(self, answer: httpx.Response, start: int, end: int) -> int:
        """Return the size of the file whose range an answer has.

        Raises:
            AnswerRefused: it has another range, or none.
        """
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            raise self.refuse_status(answer)
        given = answer.headers.get("content-range", "")
        found = _RANGE.fullmatch(given)
        if not found or (int(found[1]), int(found[2]) + 1) != (start, end) or int(found[3]) < end:
            raise AnswerRefused(
                f"{self.shown} must answer with the range of bytes that it is asked for",
                got=f"content-range {given[:_LONGEST_MARK]!r} for {start}-{end - 1}",
                remedy="have its server corrected, or download the file",
            )
        return int(found[3])

    def refuse_large(self, size: int) -> None:
        """Let a file pass that is small enough to be read whole.

        Raises:
            AnswerRefused: it is larger.
        """
        if size > self.whole:
            raise AnswerRefused(
                f"{self.shown} must answer with ranges of bytes (206), as it has more than the"
                f" {self.whole} bytes that are read whole",
                got=f"{size} bytes at once",
                remedy="put it on a server that knows ranges, or download it",
            )

    def refuse_status(self, answer: httpx.Response) -> AnswerRefused:
        """Return the fault of an answer with another status than is expected."""
        return AnswerRefused(
            f"{self.shown} must answer with what it is asked for",
            got=f"status {answer.status_code}",
            remedy="correct the address, let its server give access, or download the file",
        )

    def changed(self, got: str) -> FileChanged:
        """Return the fault of a file that is another version now."""
        return FileChanged(
            f"{self.shown} must stay as it is while it is read",
            got=got,
            remedy="start again when nobody writes to it any more",
        )


def find_mark(answer: httpx.Response) -> str:
    """Return by what a change of the file is seen; empty if by nothing."""
    etag = answer.headers.get("etag", "")
    # Two contents may have one weak ETag.
    mark: str = etag if etag.startswith('"') else answer.headers.get("last-modified", "")
    usable = len(mark) <= _LONGEST_MARK and mark.isascii() and mark.isprintable()
    return mark if usable else ""
