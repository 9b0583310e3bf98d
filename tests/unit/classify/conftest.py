"""The model that ships, and the digits it has never seen."""

from importlib.resources import files
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of models that comes with the package."""
    return Path(str(files("classify") / "models"))


@pytest.fixture(scope="session")
def digits(models: Path) -> bytes:
    """The file of the model that ships."""
    return (models / "digits/1/digits.tflite").read_bytes()
