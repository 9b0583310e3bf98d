"""TLS by files, which may be renewed while the service runs."""

import ssl
from pathlib import Path

import structlog

from meshlens.daprkit.errors import CannotListen

_log = structlog.get_logger(__name__)


class TlsFiles:
    """A certificate and its key, and who may connect.

    Args:
        certificate: PEM file of the certificate and those above it.
        key: PEM file of its key.
        client_ca: PEM file of the authority whose clients may connect; None to ask for none.

    Raises:
        CannotListen: the files cannot be used.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._files = tuple(filter(None, (certificate, key, client_ca)))
        self._certificate, self._key, self._client_ca = certificate, key, client_ca
        try:
            self._seen = self._look()
            self._context = self._read()
        except (OSError, ValueError) as error:
            raise CannotListen(
                f"expected a certificate in {certificate} and its key in {key}",
                got=str(error),
                remedy="name PEM files by HTTP_CERTIFICATE, HTTP_KEY and HTTP_CLIENT_CA",
            ) from error

    def context(self) -> ssl.SSLContext:
        """Return what a new connection is secured with, read again if the files have changed."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._context, self._seen = self._read(), seen
                _log.info("certificate read again", file=str(self._certificate))
        except (OSError, ValueError) as error:
            # Files are replaced one after the other: the next connection looks again.
            _log.warning("certificate unreadable, the old one stays", error=str(error))
        return self._context

    def _look(self) -> tuple[int, ...]:
        return tuple(path.stat().st_mtime_ns for path in self._files)

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self._client_ca)
        context.load_cert_chain(self._certificate, self._key)
        context.set_alpn_protocols(["http/1.1"])
        if self._client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
        return context
