"""How often the caches of a service had what was wanted."""

from collections.abc import Callable
from typing import Protocol

from meshlens.daprkit.telemetry.metrics import Metrics, Numbers


class Cache(Protocol):
    """What counts how often it had what was wanted."""

    @property
    def hits(self) -> int:
        """How often it had it."""

    @property
    def misses(self) -> int:
        """How often it had not."""


class Caches:
    """The caches that Prometheus sees.

    Args:
        metrics: shows them.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._caches: dict[str, Cache] = {}

        def read(outcome: str) -> Callable[[], Numbers]:
            return lambda: [((name,), getattr(it, outcome)) for name, it in self._caches.items()]

        for outcome, text in (
            ("hits", "Times that a cache had what was wanted."),
            ("misses", "Times that it had not."),
        ):
            metrics.count_by(f"cache_{outcome}", text, ("cache",), read(outcome))

    def add(self, name: str, cache: Cache) -> None:
        """Show a cache under its name."""
        self._caches[name] = cache
