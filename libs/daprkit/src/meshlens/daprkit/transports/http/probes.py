"""What the platform asks: whether the process lives, and whether the service is ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meshlens.daprkit.transports.http.refusals import Answer
from meshlens.daprkit.transports.http.requests import Message

TEXT = "text/plain; charset=utf-8"
_VERBS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Probes:
    """Answers probes, which come without a token.

    Attributes:
        names: the name in grpc.health.v1 whose state each path shows.
        is_serving: returns whether grpc.health.v1 answers SERVING for a name.
    """

    names: Mapping[str, str]
    is_serving: Callable[[str], bool]

    def answer(self, scope: Message) -> Answer | None:
        """Return the answer to a probe; None for any other request."""
        name = self.names.get(scope["path"])
        if name is None or scope["method"] not in _VERBS:
            return None
        serves = self.is_serving(name)
        return Answer(200 if serves else 503, b"ok" if serves else b"not serving", TEXT)
