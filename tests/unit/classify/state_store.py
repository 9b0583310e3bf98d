"""A state store that can be down, or read only."""

from collections.abc import Callable

from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.sidecar.state import Written


class Store:
    """One value, which is written by whoever has read the last one."""

    def __init__(self) -> None:
        self.down = False
        self.read_only = False
        self.written = Written(b"", "")
        self.before_write: Callable[[], None] = lambda: None

    def read(self, key: str, *, within: float | None = None) -> Written:  # noqa: ARG002 - the protocol's
        if self.down:
            raise StoreUnavailable("down")
        return self.written

    def replace(self, key: str, read: Written, value: bytes, *, within: float) -> bool:  # noqa: ARG002 - the protocol's
        before, self.before_write = self.before_write, lambda: None
        before()
        if self.down:
            raise StoreUnavailable("down")
        if read.etag != self.written.etag or self.read_only:
            return False
        self.written = Written(value, f"{int(read.etag or 0) + 1}")
        return True
