"""A site that has releases as GitHub does, on this host, and can break off what it sends."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from http_site import serve


def archive_of(name: str, content: bytes) -> bytes:
    """Return a compressed archive of one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


class ReleaseSite:
    """What a site serves, by path, and what it was asked for.

    Attributes:
        address: where it listens.
        break_after: bytes after which each answer with a file breaks off; None for never.
        asked: path and range of each request.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.break_after: int | None = None
        self.asked: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}

    def publish(self, path: str, content: bytes, digest: str = "") -> str:
        """Serve a file, with its digest or another one beside it, and return its address."""
        digest = digest or hashlib.sha256(content).hexdigest()
        self.files[path] = content
        self.files[f"{path}.sha256"] = f"{digest} *{path.rpartition('/')[2]}\n".encode()
        return self.address + path


@contextmanager
def release_site() -> Iterator[ReleaseSite]:
    """Serve releases until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            site.asked.append((self.path, wanted))
            content = site.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-") or 0)
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            limit = None if self.path.endswith(".sha256") else site.break_after
            self.wfile.write(content[start:][:limit])

        def log_message(self, *_: object) -> None:
            """Leave the output to the tests."""

    with serve(Handler) as port:
        site = ReleaseSite(f"http://127.0.0.1:{port}")
        yield site
