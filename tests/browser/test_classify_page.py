"""The page of classify in Chromium, through sidecars: classify, choose, load and unload."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from mesh import ROOT, Mesh, Profile
from playwright.sync_api import Page, expect

from meshlens.classify.models import shipped_models

OpenPage = Callable[..., Page]

SAMPLES = ROOT / "services/classify/samples"
THREE = "It is very likely a 3."
FIVE = "It could be a 5."
SEVEN = "It is very likely a 7."


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services, with two versions of digits, the older not loaded, and a broken model."""
    folder = tmp_path_factory.mktemp("models")
    for version in ("1", "2"):
        target = folder / "digits" / version
        target.mkdir(parents=True)
        source = shipped_models() / "digits/1/digits.tflite"
        (target / "digits.tflite").write_bytes(source.read_bytes())
    (folder / "broken" / "1").mkdir(parents=True)
    (folder / "broken/1/broken.tflite").write_bytes(b"half a model")
    work = tmp_path_factory.mktemp("mesh")
    env = {"classify": {"DEFAULT_MODEL": "digits"}}
    with Mesh(Profile.EMBEDDED, work, models=folder, env=env) as running:
        yield running


@pytest.fixture
def address(mesh: Mesh) -> str:
    """The page by the sidecar of pca, so that every call crosses two."""
    return f"{mesh.http('pca')}/v1.0/invoke/classify/method/ui"


@pytest.fixture
def page(open_page: OpenPage, address: str) -> Page:
    opened = open_page(address)
    expect(opened.locator("#verdict")).to_have_text(SEVEN)
    return opened


def choose_sample(page: Page, name: str) -> None:
    page.get_by_role("group", name="Samples").get_by_role("button", name=name).click()


def hand_over(page: Page, event: str, path: Path) -> None:
    """Drop or paste a file by the events that a browser sends."""
    page.evaluate(
        """([event, name, data]) => {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          const files = new DataTransfer();
          files.items.add(new File([bytes], name, { type: "image/png" }));
          const options = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(event === "drop"
            ? new DragEvent("drop", { ...options, dataTransfer: files })
            : new ClipboardEvent("paste", { ...options, clipboardData: files }));
        }""",
        [event, path.name, base64.b64encode(path.read_bytes()).decode()],
    )


def test_the_page_opens_with_an_answer_signed_by_model_and_version(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("digits, version 2, in ")
    expect(page.locator("#status")).to_contain_text(" ms")


def test_a_sample_is_named_with_a_bar_for_each_label(page: Page) -> None:
    choose_sample(page, "digit 3")
    expect(page.locator("#verdict")).to_have_text(THREE)
    bars = page.locator("#bars li")
    expect(bars).to_have_count(5)
    expect(bars.first.locator(".label")).to_have_text("3")
    shown = page.evaluate(
        "[...document.querySelectorAll('.fill')].map((bar) => bar.getBoundingClientRect().width)"
    )
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > 100


def test_a_dropped_picture_is_named(page: Page) -> None:
    hand_over(page, "drop", SAMPLES / "digit-5.png")
    expect(page.locator("#verdict")).to_have_text(FIVE)
    expect(page.get_by_role("img", name="digit-5.png")).to_be_visible()


def test_a_pasted_picture_is_named(page: Page) -> None:
    hand_over(page, "paste", SAMPLES / "digit-3.png")
    expect(page.locator("#verdict")).to_have_text(THREE)


def test_an_opened_picture_is_named(page: Page) -> None:
    page.locator("#file").set_input_files(SAMPLES / "digit-5.png")
    expect(page.locator("#verdict")).to_have_text(FIVE)


def test_as_many_labels_are_shown_as_are_asked_for(page: Page) -> None:
    page.get_by_label("Labels shown").fill("2")
    expect(page.locator("#bars li")).to_have_count(2)
    page.get_by_label("Labels shown").fill("0")
    expect(page.locator("#picture-fault")).to_contain_text("top_k")


def test_a_file_that_is_no_picture_is_refused_in_words_until_a_picture_comes(
    page: Page, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no picture at all")
    page.locator("#file").set_input_files(text)
    expect(page.locator("#picture-fault")).to_contain_text("Expected")
    expect(page.locator("#verdict")).to_be_empty()
    expect(page.locator("#bars li")).to_have_count(0)
    choose_sample(page, "digit 7")
    expect(page.locator("#verdict")).to_have_text(SEVEN)
    expect(page.locator("#picture-fault")).to_be_empty()


def test_a_version_is_loaded_asked_and_unloaded(page: Page) -> None:
    page.get_by_role("button", name="Load digits version 1").click()
    expect(page.get_by_role("button", name="Unload digits version 1")).to_be_focused()
    page.get_by_label("Version", exact=True).select_option("1")
    expect(page.locator("#status")).to_contain_text("digits, version 1, in ")
    page.get_by_role("button", name="Unload digits version 1").click()
    expect(page.get_by_role("button", name="Load digits version 1")).to_be_visible()
    choose_sample(page, "digit 3")
    expect(page.locator("#picture-fault")).to_contain_text("unloaded")
    page.get_by_label("Version", exact=True).select_option("2")
    expect(page.locator("#verdict")).to_have_text(THREE)


def test_a_model_that_cannot_be_loaded_says_why(page: Page) -> None:
    expect(page.get_by_role("row").filter(has_text="broken")).to_contain_text("Failed")
    expect(page.locator("tr.why")).to_contain_text("Expected a flatbuffer")


def test_everything_is_reached_by_the_keyboard(page: Page) -> None:
    page.get_by_role("button", name="digit 3").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_text(THREE)
    reached: set[str] = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"file", "clear", "model", "version", "top-k", "refresh"} <= reached


def test_a_phone_shows_everything_without_scrolling_sideways(
    open_page: OpenPage, address: str
) -> None:
    phone = open_page(
        address, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True
    )
    expect(phone.locator("#verdict")).to_have_text(SEVEN)
    expect(phone.locator("label.camera")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_blame(open_page: OpenPage, address: str, scheme: str) -> None:
    # The policy of the page forbids what is not its own, which axe is.
    opened = open_page(address, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    expect(opened.locator("#verdict")).to_have_text(SEVEN)
    found = Axe().run(opened)
    assert found.violations_count == 0, found.generate_report()
