"""The page of classify in Chromium, through sidecars: pictures, options, models."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from mesh import ROOT, Mesh, Profile
from PIL import Image
from playwright.sync_api import Page, Route, expect
from processes import eventually

from meshlens.classify.models import shipped_models

OpenPage = Callable[..., Page]

SAMPLES = ROOT / "services/classify/samples"
THREE = "It is very likely a 3."
FIVE = "It could be a 5."
SEVEN = "It is very likely a 7."
# What browsers do on a machine without one.
NO_WEBCAM = (
    "() => { navigator.mediaDevices.getUserMedia ="
    " () => Promise.reject(new DOMException('', 'NotFoundError')); }"
)


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
    (folder / "prices").mkdir()
    (folder / "prices/prices.tflite").write_bytes(source.read_bytes())
    (folder / "prices/card.yaml").write_text("model: {path: prices.tflite}\ntask: tensor\n")
    work = tmp_path_factory.mktemp("mesh")
    env = {"classify": {"DEFAULT_MODEL": "digits", "WORKERS": "1", "QUEUE_PER_WORKER": "1"}}
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


def hold(page: Page, address: str) -> list[Route]:
    """Keep requests until they are continued; return them."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(address, keep)
    return held


def open_table(page: Page) -> None:
    page.locator("#operation summary").click()
    expect(page.locator("#models")).to_be_visible()


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
    expect(page.locator("#options-fault")).to_have_text("Labels shown is a whole number from 1.")
    expect(page.locator("#bars li")).to_have_count(2)
    page.get_by_label("Labels shown").fill("")
    expect(page.locator("#options-fault")).to_be_empty()
    expect(page.locator("#bars li")).to_have_count(5)


