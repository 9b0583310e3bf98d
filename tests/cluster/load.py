"""Constant load from a pod inside the mesh, and its outcome."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from cluster.caller import Caller
from cluster.lifetime import Figures
from cluster.project import Project
from mesh import ROOT

_PICTURE = ROOT / "services/classify/samples/digit-7.png"
_END_SECONDS = 120.0


@dataclass(frozen=True)
class Sent:
    """One call of the load: the digest of its body, and `since`, the time at which it began.

    `text` is the error message; of pictures by gRPC, the answer.
    """

    app: str
    digest: str
    code: str
    text: str
    since: float
    seconds: float


class Load:
    """Calls both services while it is open, about ten times a second from each thread.

    Args:
        caller: the pod that makes the calls.
        protocol: grpc (proxied, with the retries of the policy) or http (without).
        threads: how many threads call.
    """

    def __init__(self, caller: Caller, protocol: str, threads: int) -> None:
        self._caller = caller
        self._arguments = (protocol, str(threads), base64.b64encode(_PICTURE.read_bytes()).decode())
        self.calls: list[Sent] = []

    def __enter__(self) -> Self:
        self._process = self._caller.start("load.py", *self._arguments)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        printed, complaint = self._process.communicate(timeout=_END_SECONDS)
        if kind is None:
            assert self._process.returncode == 0, complaint
            self.calls = [Sent(**call) for call in json.loads(printed)]

    @property
    def failed(self) -> list[Sent]:
        """The calls that got no result."""
        return [call for call in self.calls if call.code != "OK"]

    @property
    def codes(self) -> dict[str, int]:
        """How many calls ended with each code."""
        return dict(Counter(call.code for call in self.calls))


def read_events(project: Project) -> list[dict[str, Any]]:
    """All events of results in the event stream."""
    read = ("redis-cli", "--json", "XRANGE", "results", "-", "+")
    printed = project.kubectl("exec", "deployment/redis", "--", *read)
    return [
        json.loads(dict(zip(fields[::2], fields[1::2], strict=True))["data"])
        for _, fields in json.loads(printed)
    ]


def events(project: Project) -> set[str]:
    """The digests of all inputs whose results are in the event stream."""
    return {
        event["data"]["input"]["sha256"]
        for event in read_events(project)
        if event["data"]["outcome"] == "OK"
    }


@contextmanager
def calling(
    project: Project, figures: Figures, what: str, *, abrupt: bool = False
) -> Iterator[None]:
    """Call over gRPC and HTTP while the body runs: no call may fail, and no event may be lost.

    Args:
        project: the services to call.
        figures: gets the number of calls and their outcomes.
        what: the body does, for the figures.
        abrupt: the body kills something, so calls over HTTP, which nothing retries, may fail.
    """
    caller = project.caller("caller")
    with Load(caller, "grpc", threads=4) as proxied, Load(caller, "http", threads=2) as plain:
        _await_answers(project)
        yield
        project.await_leavers()
    answered = {call.digest for it in (proxied, plain) for call in it.calls if call.code == "OK"}
    lost = answered - events(project)
    figures.add(f"{what}: grpc {proxied.codes}, http {plain.codes}, events lost {len(lost)}")
    assert not proxied.failed, proxied.failed[:5]
    assert abrupt or not plain.failed, plain.failed[:5]
    assert not lost


def _await_answers(project: Project) -> None:
    before = _answers(project)
    project.node.eventually(lambda: _answers(project) > before + 100, "calls are answered")


def _answers(project: Project) -> int:
    return sum(
        count
        for app, method in (("pca", "plot"), ("classify", "classify"))
        for count in project.answered(app, method).values()
    )
