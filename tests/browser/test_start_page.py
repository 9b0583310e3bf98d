"""The start page in Chromium, through sidecars: samples, events, and code that runs."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from http_site import serve
from installed import need
from mesh import ROOT, Mesh, Profile
from playwright.sync_api import Locator, Page, expect

OpenPage = Callable[..., Page]

DIGIT = (ROOT / "services/classify/samples/digit-3.png").read_bytes()
THREE = "It is very likely a 3."
SEVEN = "It is very likely a 7."
FLOWERS = "150 \u00d7 4"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services, which show their events, with the digits as the default model."""
    shows = {"SHOW_EVENTS": "20"}
    env = {"pca": shows, "classify": {**shows, "DEFAULT_MODEL": "digits"}}
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("mesh"), env=env) as running:
        yield running


@pytest.fixture(params=["pca", "classify"])
def app(request: pytest.FixtureRequest) -> str:
    """The app that serves the page."""
    return str(request.param)


def start(mesh: Mesh, app: str = "pca", via: str = "classify") -> str:
    return f"{mesh.http(via)}/v1.0/invoke/{app}/method/home"


@pytest.fixture
def page(open_page: OpenPage, mesh: Mesh) -> Page:
    opened = open_page(start(mesh))
    for card in ("#pca", "#classify"):
        expect(opened.locator(f"{card} .send")).to_be_enabled()
    return opened


def send_all(page: Page) -> None:
    for name in ("Send this table", "Send this photo"):
        page.get_by_role("button", name=name).click()
    expect(page.locator("#pca img")).to_be_visible()
    expect(page.locator("#classify .verdict")).to_have_text(SEVEN)


def row(page: Page, words: str) -> Locator:
    return page.get_by_role("log").get_by_role("listitem").filter(has_text=words)


def test_each_app_serves_it_and_it_says_that_both_run(
    open_page: OpenPage, mesh: Mesh, app: str
) -> None:
    opened = open_page(start(mesh, app))
    for card in ("#pca", "#classify"):
        expect(opened.locator(f"{card} .state")).to_contain_text("Running")
    expect(opened.locator("#classify .models")).to_contain_text("digits 1 (default)")


def test_a_click_sends_a_sample_and_shows_the_answer_and_its_event(page: Page) -> None:
    send_all(page)
    expect(page.locator("#classify > .bar .status")).to_contain_text("digits, version 1, in ")
    expect(row(page, FLOWERS).first).to_contain_text("pca/plot")
    expect(row(page, SEVEN).first).to_contain_text("classify/classify")


def test_events_of_other_callers_come_by_themselves_the_latest_first(
    page: Page, mesh: Mesh
) -> None:
    mesh.call("pca", "classify", "classify", DIGIT)
    expect(row(page, THREE).first).to_be_visible()
    mesh.call("pca", "pca", "plot", b"no table")
    fault = page.get_by_role("log").get_by_role("listitem").first
    expect(fault).to_contain_text("INVALID_TABLE")
    fault.locator("summary").click()
    event = json.loads(fault.locator("pre").inner_text())
    assert event["outcome"] == "INVALID_ARGUMENT"
    assert "no table" not in json.dumps(event)


def test_what_can_be_called_is_listed(page: Page) -> None:
    methods = page.locator("#references")
    expect(methods).to_contain_text("plot POST")
    expect(methods).to_contain_text("models/{name}/predict POST")
    expect(methods).not_to_contain_text("ui GET")
    with page.expect_navigation():
        methods.get_by_role("link", name="openapi.json of classify").click()
    assert '"/classify"' in page.content()


def test_watching_is_no_event(page: Page, mesh: Mesh) -> None:
    send_all(page)
    expect(row(page, SEVEN).first).to_be_visible()
    for service in mesh.services:
        answer = json.loads(mesh.call("pca", service, "events", verb="GET").text)
        assert {event["data"]["method"] for event in answer["events"]} <= {"plot", "classify"}


