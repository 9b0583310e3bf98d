"""The models that ship with the package, laid out like any folder of models."""

from pathlib import Path


def shipped_models() -> Path:
    """Return the folder of the shipped models."""
    return Path(__file__).parent
