"""TLS by files: only what is secured is answered, and renewed files are read."""

import http.client
import shutil
import ssl
from pathlib import Path

import pytest
from contract.daprkit.http_calls import (
    HOST,
    PATIENCE,
    Answer,
    call,
    call_on,
    connect,
    is_ended,
    listening,
)
from contract.daprkit.toy import serving
from processes import free_ports
from tls_site import Certificate, make_certificate

from meshlens.daprkit.errors import CannotListen
from meshlens.daprkit.transports.http import serving as http_serving


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


def make_another(folder: Path) -> Certificate:
    folder.mkdir()
    return make_certificate(folder)


def files(certificate: Certificate) -> dict[str, object]:
    return {"http_certificate": certificate.path, "http_key": certificate.key}


def call_securely(
    port: int, trusted: Certificate, body: bytes = b"x", *, own: Certificate | None = None
) -> Answer:
    context = ssl.create_default_context(cafile=trusted.path)
    if own:
        context.load_cert_chain(own.path, own.key)
    connection = http.client.HTTPSConnection(HOST, port, timeout=PATIENCE, context=context)
    try:
        return call_on(connection, "/show?type=text/plain", body)
    finally:
        connection.close()


def test_calls_are_answered_over_tls_alone(certificate: Certificate) -> None:
    with listening(max_body=8 * 2**20, **files(certificate)) as (_, _, port):
        assert call_securely(port, certificate).body == b"x"
        large = bytes(8 * 2**20)
        assert call_securely(port, certificate, large).body == large
        assert call_securely(port, certificate, large + b"x").status == 413
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            call(port, "/describe")
        assert call_securely(port, certificate).status == 200


def test_who_says_nothing_is_not_waited_for(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_serving, "HANDSHAKE_SECONDS", 0.2)
    with listening(**files(certificate)) as (_, _, port), connect(port) as silent:
        assert is_ended(silent)
        assert call_securely(port, certificate).status == 200


def test_a_client_may_have_to_show_a_certificate(certificate: Certificate, tmp_path: Path) -> None:
    client, stranger = (make_another(tmp_path / name) for name in ("client", "stranger"))
    with listening(http_client_ca=client.path, **files(certificate)) as (_, _, port):
        assert call_securely(port, certificate, own=client).status == 200
        for own in (None, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                call_securely(port, certificate, own=own)


def test_renewed_files_are_read_and_broken_ones_are_not(
    certificate: Certificate, tmp_path: Path
) -> None:
    renewed = make_another(tmp_path / "renewed")
    with listening(**files(certificate)) as (_, _, port):
        assert call_securely(port, certificate).status == 200
        certificate.key.write_text("no key")
        old = Certificate(tmp_path / "old.pem", certificate.key)
        shutil.copy(certificate.path, old.path)
        assert call_securely(port, old).status == 200
        shutil.copy(renewed.path, certificate.path)
        shutil.copy(renewed.key, certificate.key)
        assert call_securely(port, renewed).status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            call_securely(port, old)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "certificate.pem"
    if content:
        path.write_text(content)
    with (
        pytest.raises(CannotListen, match=r"certificate\.pem.*HTTP_CERTIFICATE"),
        serving(http_port=next(free_ports()), http_certificate=path, http_key=path),
    ):
        pass
