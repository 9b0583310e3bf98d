"""The models that come with the package, laid out as any repository of models."""

from pathlib import Path


def shipped_models() -> Path:
    """Return the folder of these models."""
    return Path(__file__).parent
