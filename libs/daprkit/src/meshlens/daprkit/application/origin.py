"""Where a request comes from, for endpoints whose answers depend on who asks."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Origin:
    """Who has sent a request, by the call that carried it.

    Attributes:
        caller: the app id of who calls; empty if no sidecar has said it.
        headers: of the call, names in lower case.
    """

    caller: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


_NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Let what is done meanwhile find where its request comes from."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def find_origin() -> Origin:
    """Return where the request of this context comes from."""
    return _origin.get()


def read_headers(metadata: Iterable[tuple[str, str | bytes]]) -> Mapping[str, str]:
    """Return the texts in the metadata of a gRPC call."""
    return {name: value for name, value in metadata if isinstance(value, str)}
