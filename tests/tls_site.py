"""A server of files on this host, over real TLS or without."""

import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from http_site import serve
from installed import need


@dataclass
class Site:
    """A server, what it answers, and the paths it was asked for."""

    data: bytes = b""
    port: int = 0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Certificate:
    """A certificate that nobody but a test trusts, and its key."""

    path: Path
    key: Path


def make_certificate(folder: Path, name: str = "IP:127.0.0.1") -> Certificate:
    """Return a certificate, whose files are in a folder."""
    openssl = need("openssl", "apt-get install openssl")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ("-subj", "/CN=test", "-addext", f"subjectAltName={name}")
    subprocess.run(
        [openssl, *request.split(), *names, "-out", made.path, "-keyout", made.key],
        check=True,
        capture_output=True,
    )
    return made


@contextmanager
def serving_site(data: bytes, certificate: Certificate | None) -> Iterator[Site]:
    """Serve `data` at every path; by http if there is no certificate."""
    site = Site(data)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            self.send_response(site.status)
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(site.data)
            except OSError:
                self.close_connection = True  # the reader has had enough

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if context and certificate:
        context.load_cert_chain(certificate.path, certificate.key)
    with serve(Handler, tls=context) as site.port:
        yield site
