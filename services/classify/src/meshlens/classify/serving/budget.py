"""How much all loaded models may take, and which of them goes when another one comes."""

from collections.abc import Iterable

from meshlens.classify.errors import InvalidModel
from meshlens.classify.serving.versions import Version


class Budget:
    """Bytes of all loaded models.

    Args:
        limit: bytes; 0 for no limit.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def check(self, size: int) -> None:
        """Refuse a model for which no others could make room.

        Raises:
            InvalidModel: it is larger than the budget.
        """
        if self.limit and size > self.limit:
            raise InvalidModel(
                f"the model has {size} bytes, the budget {self.limit}; raise MODEL_BUDGET"
            )

    def choose(self, versions: Iterable[Version], size: int, *, last: str) -> Version | None:
        """Return what has to go for `size` bytes more, None if there is room.

        Args:
            versions: all that may be loaded, but for the one that comes.
            size: of the one that comes.
            last: the model that goes only when no other is left.

        Returns:
            the version that was not used for longest.
        """
        loaded = [version for version in versions if version.loaded]
        taken = sum(version.loaded.size for version in loaded if version.loaded)
        if not self.limit or taken + size <= self.limit:
            return None
        return min(loaded, key=lambda version: (version.source.model == last, version.used))
