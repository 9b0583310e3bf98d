"""What the API of a sidecar answers, within bounds of time and size."""

import http.client
import json
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from meshlens.command.diagnosis.errors import DiagnosisError

_SECONDS = 5.0
_MOST_BYTES = 4 * 1024 * 1024
_PART = 64 * 1024
_OK, _UNAUTHORIZED = 200, 401


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a sidecar says of itself.

    Attributes:
        content: as parsed from JSON.
        ahead: seconds that its clock is ahead of ours; to a second, as HTTP has it.
    """

    content: dict[str, object]
    ahead: float


def fetch_metadata(address: str, token: str) -> Metadata:
    """Return the metadata of a sidecar.

    Args:
        address: of its HTTP API.
        token: that it expects; empty for none.

    Raises:
        DiagnosisError: there is no sidecar, or it refuses.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in {"http", "https"}:
        raise DiagnosisError(f"expected a sidecar as http://127.0.0.1:3500, got {address!r}")
    https = parts.scheme == "https"
    kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
    connection = kind(host, port, timeout=_SECONDS)
    try:
        before = time.time()
        connection.request("GET", "/v1.0/metadata", headers=_headers(token))
        answer = connection.getresponse()
        middle = (before + time.time()) / 2
        if answer.status == _UNAUTHORIZED:
            raise DiagnosisError(f"{address} expects a token; set DAPR_API_TOKEN")
        content = json.loads(_read(answer))
        if answer.status != _OK or not isinstance(content, dict) or "id" not in content:
            raise DiagnosisError(f"expected the metadata of a sidecar at {address}, got another's")
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        said = str(error) or type(error).__name__
        raise DiagnosisError(f"expected a sidecar at {address}, got: {said}; is it up?") from error
    finally:
        connection.close()
    return Metadata(content, _ahead(answer.headers.get("date", ""), middle))


def _headers(token: str) -> dict[str, str]:
    return {"dapr-api-token": token} if token else {}


def _read(answer: http.client.HTTPResponse) -> bytes:
    deadline, content = time.monotonic() + _SECONDS, b""
    while part := answer.read1(_PART):
        content += part
        if len(content) > _MOST_BYTES or time.monotonic() > deadline:
            raise ValueError("an answer that is too long")
    return content


def _ahead(date: str, middle: float) -> float:
    try:
        said = parsedate_to_datetime(date).timestamp() + 0.5  # the fraction is cut off
    except (ValueError, TypeError):
        return 0.0
    return said - middle if abs(said - middle) > 1 else 0.0
