"""Sizes: of bodies, headers and memory."""

import re
from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import Sidecar
from meshlens.command.diagnosis.values import (
    read_bytes,
    read_seconds,
    read_truth,
    read_whole,
)

_KIB = 1024
_DEFAULT_BODY = 4 * _KIB * _KIB
_HEADERS = 16 * _KIB
_MOST = re.compile(r"(?:^|,)\s*GOMEMLIMIT=([^,]+)")
_DURATIONS = ("dapr-block-shutdown-duration",)
_NUMBERS = ("app-health-threshold", "app-health-probe-interval", "app-max-concurrency", "app-port")


def _find_bodies(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        limit, largest = _body_limit(sidecar), read_bytes(sidecar.setting("MAX_BODY") or "")
        if limit is not None and largest is not None and limit < 2 * largest:
            yield Trouble.at(
                sidecar.document,
                sidecar.option("max-body-size"),
                f"at least {2 * largest} bytes, twice MAX_BODY",
                got=f"{limit} bytes",
            )


def _find_unequal_bodies(scope: Scope) -> Iterator[Trouble]:
    limits = [(it, limit) for it in scope.sidecars if (limit := _body_limit(it)) is not None]
    largest = max((limit for _, limit in limits), default=0)
    for sidecar, limit in limits:
        if limit < largest:
            yield Trouble.at(
                sidecar.document,
                sidecar.option("max-body-size"),
                f"{largest} bytes, as other sidecars have",
                got=f"{limit} bytes for {sidecar.app or 'an app'}",
            )


def _find_headers(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        size = sidecar.option("read-buffer-size")
        if not sidecar.knows_flags:
            continue
        if not size.given or (read_bytes(size.text) or _HEADERS) < _HEADERS:
            yield Trouble.at(sidecar.document, size, "16Ki or more")


def _find_memory(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.pods:
        limit = sidecar.option("sidecar-memory-limit")
        bytes_ = read_bytes(limit.text)
        if bytes_ is None:
            continue
        env = sidecar.option("env")
        found = _MOST.search(env.text)
        most = read_bytes(found[1].strip()) if found else None
        if most is None or most >= bytes_:
            yield Trouble.at(sidecar.document, env, f"GOMEMLIMIT below {limit.text}")


def _find_unreadable(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.sidecars:
        for name, node in sidecar.options.items():
            wanted = _wanted(name, node.text)
            if wanted:
                yield Trouble.at(sidecar.document, node, wanted)


def _wanted(name: str, text: str) -> str:
    """Return what an option must be, if this is not it."""
    if name in {"max-body-size", "read-buffer-size"}:
        return "" if read_bytes(text) is not None else "a size such as 32Mi"
    if name == "enable-app-health-check":
        return "" if read_truth(text) is not None else "true or false"
    if name in _DURATIONS:
        return "" if read_seconds(text) is not None else "a duration such as 55s"
    if name in _NUMBERS:
        return "" if read_whole(text) is not None else "a whole number"
    return ""


def _body_limit(sidecar: Sidecar) -> int | None:
    """Return the bytes of a body that a sidecar passes on; None if that is not to be read."""
    option = sidecar.option("max-body-size")
    if option.given:
        return read_bytes(option.text)
    return _DEFAULT_BODY if sidecar.knows_flags else None


CHECKS = (
    Check(
        "body-limit",
        Severity.ERROR,
        "a sidecar that cuts off bodies that the service accepts",
        "maxBodySize, dapr.io/max-body-size, --max-body-size, and MAX_BODY of the service",
        "The default is 4Mi, on both sides of a call. Over its limit a sidecar answers a bare HTTP"
        " 500, the service 429 with the reason.",
        "Give every sidecar twice MAX_BODY.",
        _find_bodies,
    ),
    Check(
        "unequal-body-limits",
        Severity.ERROR,
        "sidecars of one mesh with different limits of a body",
        "the same",
        "A call passes two sidecars, and the smaller limit decides: what one app may send, another"
        " may not.",
        "Give every sidecar the same limit, those of callers, too.",
        _find_unequal_bodies,
    ),
    Check(
        "read-buffer",
        Severity.WARNING,
        "less room for headers than browsers need",
        "readBufferSize, dapr.io/read-buffer-size, --read-buffer-size",
        "The default is 4Ki; browsers with cookies, or callers with long traces, are refused.",
        "Set it to 16Ki.",
        _find_headers,
    ),
    Check(
        "sidecar-memory",
        Severity.WARNING,
        "a memory limit that the sidecar does not know",
        "dapr.io/sidecar-memory-limit, and GOMEMLIMIT in dapr.io/env",
        "Without GOMEMLIMIT a sidecar took 2.7 to 4.7 GB for 50 bodies of 16 MiB at once; a limit"
        " then kills it.",
        "Set GOMEMLIMIT to about four fifths of the limit: dapr.io/env: GOMEMLIMIT=400MiB.",
        _find_memory,
    ),
    Check(
        "unreadable-option",
        Severity.ERROR,
        "an option that is not of its type",
        "sizes, durations, switches and numbers of sidecars",
        "Dapr refuses to start, or takes its default without a word.",
        "Write the value as expected.",
        _find_unreadable,
    ),
)
