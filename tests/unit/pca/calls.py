"""What a method is called with: a request, and a store in memory."""

import hashlib
from collections.abc import Sequence

from meshlens.daprkit.messages import Request

POINTS = b"2,1,3,1.5,4,3,5,3.5,6,4"


class Shelf:
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.kept[name] = data
        return name

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def has(self, name: str) -> bool:
        return name in self.kept

    def names(self) -> Sequence[str]:
        return list(reversed(self.kept))

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


def ask(body: bytes = POINTS, content_type: str = "", id_: str = "", **query: str) -> Request:
    return Request(
        method="",
        verb="POST",
        query=query,
        content_type=content_type,
        body=body,
        headers={},
        parameters={"id": id_} if id_ else {},
    )
