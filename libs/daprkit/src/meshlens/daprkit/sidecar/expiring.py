"""Values of a Dapr state store that it drops by itself after a while."""

from meshlens.daprkit.sidecar.channel import Sidecar
from meshlens.daprkit.sidecar.state import StateStore


class ExpiringValues:
    """Values under keys, each for so many seconds.

    Args:
        sidecar: the app's own sidecar.
        store: name of the state store component.
        timeout: most seconds for one operation of the store.
    """

    def __init__(self, sidecar: Sidecar, *, store: str, timeout: float) -> None:
        self._state = StateStore(sidecar, name=store, timeout=timeout)

    def read(self, key: str, *, within: float) -> bytes:
        """Return a value, empty if there is none, in at most so many seconds.

        Raises:
            StoreUnavailable: the state store does not answer.
        """
        return self._state.read(key, within=within).value

    def write(self, key: str, value: bytes, *, seconds: int, within: float) -> None:
        """Keep a value for so many seconds; return in at most `within` seconds.

        Raises:
            StoreUnavailable: the state store does not take it.
        """
        self._state.save(key, value, within=within, keep=seconds)
