"""What a stranger sees first on the page of classify: a photo, and what it shows."""

from collections.abc import Callable

import pytest
from mesh import ROOT, Mesh
from playwright.sync_api import Page, expect


@pytest.fixture
def page(open_page: Callable[..., Page], mesh: Mesh) -> Page:
    opened = open_page(f"{mesh.http('pca')}/v1.0/invoke/classify/method/ui")
    expect(opened.locator("#verdict")).to_have_text("It is very likely an espresso.")
    return opened


def test_the_page_opens_with_a_photo_that_is_named(page: Page) -> None:
    expect(page.get_by_role("img", name="coffee")).to_be_visible()
    expect(page.locator("#about")).to_have_text("Says which of 1000 objects a picture shows.")
    page.get_by_role("group", name="Samples").get_by_role("button", name="cat").click()
    expect(page.locator("#verdict")).to_have_text("It is very likely an Egyptian cat.")


def test_a_photo_of_a_fresh_clone_is_named(page: Page) -> None:
    page.locator("#file").set_input_files(ROOT / "services/classify/samples/chelsea.jpg")
    expect(page.get_by_role("img", name="chelsea.jpg")).to_be_visible()
    expect(page.locator("#verdict")).to_have_text("It is very likely an Egyptian cat.")


def test_another_model_gets_a_sample_that_it_knows(page: Page) -> None:
    page.get_by_label("Model", exact=True).select_option("digits")
    expect(page.locator("#verdict")).to_have_text("It is very likely a 7.")
    expect(page.get_by_role("img", name="digit 7")).to_be_visible()
    samples = page.get_by_role("group", name="Samples").get_by_role("button")
    expect(samples.first).to_have_text("digit 7")
