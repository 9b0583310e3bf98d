"""Fixtures that open the pages in Chromium, each through a real sidecar."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dapr_run import dapr_runtime
from installed import need_module
from mesh import Mesh, Profile

need_module("playwright", "make setup")

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402 - skips first

_HERE = Path(__file__).parent
_DEMANDED = "install Chromium: apt-get install chromium, or name it in CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_WAIT_MS = 20_000

OpenPage = Callable[..., Page]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find or build Dapr's programs before any test's time limit runs."""
    here = any(_HERE in item.path.parents for item in session.items)
    if here and not session.config.option.collectonly:
        dapr_runtime("daprd")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        message = f"Chromium is missing; {_DEMANDED}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=_WAIT_MS)
    with sync_playwright() as playwright:
        # In a container, Chromium's own sandbox has no user namespaces, and there is no camera.
        flags = ["--no-sandbox", "--use-fake-device-for-media-stream"]
        running = playwright.chromium.launch(executable_path=program, args=flags)
        yield running
        running.close()


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services with the embedded components."""
    with Mesh(Profile.EMBEDDED, tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open an address in its own window; any error of the page fails the test."""
    complaints: list[str] = []
    opened: list[Page] = []

    def open_at(address: str, **context: object) -> Page:
        page = browser.new_context(**context).new_page()  # type: ignore[arg-type] # Playwright's own options
        page.set_default_timeout(_WAIT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                # The page shows a refused call to the user; the browser reports it here, too.
                if said.type == "error" and "Failed to load resource" not in said.text
                else None
            ),
        )
        opened.append(page)
        page.goto(address)
        return page

    yield open_at
    for page in opened:
        page.context.close()
    assert complaints == []