def run(language: str, code: str, folder: Path) -> str:
    """Run code as a reader would who has copied it."""
    if language == "curl":
        need("curl", "apt-get install curl")
        command = ["bash", "-c", code]
    elif language == "Python":
        command = [sys.executable, "-c", code]
    else:
        need("node", "apt-get install nodejs")
        command = ["node", "--input-type=module", "--eval", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("language", ["curl", "Python", "Node"])
def test_the_code_makes_the_call_whose_answer_is_shown(
    page: Page, tmp_path: Path, language: str
) -> None:
    send_all(page)
    codes = page.locator(".code")
    for folded in codes.all():
        folded.locator("summary").click()
    codes.first.get_by_role("button", name=language).click()
    plot, label, events = (code.locator("pre").inner_text() for code in codes.all())
    run(language, plot, tmp_path)
    assert (tmp_path / "iris.svg").read_text().startswith("<svg")
    answer = json.loads(run(language, label, tmp_path))
    assert answer["verdict"]["sentence"] == SEVEN
    assert len(answer["labels"]) == 3
    assert json.loads(run(language, events, tmp_path))["events"]


def test_a_service_that_refuses_tells_the_copied_python_why(page: Page, tmp_path: Path) -> None:
    page.locator("#pca .code summary").click()
    page.locator("#pca .code").get_by_role("button", name="Python").click()
    code = page.locator("#pca .code pre").inner_text().replace("ellipse=normal", "ellipse=round")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ellipse" in json.loads(done.stderr)["message"]


def test_code_is_copied(open_page: OpenPage, mesh: Mesh) -> None:
    opened = open_page(start(mesh), permissions=["clipboard-read", "clipboard-write"])
    opened.locator("#pca .code summary").click()
    expect(opened.locator("#pca .code pre")).to_contain_text("--data-binary")
    opened.locator("#pca .code").get_by_role("button", name="Copy").click()
    expect(opened.locator("#pca .code")).to_contain_text("Copied")
    copied = opened.evaluate("navigator.clipboard.readText()")
    assert copied == opened.locator("#pca .code pre").inner_text()


def test_the_pages_lead_to_each_other(page: Page) -> None:
    page.get_by_role("link", name="Pictures").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Picture classification")
    page.get_by_role("link", name="PCA").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Principal components")
    page.get_by_role("link", name="Meshlens").click()
    expect(page.get_by_role("heading", name="Result events")).to_be_visible()


@contextmanager
def gateway(sidecar: str) -> Iterator[str]:
    """Forward to a sidecar as the manifests' gateway does: /pca/plot is the method plot of pca."""

    class Forwarder(BaseHTTPRequestHandler):
        def forward(self) -> None:
            app, method = self.path.removeprefix("/").split("/", 1)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            address = f"{sidecar}/v1.0/invoke/{app}/method/{method}"
            request = Request(address, body or None, dict(self.headers), method=self.command)  # noqa: S310 - the mesh of this test
            try:
                answer = urlopen(request)  # noqa: S310 - likewise
            except HTTPError as error:
                answer = error
            with answer:
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers.get("content-type", ""))
                self.end_headers()
                with suppress(BrokenPipeError):  # the page that polled has been left
                    self.wfile.write(answer.read())

        do_GET = do_HEAD = do_POST = forward  # noqa: N815 - the names by which http.server finds them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with serve(Forwarder) as port:
        yield f"http://127.0.0.1:{port}"


def test_behind_a_gateway_that_shortens_paths_everything_is_found_too(
    open_page: OpenPage, mesh: Mesh
) -> None:
    with gateway(mesh.http("pca")) as site:
        opened = open_page(f"{site}/classify/home")
        for card in ("#pca", "#classify"):
            expect(opened.locator(f"{card} .send")).to_be_enabled()
        send_all(opened)
        opened.get_by_role("link", name="PCA", exact=True).click()
        expect(opened).to_have_url(f"{site}/pca/ui")
        expect(opened.get_by_role("heading", level=1)).to_have_text("Principal components")


def test_an_app_that_is_not_there_is_said_so_and_events_that_are_off_name_their_setting(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with Mesh(Profile.EMBEDDED, tmp_path, services=["pca"]) as alone:
        opened = open_page(start(alone, via="pca"))
        expect(opened.locator("#classify .state")).to_have_text("Not answering")
        expect(opened.locator("#classify .send")).to_be_disabled()
        for link in opened.locator("a[data-app=classify]").all():
            expect(link).to_have_attribute("aria-disabled", "true")
            expect(link).not_to_have_attribute("href", re.compile("."))
        state = opened.locator("#events-state")
        expect(state).to_contain_text("SHOW_EVENTS=100")
        expect(state).to_contain_text("classify does not answer")
        opened.get_by_role("button", name="Send this table").click()
        expect(opened.locator("#pca img")).to_be_visible()


def test_an_app_that_comes_back_is_there_again(open_page: OpenPage, mesh: Mesh) -> None:
    mesh.kill_app("classify")
    opened = open_page(start(mesh, via="pca"))
    expect(opened.locator("#classify .state")).to_have_text("Not answering")
    mesh.start_app("classify")
    expect(opened.locator("#classify .send")).to_be_enabled()
    expect(opened.locator("#classify .fault")).to_be_empty()
    opened.get_by_role("button", name="Send this photo").click()
    expect(row(opened, SEVEN).first).to_be_visible()


def test_everything_is_done_by_the_keyboard(page: Page) -> None:
    page.locator("body").press("Tab")
    seen: list[str] = []
    for _ in range(40):
        words = page.evaluate("document.activeElement.textContent.trim()")
        if words in {"Send this table", "Send this photo"}:
            page.keyboard.press("Enter")
        seen.append(words)
        page.keyboard.press("Tab")
    expect(page.locator("#classify .verdict")).to_have_text(SEVEN)
    assert seen[:5] == ["Meshlens", "PCA", "Pictures", "Docs", "API"]
    assert {"Send this table", "Send this photo", "Code for this", "Code to read them"} <= {*seen}


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_everything_without_scrolling_sideways(
    open_page: OpenPage, mesh: Mesh, width: int
) -> None:
    phone = open_page(
        start(mesh), viewport={"width": width, "height": 800}, has_touch=True, is_mobile=True
    )
    expect(phone.locator("#classify .send")).to_be_enabled()
    send_all(phone)
    for folded in phone.locator("summary").all():
        folded.click()
    expect(row(phone, FLOWERS).first).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_to_blame(
    open_page: OpenPage, mesh: Mesh, scheme: str, width: int
) -> None:
    opened = open_page(
        start(mesh),
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
        bypass_csp=True,  # the policy of the page forbids what is not its own, which axe is
        reduced_motion="reduce",
    )
    expect(opened.locator("#classify .send")).to_be_enabled()
    send_all(opened)
    expect(row(opened, SEVEN).first).to_be_visible()
    for folded in opened.locator("summary").all():
        folded.click()
    found = Axe().run(opened)
    assert found.violations_count == 0, found.generate_report()
