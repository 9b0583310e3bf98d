"""Models from the address that their card names, over real TLS."""

import hashlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tls_site import Certificate, Site, make_certificate, serving_site

from meshlens.classify.errors import InvalidModel
from meshlens.classify.storage import origins as origins_module
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.origins import Origins
from meshlens.classify.storage.places import Places
from meshlens.classify.storage.source import Source
from meshlens.daprkit.errors import InputUnavailable

DATA = b"a model" * 100_000


def unreached(address: str) -> bytes:
    raise AssertionError(f"{address} is no address of the mesh")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def site(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with serving_site(DATA, certificate) as site:
        yield site


@pytest.fixture
def plain_site() -> Iterator[Site]:
    with serving_site(DATA, None) as site:
        yield site


@pytest.fixture
def origins() -> Origins:
    """Origins that may be on this host, where the site is."""
    return Origins(mesh=unreached, private=True)


def source(
    folder: Path, site: Site, data: bytes = DATA, *, user: str = "", query: str = ""
) -> Source:
    uri = f"https://{user}127.0.0.1:{site.port}/models/a.tflite{query}"
    digest = hashlib.sha256(data).hexdigest()
    (folder / "a.yaml").write_text(f"source: {{uri: '{uri}', sha256: {digest}}}")
    (found,) = find_models(folder)
    return found


def test_a_model_comes_from_the_web(tmp_path: Path, site: Site, origins: Origins) -> None:
    assert origins.fetch(source(tmp_path, site)) == DATA


def test_other_bytes_than_the_cards_are_refused(
    tmp_path: Path, site: Site, origins: Origins
) -> None:
    with pytest.raises(InvalidModel, match="must have sha256"):
        origins.fetch(source(tmp_path, site, b"another model"))


def test_a_model_larger_than_the_limit_is_refused(
    tmp_path: Path, site: Site, origins: Origins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins_module, "LARGEST_MODEL", len(DATA))
    assert origins.fetch(source(tmp_path, site)) == DATA
    site.data = DATA + b"!"
    with pytest.raises(InvalidModel, match=f"at most {len(DATA)} bytes"):
        origins.fetch(source(tmp_path, site, site.data))


def test_a_model_that_takes_too_long_is_refused(
    tmp_path: Path, site: Site, origins: Origins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins_module, "LONGEST_FETCH", 0.0)
    with pytest.raises(InvalidModel, match="in 0 s"):
        origins.fetch(source(tmp_path, site))


def test_an_address_that_answers_a_fault_is_named(
    tmp_path: Path, site: Site, origins: Origins
) -> None:
    site.status = 404
    with pytest.raises(InvalidModel, match="404"):
        origins.fetch(source(tmp_path, site))


def test_a_server_that_nobody_vouches_for_is_refused(
    tmp_path: Path, site: Site, origins: Origins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(InvalidModel, match=r"(?i)certificate"):
        origins.fetch(source(tmp_path, site))


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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_from_https_to_http_is_refused(
    tmp_path: Path, site: Site, plain_site: Site, origins: Origins, status: int
) -> None:
    onward = f"http://127.0.0.1:{plain_site.port}/a.tflite?sig=swordfish"
    site.status, site.headers = status, {"Location": onward}
    with pytest.raises(InvalidModel, match="https to https only") as refusal:
        origins.fetch(source(tmp_path, site))
    assert plain_site.asked == []
    assert "swordfish" not in str(refusal.value)


def test_a_redirect_from_https_to_https_is_followed(
    tmp_path: Path, site: Site, certificate: Certificate, origins: Origins
) -> None:
    with serving_site(DATA, certificate) as other:
        site.status, site.data = 302, b""
        site.headers = {"Location": f"https://127.0.0.1:{other.port}/there"}
        assert origins.fetch(source(tmp_path, site)) == DATA
        assert other.asked == ["/there"]


def test_this_host_is_not_called_unless_that_is_allowed(tmp_path: Path, site: Site) -> None:
    with pytest.raises(InvalidModel, match="PRIVATE_ORIGINS=true"):
        Origins(mesh=unreached).fetch(source(tmp_path, site))
    assert site.asked == []


@pytest.mark.parametrize(
    ("user", "query"), [("me:swordfish@", ""), ("", "?sig=swordfish"), ("me:swordfish@", "?a=b@c")]
)
def test_no_failure_shows_the_credentials_of_an_address(
    tmp_path: Path, site: Site, origins: Origins, user: str, query: str
) -> None:
    found = source(tmp_path, site, user=user, query=query)
    assert origins.fetch(found) == DATA
    site.status = 403
    with pytest.raises(InvalidModel, match="403") as refused:
        origins.fetch(found)
    site.status, site.headers = 302, {"Location": "https://127.0.0.1:1/x?sig=swordfish"}
    with pytest.raises(InvalidModel) as unreached_onward:
        origins.fetch(found)
    site.headers = {"Location": "https://[broken/?sig=swordfish"}
    with pytest.raises(InvalidModel) as broken:
        origins.fetch(found)
    for fault in (refused, unreached_onward, broken):
        assert "swordfish" not in str(fault.value)


def test_what_nobody_has_pinned_is_logged_with_its_digest(
    tmp_path: Path, site: Site, origins: Origins, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert origins.fetch(source(tmp_path, site)) == DATA
    assert caplog.messages == []
    uri = f"https://127.0.0.1:{site.port}/a.tflite?sig=swordfish"
    (tmp_path / "a.yaml").write_text(f"source: {{uri: '{uri}'}}")
    (found,) = find_models(tmp_path)
    assert origins.fetch(found) == DATA
    (warning,) = caplog.messages
    assert hashlib.sha256(DATA).hexdigest() in warning
    assert "swordfish" not in warning


def test_an_address_or_a_redirect_that_model_sources_does_not_name_is_refused(
    tmp_path: Path, site: Site, certificate: Certificate
) -> None:
    only = Places(addresses=(f"https://127.0.0.1:{site.port}/models",))
    origins = Origins(mesh=unreached, private=True, places=only)
    assert origins.fetch(source(tmp_path, site)) == DATA
    with serving_site(DATA, certificate) as other:
        site.status, site.data = 302, b""
        site.headers = {"Location": f"https://127.0.0.1:{other.port}/models/a.tflite"}
        with pytest.raises(InvalidModel, match="expected an address that MODEL_SOURCES names"):
            origins.fetch(source(tmp_path, site))
        assert other.asked == []
    nowhere = Origins(mesh=unreached, private=True, places=Places(addresses=()))
    asked = list(site.asked)
    with pytest.raises(InvalidModel, match="MODEL_SOURCES"):
        nowhere.fetch(source(tmp_path, site))
    assert site.asked == asked


def test_a_name_whose_address_changes_after_the_look_is_refused_before_a_byte_is_sent(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    looks = iter(["93.184.216.34"])

    def resolve(_: str, port: int | None, *__: object, **___: object) -> list[object]:
        address = next(looks, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    found = source(tmp_path, site)
    uri = found.card.source.uri.replace("127.0.0.1", "models.example")
    (tmp_path / "a.yaml").write_text(f"source: {{uri: '{uri}'}}")
    (found,) = find_models(tmp_path)
    with pytest.raises(InvalidModel, match="a name whose address has changed"):
        Origins(mesh=unreached).fetch(found)
    assert site.asked == []
