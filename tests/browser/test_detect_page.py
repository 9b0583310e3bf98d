"""The page of classify asks a model that detects for boxes, and draws them over the picture."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from classify.models import shipped_models
from installed import need_module
from mesh import Mesh, Profile
from playwright.sync_api import Page, expect

CARD = """
model: {path: mtcnn.pb, type: frozen_graph}
task: detect
subject: face
input: {name: input, type: bgr32f}
constants: {min_size: 20, thresholds: [0.6, 0.7, 0.7], factor: 0.709}
outputs: [box, prob]
detection: {boxes: box, scores: prob, columns: [y1, x1, y2, x2]}
"""


@pytest.fixture(scope="module")
def mesh(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The digits that ship, and faces by a card."""
    need_module("tensorflow", "uv sync --group train")
    folder = tmp_path_factory.mktemp("models")
    (folder / "digits").symlink_to(shipped_models() / "digits")
    (folder / "faces").mkdir()
    (folder / "faces/mtcnn.pb").symlink_to(shared / "models/mtcnn/mtcnn.pb")
    (folder / "faces/card.yaml").write_text(CARD)
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    work = tmp_path_factory.mktemp("mesh")
    with Mesh(Profile.EMBEDDED, work, models=folder, env=env) as running:
        yield running


def test_thirty_faces_are_framed_in_the_picture(
    mesh: Mesh, shared: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{mesh.http('pca')}/v1.0/invoke/classify/method/ui")
    expect(page.locator("#verdict")).to_have_text("It is very likely a 7.")
    page.get_by_label("Model", exact=True).select_option("faces")
    page.locator("#file").set_input_files(shared / "images/solvay.jpg")
    expect(page.locator("#verdict")).to_have_text("30 found: face.", timeout=30_000)
    expect(page.locator("#canvas rect")).to_have_count(30)
    expect(page.locator("#bars li")).to_have_count(30)
    picture = page.get_by_role("img", name="solvay.jpg").bounding_box()
    overlay = page.locator("#canvas svg").bounding_box()
    assert overlay == pytest.approx(picture, abs=1)
    page.get_by_label("Model", exact=True).select_option("digits")
    expect(page.locator("#canvas rect")).to_have_count(0)