def test_a_file_that_is_no_picture_is_refused_in_words_until_a_picture_comes(
    page: Page, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no picture at all")
    page.locator("#file").set_input_files(text)
    expect(page.locator("#picture-fault")).to_have_text(
        "This file cannot be read as a picture: it is of another kind, or damaged."
        " JPEG and PNG files work best."
    )
    expect(page.locator("#verdict")).to_be_empty()
    expect(page.locator("#bars li")).to_have_count(0)
    choose_sample(page, "digit 7")
    expect(page.locator("#verdict")).to_have_text(SEVEN)
    expect(page.locator("#picture-fault")).to_be_empty()


def test_a_version_is_loaded_asked_and_unloaded(page: Page) -> None:
    open_table(page)
    page.get_by_role("button", name="Load digits version 1").click()
    expect(page.get_by_role("button", name="Unload digits version 1")).to_be_focused()
    page.get_by_label("Version", exact=True).select_option("1")
    expect(page.locator("#status")).to_contain_text("digits, version 1, in ")
    page.get_by_role("button", name="Unload digits version 1").click()
    expect(page.get_by_role("button", name="Load digits version 1")).to_be_visible()
    choose_sample(page, "digit 3")
    expect(page.locator("#picture-fault")).to_contain_text("The model is not loaded.")
    page.locator("#picture-fault").get_by_role("button", name="Load digits").click()
    expect(page.locator("#verdict")).to_have_text(THREE)
    expect(page.locator("#status")).to_contain_text("digits, version 1, in ")
    page.get_by_role("button", name="Unload digits version 1").click()
    expect(page.get_by_role("button", name="Load digits version 1")).to_be_visible()


def test_the_default_is_unloaded_only_after_a_question(page: Page) -> None:
    open_table(page)
    unload = page.get_by_role("button", name="Unload digits version 2")
    unload.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Unload digits?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(unload).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    expect(unload).to_be_visible()
    unload.click()
    page.get_by_role("dialog").get_by_role("button", name="Unload").click()
    page.get_by_role("button", name="Load digits version 2").click()
    expect(unload).to_be_visible()


def test_a_model_that_cannot_be_loaded_says_why_and_is_not_chosen(page: Page) -> None:
    model = page.get_by_label("Model", exact=True)
    expect(model.locator("option", has_text="broken (failed to load)")).to_be_disabled()
    page.get_by_role("button", name="See why.").click()
    expect(page.get_by_role("row").filter(has_text="broken")).to_contain_text("Failed")
    expect(page.locator("tr.why")).to_contain_text("Expected a flatbuffer")
    expect(page.locator("tr.why")).to_contain_text("Correct or remove its files")
    page.get_by_role("button", name="Load broken version 1").click()
    expect(page.locator("#models-fault")).to_have_text(
        "broken, version 1, could not be loaded; its row says why."
    )


def test_what_the_model_does_is_said(page: Page) -> None:
    expect(page.locator("#about")).to_have_text("Says which of 10 digits a picture shows.")


def test_several_pictures_are_a_list_of_answers_each_of_which_opens(
    page: Page, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no picture at all")
    names = [SAMPLES / f"digit-{digit}.png" for digit in (3, 5, 7, 8)]
    page.locator("#file").set_input_files([*names, text])
    rows = page.locator("#tray li")
    expect(rows).to_have_count(5)
    expect(page.locator("#list-heading")).to_have_text("5 pictures, 1 without an answer")
    expect(rows.nth(0)).to_contain_text(THREE)
    expect(rows.nth(1)).to_contain_text(FIVE)
    expect(rows.nth(4)).to_contain_text("cannot be read as a picture")
    expect(page.locator("#verdict")).to_have_text(THREE)
    rows.nth(2).get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_text(SEVEN)
    expect(page.get_by_role("img", name="digit-7.png")).to_be_visible()
    expect(rows.nth(2).get_by_role("button")).to_have_attribute("aria-current", "true")
    choose_sample(page, "digit 3")
    expect(page.locator("#list")).to_be_hidden()


def test_a_full_queue_is_waited_for(page: Page) -> None:
    # The service admits one request at a time, and the page sends two.
    names = [SAMPLES / f"digit-{digit}.png" for digit in range(10)]
    refused: list[int] = []
    page.on("response", lambda said: refused.append(said.status) if said.status == 429 else None)
    for _ in range(5):
        page.locator("#file").set_input_files(names)
        expect(page.locator("#list-heading")).to_have_text("10 pictures")
        if refused:
            break
    assert refused


def test_what_the_model_sees_is_shown_and_follows_the_picture(page: Page) -> None:
    page.get_by_text("What the model sees").click()
    expect(page.locator("#seen-words")).to_have_text("32 \N{MULTIPLICATION SIGN} 32 pixels, gray")
    seen = page.get_by_role("img", name="The picture as the model sees it")
    first = seen.get_attribute("src")
    choose_sample(page, "digit 3")
    expect(page.locator("#verdict")).to_have_text(THREE)
    expect(seen).not_to_have_attribute("src", str(first))


def test_a_picture_of_a_phone_is_scaled_and_turned_before_it_is_sent(
    page: Page, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x112] = 6  # what lies on the left is the top
    photo = tmp_path / "photo.jpg"
    lying = Image.new("L", (4000, 3000), "white")
    lying.paste("black", (0, 0, 2000, 3000))
    lying.save(photo, exif=exif)
    page.get_by_text("What the model sees").click()
    page.locator("#file").set_input_files(photo)
    expect(page.locator("#reading")).to_have_text(
        "Scaled to 1536 \N{MULTIPLICATION SIGN} 2048 pixels before it was sent;"
        " stretched to the shape that the model takes."
    )
    expect(page.locator("#seen-words")).to_contain_text("gray")
    # In the middle of the upper and of the lower half.
    brightness = """() => {
      const canvas = document.createElement("canvas");
      const pen = canvas.getContext("2d");
      pen.drawImage(document.querySelector("#seen"), 0, 0);
      return [8, 24].map((y) => pen.getImageData(16, y, 1, 1).data[0]);
    }"""
    eventually(lambda: page.evaluate(brightness) == [0, 255], "the model sees it upright")


def test_what_only_the_browser_reads_is_converted(page: Page, tmp_path: Path) -> None:
    drawing = tmp_path / "seven.svg"
    drawing.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
        '<rect width="64" height="64" fill="#fff"/></svg>'
    )
    page.locator("#file").set_input_files(drawing)
    expect(page.locator("#reading")).to_have_text("Converted before it was sent.")
    expect(page.locator("#picture-fault")).to_be_empty()


def test_a_service_that_has_gone_is_said_in_words(page: Page) -> None:
    page.route("**/method/classify*", lambda call: call.abort())
    choose_sample(page, "digit 3")
    expect(page.locator("#picture-fault")).to_contain_text("The service cannot be reached.")
    page.unroute("**/method/classify*")
    page.locator("#picture-fault").get_by_role("button", name="Send again").click()
    expect(page.locator("#verdict")).to_have_text(THREE)


def test_what_is_too_large_is_refused_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.tif"
    with large.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    sent: list[str] = []
    page.on("request", lambda call: sent.append(call.url) if call.method == "POST" else None)
    page.locator("#file").set_input_files(large)
    expect(page.locator("#picture-fault")).to_have_text(
        "This file is too large: 17 MB are taken at most. Make it smaller first."
    )
    assert sent == []


def test_the_code_is_that_of_the_opened_picture_and_the_options(page: Page) -> None:
    page.locator("#code summary").click()
    code = page.locator("#code pre")
    expect(code).to_contain_text("/method/ui/samples/digit-7.png |")
    page.get_by_label("Labels shown").fill("2")
    expect(code).to_contain_text("top_k=2")
    page.locator("#file").set_input_files([SAMPLES / "digit-3.png", SAMPLES / "digit-5.png"])
    expect(code).to_contain_text("--data-binary @digit-3.png")
    page.locator("#tray").get_by_role("button").nth(1).click()
    expect(code).to_contain_text("--data-binary @digit-5.png")
    page.get_by_role("button", name="Clear").click()
    expect(code).to_contain_text("--data-binary @picture.jpg")


def test_the_webcam_takes_a_picture_and_is_switched_off(open_page: OpenPage, address: str) -> None:
    opened = open_page(address, permissions=["camera"])
    expect(opened.locator("#verdict")).to_have_text(SEVEN)
    opened.get_by_role("button", name="Webcam").click()
    expect(opened.get_by_role("button", name="Take the picture")).to_be_focused()
    opened.keyboard.press("Escape")
    expect(opened.locator("#live")).to_be_hidden()
    expect(opened.get_by_role("button", name="Webcam")).to_be_focused()
    opened.keyboard.press("Enter")
    video = opened.locator("#video")
    expect(video).to_have_js_property("paused", value=False)
    tracks = opened.evaluate_handle("document.querySelector('#video').srcObject.getTracks()")
    expect(opened.get_by_role("button", name="Take the picture")).to_be_enabled()
    opened.get_by_role("button", name="Take the picture").click()
    expect(opened.get_by_role("img", name="webcam.jpg")).to_be_visible()
    expect(opened.locator("#verdict")).not_to_be_empty()
    assert opened.evaluate("(tracks) => tracks.map(({ readyState }) => readyState)", tracks) == [
        "ended"
    ]


def test_a_webcam_that_may_not_be_used_is_explained(page: Page) -> None:
    page.get_by_role("button", name="Webcam").click()
    expect(page.locator("#picture-fault")).to_contain_text("The webcam may not be used")
    expect(page.locator("#verdict")).to_have_text(SEVEN)


def test_without_a_webcam_the_page_says_so(open_page: OpenPage, address: str) -> None:
    opened = open_page(address)
    opened.evaluate(NO_WEBCAM)
    opened.get_by_role("button", name="Webcam").click()
    expect(opened.locator("#picture-fault")).to_contain_text("No webcam was found")


def test_what_is_said_of_the_webcam_stays_while_a_sample_is_answered(
    open_page: OpenPage, address: str
) -> None:
    opened = open_page("about:blank")
    held = hold(opened, "**/method/classify*")
    opened.goto(address)
    expect(opened.get_by_role("img", name="digit 7")).to_be_visible()
    opened.evaluate(NO_WEBCAM)
    opened.get_by_role("button", name="Webcam").click()
    expect(opened.locator("#picture-fault")).to_contain_text("No webcam was found")
    for route in held:
        route.continue_()
    expect(opened.locator("#verdict")).to_have_text(SEVEN)
    expect(opened.locator("#picture-fault")).to_contain_text("No webcam was found")
    choose_sample(opened, "digit 3")
    expect(opened.locator("#picture-fault")).to_be_empty()


def test_a_sample_that_comes_late_does_not_take_the_place_of_a_picture(
    open_page: OpenPage, address: str
) -> None:
    opened = open_page("about:blank")
    held = hold(opened, "**/ui/samples/digit-7*")
    opened.goto(address)
    expect(opened.get_by_role("button", name="digit 2")).to_be_visible()
    opened.locator("#file").set_input_files(SAMPLES / "digit-3.png")
    expect(opened.locator("#verdict")).to_have_text(THREE)
    with opened.expect_response("**/ui/samples/digit-7*"):
        for route in held:
            route.continue_()
    opened.wait_for_load_state("networkidle")
    expect(opened.get_by_role("img", name="digit-3.png")).to_be_visible()
    expect(opened.locator("#verdict")).to_have_text(THREE)


def test_what_a_gateway_forbids_is_said_and_offered_no_more(page: Page) -> None:
    # What daprd answers where its access control denies the method.
    denied = (
        '{"errorCode":"ERR_DIRECT_INVOKE","message":"fail to invoke, id: classify, err: rpc error:'
        ' code = PermissionDenied desc = access control policy has denied access"}'
    )
    page.route("**/versions/*/load", lambda call: call.fulfill(status=403, body=denied))
    page.route("**/method/preview*", lambda call: call.fulfill(status=403, body=denied))
    open_table(page)
    page.get_by_role("button", name="Load digits version 1").click()
    expect(page.locator("#models-fault")).to_have_text(
        "Models may not be loaded or unloaded from here."
    )
    expect(page.get_by_role("button", name="Load", exact=False)).to_have_count(0)
    page.get_by_text("What the model sees").click()
    expect(page.locator("#seen-words")).to_contain_text("may not be done from here")


def test_a_picture_is_tried_without_a_model_list(open_page: OpenPage, address: str) -> None:
    blank = open_page("about:blank")
    blank.route("**/method/models", lambda call: call.fulfill(status=403, body="{}"))
    blank.goto(address)
    expect(blank.locator("#list-fault")).to_contain_text("may not be done from here")
    blank.locator("#file").set_input_files(SAMPLES / "digit-3.png")
    expect(blank.locator("#verdict")).to_have_text(THREE)


def test_the_empty_page_invites_to_try_a_sample(page: Page) -> None:
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#verdict")).to_be_empty()
    expect(page.get_by_text("Drop, paste or open a picture, or several.")).to_be_visible()
    expect(page.get_by_text("Or try one of these:")).to_be_visible()
    choose_sample(page, "digit 5")
    expect(page.locator("#verdict")).to_have_text(FIVE)


def test_everything_is_reached_by_the_keyboard(page: Page) -> None:
    page.locator("#operation summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="digit 3").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_text(THREE)
    reached: set[str] = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {
        "webcam",
        "file",
        "clear",
        "model",
        "version",
        "option-top_k",
        "refresh",
    } <= reached


def test_a_phone_shows_everything_without_scrolling_sideways(
    open_page: OpenPage, address: str
) -> None:
    phone = open_page(
        address, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True
    )
    expect(phone.locator("#verdict")).to_have_text(SEVEN)
    expect(phone.locator("label.camera")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320


def test_models_for_programs_are_explained(page: Page) -> None:
    expect(page.locator("#others")).to_have_text(
        "The model broken failed to load. See why. The model prices computes numbers for programs,"
        " not words about pictures."
    )


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_blame(
    open_page: OpenPage, address: str, scheme: str, width: int
) -> None:
    # The policy of the page forbids what is not its own, which axe is.
    opened = open_page(
        address,
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
        bypass_csp=True,
        reduced_motion="reduce",
    )
    expect(opened.locator("#verdict")).to_have_text(SEVEN)
    open_table(opened)
    opened.get_by_text("Code for this").click()
    opened.get_by_text("What the model sees").click()
    expect(opened.locator("#seen-words")).not_to_be_empty()
    check_with_axe(opened)
    opened.locator("#file").set_input_files([SAMPLES / "digit-3.png", ROOT / "README.md"])
    expect(opened.locator("#list-heading")).to_have_text("2 pictures, 1 without an answer")
    opened.get_by_label("Labels shown").fill("0")
    expect(opened.locator("#options-fault")).not_to_be_empty()
    check_with_axe(opened)
    opened.get_by_role("button", name="Clear").click()
    check_with_axe(opened)
    opened.get_by_role("button", name="Unload digits version 2").click()
    check_with_axe(opened)


def check_with_axe(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
