"""Sends hostile inputs through the sidecars, and notes what becomes of them and of the services."""

import http.client
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import grpc
import psutil
from hostile.inputs import Input, Inputs
from mesh import SERVICES, Mesh

_CALLERS = 4
_SECONDS = 60.0
_MIB = 1024 * 1024
# A caller's fault, a full queue, a method that the reference says is not there, or later again.
_ALLOWED_STATUSES = frozenset({501, 503, 504})
_FORBIDDEN_CODES = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS"})


@dataclass(slots=True)
class Finding:
    """What became of the inputs.

    Attributes:
        statuses: how often each came, by protocol.
        faults: inputs that were answered as none may be, with the answer.
        longest: seconds that an answer took.
        memory: MiB of each service and its processes, at marks on the way.
    """

    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)
    longest: float = 0.0
    memory: list[dict[str, int]] = field(default_factory=list)


def send_all(mesh: Mesh, seed: int, marks: Sequence[int]) -> Finding:
    """Send inputs, and measure the services' memory after each of so many."""
    finding, lock = Finding(), threading.Lock()
    inputs = Inputs(seed)
    channels = {
        service: grpc.insecure_channel(f"127.0.0.1:{mesh.grpc_port(_other(service))}")
        for service in SERVICES
    }

    def send(each: Input) -> None:
        began = time.monotonic()
        status, text = _send(mesh, channels, each)
        with lock:
            finding.longest = max(finding.longest, time.monotonic() - began)
            finding.statuses[each.door.protocol][status] += 1
            code = int(status) if status.isdecimal() else 0
            if (code >= 500 and code not in _ALLOWED_STATUSES) or status in _FORBIDDEN_CODES:
                finding.faults.append(f"{status} {text[:300]}: {each!r:.600}")

    sent = 0
    with ThreadPoolExecutor(_CALLERS) as pool:
        for mark in marks:
            list(pool.map(send, [inputs.make() for _ in range(mark - sent)]))
            sent = mark
            finding.memory.append({name: _measure(mesh, name) for name in SERVICES})
    for channel in channels.values():
        channel.close()
    for name in SERVICES:
        process = mesh.process(name)
        if process.exit_code is not None:
            finding.faults.append(f"{name} ended with code {process.exit_code}")
        if "Traceback" in process.log():
            log = process.log()
            finding.faults.append(f"{name}: {log[log.index('Traceback') :][:2000]}")
    return finding


def list_rows(finding: Finding) -> list[dict[str, Any]]:
    """Return what was found as rows of a table."""
    return [
        {
            "protocol": protocol,
            "inputs": sum(counts.values()),
            "answers": ", ".join(f"{count} {status}" for status, count in counts.most_common()),
        }
        for protocol, counts in sorted(finding.statuses.items())
    ]


def _other(service: str) -> str:
    return next(each for each in SERVICES if each != service)


def _send(mesh: Mesh, channels: dict[str, grpc.Channel], each: Input) -> tuple[str, str]:
    if "gRPC" in each.door.protocol:
        return _call(channels[each.door.service], each)
    connection = http.client.HTTPConnection(
        "127.0.0.1", mesh.http_port(_other(each.door.service)), timeout=_SECONDS
    )
    path = f"/v1.0/invoke/{each.door.service}/method/{quote(each.path, safe='/:%')}?{each.query}"
    if each.door.protocol == "topic":
        path = "/v1.0/publish/pubsub/images"
    try:
        connection.request("POST", path, each.body, each.headers)
        answer = connection.getresponse()
        return str(answer.status), answer.read().decode(errors="replace")
    finally:
        connection.close()


def _call(channel: grpc.Channel, each: Input) -> tuple[str, str]:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{each.path}")
    try:
        call(each.body, metadata=(("dapr-app-id", each.door.service),), timeout=_SECONDS)
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


def _measure(mesh: Mesh, name: str) -> int:
    process = psutil.Process(mesh.process(name).pid)
    those = [process, *process.children(recursive=True)]
    return round(sum(it.memory_info().rss for it in those) / _MIB)
