"""What tests of every kind share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real models, pictures and points with known results, which are not part of the project."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared"
    folder = Path(os.environ.get("MESHLENS_SHARED", beside))
    if not (folder / "models").is_dir():
        pytest.skip(f"{folder} is missing: real models and pictures with known results")
    return folder
