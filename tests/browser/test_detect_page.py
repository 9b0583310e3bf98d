"""The page of classify gets boxes from a detector and draws them over the picture."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mesh import Mesh
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def mesh(faces_mesh: Mesh) -> Mesh:
    return faces_mesh


def test_thirty_faces_are_framed_in_the_picture(
    mesh: Mesh, shared: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{mesh.http('pca')}/v1.0/invoke/classify/method/ui")
    expect(page.locator("#verdict")).to_have_text("It is very likely a 7.")
    page.get_by_label("Model", exact=True).select_option("faces")
    page.locator("#file").set_input_files(shared / "images/solvay.jpg")
    expect(page.locator("#verdict")).to_have_text("30 faces.", timeout=30_000)
    expect(page.locator("#canvas rect")).to_have_count(30)
    expect(page.locator("#bars li")).to_have_count(30)
    picture = page.get_by_role("img", name="solvay.jpg").bounding_box()
    overlay = page.locator("#canvas svg").bounding_box()
    assert overlay == pytest.approx(picture, abs=1)
    page.get_by_label("Lowest score").fill("0.9999")
    expect(page.locator("#verdict")).not_to_have_text("30 faces.", timeout=30_000)
    page.get_by_label("Thresholds of the stages").fill("none")
    expect(page.locator("#options-fault")).to_contain_text("three scores from 0 to 1")
    page.get_by_label("Thresholds of the stages").fill("")
    page.get_by_label("Model", exact=True).select_option("digits")
    expect(page.get_by_label("Lowest score")).to_have_count(0)
    expect(page.get_by_label("Labels shown")).to_be_visible()
    expect(page.locator("#canvas rect")).to_have_count(0)
