"""Settings that every service shares, read once from the environment."""

import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
# Shorter names are too often almost equal by chance.
_SHORTEST = 5
_APP_ID = re.compile(r"[A-Za-z0-9-]+")
# Other ways to write true and false, which are no ids of apps.
_BOOLEANS = frozenset({"1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"})
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")


class EventMode(StrEnum):
    """What the service promises about the event of a result."""

    OUTBOX = "outbox"
    """The answer leaves after the event is on the service's disk, and is published behind it."""
    CONFIRMED = "confirmed"
    """The answer leaves after the broker has accepted the event."""
    OFF = "off"
    """No events."""


class AdmissionMode(StrEnum):
    """How many requests are admitted."""

    FIXED = "fixed"
    """As many as there are places."""
    ADAPTIVE = "adaptive"
    """Fewer while requests wait longer than their work takes."""


def _with_unit(quantity: object) -> object:
    """Turn a Kubernetes quantity (16Mi) into what ByteSize reads (16MiB)."""
    if isinstance(quantity, str):
        return re.sub(r"(?<=[KMGkmg])i$", "iB", quantity.strip())
    return quantity


def _without_brackets(address: str) -> str:
    """Turn an IPv6 address as URLs spell it, [::1], into the address, ::1."""
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def _is_grpc(protocol: str) -> str:
    if protocol != "grpc":
        raise ValueError("traces leave by grpc only; name the collector's gRPC port, often 4317")
    return protocol


def _are_origins(text: str) -> str:
    for origin in split_origins(text):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                "origins must be like https://example.org, without a path, separated by commas;"
                f" * for all, none for none; got {origin!r}"
            )
    return text


def split_origins(text: str) -> tuple[str, ...]:
    """Return the origins in a list of them; `none` has none."""
    if text.strip() == "none":
        return ()
    return tuple(origin.strip() for origin in text.split(","))


def _are_callers(text: str) -> str:
    word = text.strip().lower()
    if word in {"true", "false"}:
        return word
    names = [name.strip() for name in text.split(",")]
    if word in _BOOLEANS or not all(map(_APP_ID.fullmatch, names)):
        raise ValueError("expected true, false, or ids of apps separated by commas")
    return ",".join(names)


def _is_request_log(text: str) -> str:
    word = text.strip().lower()
    if word in {"off", "failures", "all"}:
        return word
    try:
        share = float(word)
    except ValueError:
        share = math.nan
    if not 0.0 < share <= 1.0:
        raise ValueError(
            "expected off, failures, all, or the share of requests that succeed, above 0 and at"
            " most 1"
        )
    return str(share)


Bytes = Annotated[ByteSize, BeforeValidator(_with_unit)]
Address = Annotated[str, AfterValidator(_without_brackets)]
Callers = Annotated[str, AfterValidator(_are_callers)]
Origins = Annotated[str, AfterValidator(_are_origins)]
RequestLines = Annotated[str, AfterValidator(_is_request_log)]
OtlpProtocol = Annotated[str, AfterValidator(_is_grpc)]


