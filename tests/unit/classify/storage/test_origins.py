"""Models from the address that their card names, over real TLS."""

import hashlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from installed import need

from meshlens.classify.errors import InvalidModel
from meshlens.classify.storage import origins
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.origins import Origins
from meshlens.classify.storage.source import Source
from meshlens.daprkit.errors import InputUnavailable

DATA = b"a model" * 100_000


def unreached(address: str) -> bytes:
    raise AssertionError(f"{address} is no address of the mesh")


@dataclass
class Site:
    """A server and what it answers."""

    port: int = 0
    data: bytes = DATA
    status: int = 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of this host that nobody but a test trusts, and its key."""
    openssl = need("openssl", "apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    paths = folder / "certificate.pem", folder / "key.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run(
        [openssl, *request.split(), *names, "-out", paths[0], "-keyout", paths[1]],
        check=True,
        capture_output=True,
    )
    return paths


@pytest.fixture
def site(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(site.status)
            self.end_headers()
            try:
                self.wfile.write(site.data)
            except OSError:
                self.close_connection = True  # the reader has had enough

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_port
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def source(folder: Path, site: Site, data: bytes = DATA) -> Source:
    uri = f"https://127.0.0.1:{site.port}/models/a.tflite"
    digest = hashlib.sha256(data).hexdigest()
    (folder / "a.yaml").write_text(f"source: {{uri: '{uri}', sha256: {digest}}}")
    (found,) = find_models(folder)
    return found


def test_a_model_comes_from_the_web(tmp_path: Path, site: Site) -> None:
    assert Origins(mesh=unreached).fetch(source(tmp_path, site)) == DATA


def test_other_bytes_than_the_cards_are_refused(tmp_path: Path, site: Site) -> None:
    with pytest.raises(InvalidModel, match="must have sha256"):
        Origins(mesh=unreached).fetch(source(tmp_path, site, b"another model"))


def test_a_model_larger_than_the_limit_is_refused(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "LARGEST_MODEL", len(DATA))
    assert Origins(mesh=unreached).fetch(source(tmp_path, site)) == DATA
    site.data = DATA + b"!"
    with pytest.raises(InvalidModel, match=f"at most {len(DATA)} bytes"):
        Origins(mesh=unreached).fetch(source(tmp_path, site, site.data))


def test_a_model_that_takes_too_long_is_refused(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "LONGEST_FETCH", 0.0)
    with pytest.raises(InvalidModel, match="in 0 s"):
        Origins(mesh=unreached).fetch(source(tmp_path, site))


def test_an_address_that_answers_a_fault_is_named(tmp_path: Path, site: Site) -> None:
    site.status = 404
    with pytest.raises(InvalidModel, match="404"):
        Origins(mesh=unreached).fetch(source(tmp_path, site))


def test_a_server_that_nobody_vouches_for_is_refused(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(InvalidModel, match=r"(?i)certificate"):
        Origins(mesh=unreached).fetch(source(tmp_path, site))


def test_a_model_comes_from_the_mesh(tmp_path: Path) -> None:
    uri = "dapr://binding/s3/models/a.tflite"
    digest = hashlib.sha256(DATA).hexdigest()
    (tmp_path / "a.yaml").write_text(f"source: {{uri: '{uri}', sha256: {digest}}}")
    (found,) = find_models(tmp_path)
    asked: list[str] = []

    def read(address: str) -> bytes:
        asked.append(address)
        return DATA

    assert Origins(mesh=read).fetch(found) == DATA
    assert asked == [uri]
    with pytest.raises(InvalidModel, match="must have sha256"):
        Origins(mesh=lambda _: b"another model").fetch(found)


def test_a_mesh_that_does_not_answer_is_named(tmp_path: Path) -> None:
    card = f"source: {{uri: 'dapr://state/kv/a.tflite', sha256: {'a' * 64}}}"
    (tmp_path / "a.yaml").write_text(card)
    (found,) = find_models(tmp_path)

    def fail(_: str) -> bytes:
        raise InputUnavailable("no such store")

    with pytest.raises(InvalidModel, match="does not give it: no such store"):
        Origins(mesh=fail).fetch(found)


def test_a_file_that_is_there_comes_before_its_address(tmp_path: Path, site: Site) -> None:
    found = source(tmp_path, site, b"a file")
    (tmp_path / "a.tflite").write_bytes(b"a file")
    assert Origins(mesh=unreached).fetch(found) == b"a file"
