"""The models that ship."""

from pathlib import Path

import pytest

from meshlens.classify.models import shipped_models


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of models that comes with the package."""
    return shipped_models()


@pytest.fixture(scope="session")
def digits(models: Path) -> bytes:
    """The file of the smaller model that ships."""
    return (models / "digits/1/digits.tflite").read_bytes()
