"""A store of values in memory that fails, hangs and damages what it has when it is told to."""

import threading

from meshlens.daprkit.errors import StoreUnavailable


class Store:
    """Keeps what it is given, for ever.

    Attributes:
        values: by key.
        down: whether it raises instead.
        reads: how often it was asked.
        open: while it is not set, writes wait.
    """

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.down = False
        self.reads = 0
        self.open = threading.Event()
        self.open.set()

    def read(self, key: str, *, within: float) -> bytes:
        self.reads += 1
        self._check(within)
        return self.values.get(key, b"")

    def write(self, key: str, value: bytes, *, seconds: int, within: float) -> None:
        assert seconds > 0
        self.open.wait()
        self._check(within)
        self.values[key] = value

    def _check(self, within: float) -> None:
        if self.down:
            raise StoreUnavailable(
                f"store must answer within {within:g} s", got="nothing", remedy="start it"
            )