class ServerSettings(BaseSettings):
    """What a Dapr gRPC app needs to know; each field is an environment variable.

    Attributes:
        metrics_namespace: what the names of its metrics begin with; set by the service's class.
        event_type: CloudEvents type of its result events; likewise.
        distribution: the package of the service, whose version metrics show; likewise.
    """

    metrics_namespace: ClassVar[str] = ""
    event_type: ClassVar[str] = "result.v1"
    distribution: ClassVar[str] = ""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    app_id: str = Field(default="", description="Name in the mesh; set by the service.")
    app_port: int = Field(
        default=50051, ge=0, le=65535, description="Port of the gRPC server; 0 for any free one."
    )
    listen_address: Address = Field(
        default="127.0.0.1",
        description="Where to listen. The sidecar calls from the same host; 0.0.0.0, or [::] with"
        " IPv6, opens the port to probes from outside.",
    )
    dapr_grpc_port: int = Field(default=50001, ge=1, le=65535, description="The sidecar's port.")
    dapr_api_token: SecretStr = Field(default=SecretStr(""), description="Sent to the sidecar.")
    app_api_token: SecretStr = Field(
        default=SecretStr(""), description="Expected from the sidecar."
    )

    max_body: Bytes = Field(
        default=ByteSize(16 * MIB), gt=0, le=1024 * MIB, description="Largest body in bytes."
    )
    workers: int = Field(
        default=os.cpu_count() or 1, ge=1, description="Threads that work at the same time."
    )
    queue_per_worker: int = Field(
        default=8, ge=1, description="Requests admitted for each worker, the running one included."
    )
    admission: AdmissionMode = Field(
        default=AdmissionMode.FIXED,
        description="Which of those places may be taken: all (fixed), or as many as keep the time"
        " to an answer below twice the time of its work (adaptive).",
    )
    body_memory: Bytes = Field(
        default=ByteSize(0),
        ge=0,
        description="Bytes that the bodies of all requests may take together; 0 for MAX_BODY times"
        " the places, or for an eighth of the container's memory, less 32 MiB for kept answers, if"
        " that is less.",
    )
    request_timeout: float = Field(
        default=30.0, gt=0, description="Seconds a request may take unless it says otherwise."
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        description="Seconds to go on serving after SIGTERM: one more than the sidecar's"
        " --dapr-block-shutdown-duration.",
    )
    stop_grace: float = Field(
        default=20.0, ge=0, description="Seconds that running requests get once draining is over."
    )

    events: EventMode = Field(default=EventMode.OUTBOX, description="Promise about events.")
    pubsub: str = Field(default="pubsub", description="Name of the Dapr pub/sub component.")
    results_topic: str = Field(default="results", description="Topic of the result events.")
    show_events: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Last result events to keep in memory and to show by the method events, which"
        " anyone who may call it can read; 0 to refuse it.",
    )
    outbox_folder: Path | None = Field(
        default=None,
        description="Folder of EVENTS=outbox, on a disk of this host; .dapr/outbox/<APP_ID> in the"
        " working directory if not given.",
    )
    outbox_size: Bytes = Field(
        default=ByteSize(64 * MIB),
        gt=0,
        description="Bytes of events that wait for the broker, at which requests are refused.",
    )
    outbox_stays: bool = Field(
        default=False,
        description="Whether a later start of the service finds the outbox. If not, as in the"
        " emptyDir of a pod, answers wait for the broker, too, once the service shuts down.",
    )
    publish_timeout: float = Field(
        default=5.0, gt=0, description="Seconds the broker has to accept an event."
    )
    state_store: str = Field(default="statestore", description="Name of the Dapr state store.")
    state_timeout: float = Field(
        default=5.0, gt=0, description="Seconds the state store has for one operation."
    )

    admin: Callers = Field(
        default="false",
        description="Who may change what is served: load, unload and reload models, delete fits."
        " false for nobody, true for every caller, or the ids of apps, separated by commas.",
    )
    gateway_origins: Origins = Field(
        default="*",
        description="Origins whose pages in browsers may read what the method gateway answers,"
        " separated by commas; * for all, none for none.",
    )
    input_bindings: str = Field(
        default="",
        pattern=r"^[^,\s]*(,[^,\s]*)*$",
        description="Output bindings, as photos,tables, from which callers may have bodies read by"
        " their address; empty for none.",
    )

    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the Prometheus endpoint; 0 for none."
    )
    http_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the HTTP listener; 0 for none."
    )
    http_certificate: Path | None = Field(
        default=None, description="PEM file of the HTTP listener's certificate; plain HTTP without."
    )
    http_key: Path | None = Field(default=None, description="PEM file of the certificate's key.")
    http_client_ca: Path | None = Field(
        default=None, description="PEM file of the authority of all clients; none asked without."
    )
    http_metrics: bool = Field(
        default=False, description="Whether the HTTP listener shows the Prometheus metrics, too."
    )
    otel_traces_exporter: Literal["otlp", "none"] = Field(
        default="otlp", description="none: no spans, though an OTLP endpoint is set."
    )
    otel_exporter_otlp_protocol: OtlpProtocol = Field(default="grpc", description="grpc only.")
    otel_exporter_otlp_traces_protocol: OtlpProtocol = Field(
        default="grpc", description="grpc only."
    )
    request_log: RequestLines = Field(
        default="failures",
        description="Which requests have a line in the log: off, failures, all, or failures and a"
        " share of the others, such as 0.01. Lines of failures are bounded, but for all.",
    )
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe logged."
    )

    @model_validator(mode="after")
    def _has_room_for_a_body(self) -> Self:
        if 0 < self.body_memory < self.max_body:
            raise ValueError("BODY_MEMORY: expected at least MAX_BODY, or 0")
        return self

    @model_validator(mode="after")
    def _has_whole_tls(self) -> Self:
        if (self.http_certificate is None) != (self.http_key is None):
            raise ValueError("HTTP_CERTIFICATE and HTTP_KEY: expected both or neither")
        if self.http_client_ca and not self.http_certificate:
            raise ValueError("HTTP_CLIENT_CA: expected HTTP_CERTIFICATE and HTTP_KEY, too")
        return self


S = TypeVar("S", bound=ServerSettings)


def load(settings: type[S]) -> S:
    """Read `settings` from the environment, or report every mistake at once and exit with 2.

    A mistake is reported with the variable's name and value, except that the value of a secret is
    never shown.
    """
    try:
        return settings()
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            sys.stderr.write(f"{_describe(mistake, settings)}\n")
        sys.exit(2)


def find_misspelt(
    settings: ServerSettings, environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield each variable that is almost the name of a setting, with that name.

    Most variables are for other programs. So only those count that differ by a letter or by an
    underscore, and only while the setting itself is not given.
    """
    names = {field.upper() for field in type(settings).model_fields}
    given = {name.upper() for name in environment}
    for name in sorted(given - names):
        for meant in names - given:
            if _differ_little(name, meant):
                yield name, meant


def _differ_little(one: str, other: str) -> bool:
    """Whether two names become equal if a letter is added, left out, replaced or swapped."""
    one, other = one.replace("_", ""), other.replace("_", "")
    if len(one) < _SHORTEST or abs(len(one) - len(other)) > 1:
        return False
    pairs = zip(one, other, strict=False)
    start = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    swapped = a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped


def _describe(mistake: ErrorDetails, settings: type[ServerSettings]) -> str:
    if not mistake["loc"]:
        # A validator of several fields names them itself: what it was given is the environment.
        return mistake["msg"]
    name = str(mistake["loc"][0])
    secret = settings.model_fields[name].annotation is SecretStr
    given = "" if secret else f"={mistake['input']!r}"
    return f"{name.upper()}{given}: {mistake['msg']}"
