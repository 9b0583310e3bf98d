"""Whether versions can be loaded at the same time."""

from collections.abc import Iterable

from meshlens.classify.serving.versions import Version


def explain_excess(versions: Iterable[Version], budget: int) -> str:
    """Return how many bytes versions have together, if that is more than may be loaded.

    The bytes of a version are known once it has been fetched, and stay known when it is unloaded;
    until then it counts as none, so what fits is never refused.

    Args:
        versions: each of them, with nothing twice.
        budget: bytes of all loaded models, 0 for no limit.

    Returns:
        the bytes together and of each; empty if they fit, as far as is known.
    """
    sizes = {f"{it.source.model}@{it.source.version}": it.known_size for it in versions}
    total = sum(sizes.values())
    if not budget or total <= budget:
        return ""
    each = ", ".join(f"{name} has {size}" for name, size in sizes.items() if size)
    return f"{total} bytes ({each})"
