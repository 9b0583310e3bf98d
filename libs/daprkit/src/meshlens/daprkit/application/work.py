"""Work: a request of whatever type, together with what answers it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from meshlens.daprkit.application.keys import Key, Once, fingerprint
from meshlens.daprkit.application.queueing.flows import Flow
from meshlens.daprkit.messages import Provenance


class Incoming(Protocol):
    """What the application reads of a request; `messages.Request` is one."""

    @property
    def body(self) -> bytes:
        """The bytes the caller sent; their size is limited, and their digest is in the event."""

    @property
    def time_limit(self) -> float:
        """Seconds that the caller waits."""

    @property
    def caller(self) -> str:
        """The app id of who calls; empty if no sidecar has said it."""


class Outgoing(Protocol):
    """What the application reads of an answer, for the event; `messages.Reply` is one."""

    @property
    def result(self) -> Mapping[str, Any] | None:
        """Facts of the result, JSON values only."""

    @property
    def model(self) -> str:
        """What answered; empty if the method has no model."""

    @property
    def version(self) -> str:
        """The version of the model."""

    @property
    def provenance(self) -> Provenance | None:
        """Of the model; None if the method has none."""

    @property
    def size(self) -> int:
        """The bytes that it takes while it is kept, about."""


Q = TypeVar("Q", bound=Incoming)
A = TypeVar("A", bound=Outgoing)


@dataclass(frozen=True, slots=True)
class Work(Generic[Q, A]):
    """A request, and what answers it.

    Attributes:
        request: what came.
        endpoint: answers it.
        path: what was called.
        options: what else the answer depends on, besides the body.
        key: by which it is known when it is sent again.
        flow: with whose other requests it waits.
        headers: of the call that carried it, names in lower case.
        cause: id of the event that it came as.
    """

    request: Q
    endpoint: Callable[[Q], A]
    path: str
    options: Mapping[str, str]
    key: Key | None
    flow: Flow
    headers: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""

    def identify(self, method: str, key: Key, digest: str, heeded: Collection[str]) -> Once:
        """Return what it is known by.

        Args:
            method: what it calls.
            key: its key.
            digest: of its body.
            heeded: the names of headers that its answer depends on, besides its options.
        """
        headers = {f"{name}:": text for name in heeded if (text := self.headers.get(name))}
        options = {**self.options, **headers}
        return Once(method, key, fingerprint(digest, path=self.path, options=options))
