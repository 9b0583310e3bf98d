"""What tests of every kind share."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from installed import need_module
from mesh import Mesh, Profile

from meshlens.classify.models import shipped_models

# Nothing timed is asserted: a busy machine fails no example.
settings.register_profile("unhurried", settings(), deadline=None)
# In CI the same examples each time, so that it fails by a change only; others are for developers.
settings.register_profile("repeatable", settings.get_profile("unhurried"), derandomize=True)
settings.load_profile("repeatable" if os.environ.get("CI") else "unhurried")
# For `make test-unit`; `make test` tries as many as hypothesis does by default.
settings.register_profile("few-examples", settings.get_profile("unhurried"), max_examples=15)


def pytest_collection_finish() -> None:
    """Leave what all tests have imported out of every later collection, as the server does."""
    gc.freeze()


FACES = """
model: {path: mtcnn.pb, type: frozen_graph}
task: detect
subject: face
input: {name: input, type: bgr32f}
constants: {min_size: 20, thresholds: [0.6, 0.7, 0.7], factor: 0.709}
outputs: [box, prob]
detection: {boxes: box, scores: prob, columns: [y1, x1, y2, x2]}
"""


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real models, pictures and points with known results, which are not part of the project."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared"
    folder = Path(os.environ.get("MESHLENS_SHARED", beside))
    if not (folder / "models").is_dir():
        pytest.skip(f"{folder} is missing: real models and pictures with known results")
    return folder


@pytest.fixture(scope="module")
def faces_mesh(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services with the digits that ship, and faces by a card."""
    need_module("tensorflow", "uv sync --group train")
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(shipped_models() / "digits", folder / "digits")
    (folder / "faces").mkdir()
    shutil.copy(shared / "models/mtcnn/mtcnn.pb", folder / "faces/mtcnn.pb")
    (folder / "faces/card.yaml").write_text(FACES)
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    work = tmp_path_factory.mktemp("mesh")
    with Mesh(Profile.EMBEDDED, work, models=folder, env=env) as running:
        yield running
