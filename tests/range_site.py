"""A server of files on this host that knows ranges of bytes, or behaves as a test wants it to."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from http_site import serve


@dataclass(frozen=True)
class Asked:
    """A request: its path, and its headers by names in small letters."""

    path: str
    headers: Mapping[str, str]


@dataclass
class Answer:
    """What a request is answered with; `length` is what the header says of the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int | None = None


@dataclass
class RangeSite:
    """A server, and what it was asked for.

    Attributes:
        files: bytes by path.
        etag: whether it sends strong ETags, and looks at If-Match.
        modified: the time of the last change that it sends, if any.
        ranges: whether it knows ranges.
        bend: changes each answer.
        sent: bytes of bodies.
    """

    files: dict[str, bytes]
    port: int = 0
    etag: bool = True
    modified: str = ""
    ranges: bool = True
    bend: Callable[[Asked, Answer], Answer] = lambda _, answer: answer
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, asked: Asked) -> Answer:
        data = self.files.get(asked.path)
        if data is None:
            return Answer(404, {}, b"")
        headers = {"Last-Modified": self.modified} if self.modified else {}
        if self.etag:
            headers["ETag"] = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
            if asked.headers.get("if-match", headers["ETag"]) != headers["ETag"]:
                return Answer(412, {}, b"")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
        if not wanted or not self.ranges:
            return Answer(200, headers, data)
        start, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
        if start >= len(data):
            return Answer(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
        headers["Content-Range"] = f"bytes {start}-{last}/{len(data)}"
        return Answer(206, headers, data[start : last + 1])


@contextmanager
def serving_ranges(files: dict[str, bytes]) -> Iterator[RangeSite]:
    """Serve files by http."""
    site = RangeSite(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): it for name, it in self.headers.items()})
            site.asked.append(asked)
            answer = site.bend(asked, site.answer(asked))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            site.sent += len(answer.body)
            self.close_connection = length != len(answer.body)
            try:
                self.wfile.write(answer.body)
            except OSError:
                self.close_connection = True  # the reader has had enough

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with serve(Handler) as site.port:
        yield site
