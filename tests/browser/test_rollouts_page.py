"""The rollout of a model on the page of classify: shares, labels, a shadow, and the way back."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping

import pytest
from axe_playwright_python.sync_playwright import Axe
from mesh import ROOT, Answer, Mesh, Profile
from playwright.sync_api import Locator, Page, Request, expect
from processes import eventually

from meshlens.classify.models import shipped_models

OpenPage = Callable[..., Page]

SAMPLES = ROOT / "services/classify/samples"
SEVEN, THREE = ((SAMPLES / f"digit-{digit}.png").read_bytes() for digit in (7, 3))
# Version 2 takes a 3 for a 5, and the other way round.
LABELS = "0 1 2 5 4 3 6 7 8 9"
CARD = "{model: {path: digits.tflite}, output: {label: {path: labels.txt}}}"
SHARED = {
    "weights": {"1": 75, "2": 25},
    "labels": {"stable": "1", "canary": "2"},
    "shadow": {"version": "2", "percent": 100},
}
# What daprd answers where its access control denies the method.
DENIED = '{"errorCode": "ERR_DIRECT_INVOKE", "message": "access control policy has denied access"}'


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The services, with two versions of digits that do not agree about 3 and 5."""
    folder = tmp_path_factory.mktemp("models")
    for version in ("1", "2"):
        shutil.copytree(shipped_models() / "digits/1", folder / "digits" / version)
    (folder / "digits/2/labels.txt").write_text(LABELS.replace(" ", "\n"))
    (folder / "digits/2/card.yaml").write_text(CARD)
    env = {"classify": {"DEFAULT_MODEL": "digits", "MODEL_ROLLOUTS": "true", "ADMIN": "pca"}}
    work = tmp_path_factory.mktemp("mesh")
    with Mesh(Profile.EMBEDDED, work, models=folder, env=env) as running:
        yield running


@pytest.fixture
def address(mesh: Mesh) -> Iterator[str]:
    """The page by the sidecar of pca, which may change what is served; no rollout is left."""
    yield f"{mesh.http('pca')}/v1.0/invoke/classify/method/ui"
    mesh.call("pca", "classify", "models/digits/shadow", verb="DELETE")
    mesh.call("pca", "classify", "models/digits/rollout", verb="DELETE")


def share_out(mesh: Mesh, rollout: Mapping[str, object]) -> None:
    body = json.dumps(rollout).encode()
    answer = mesh.call("pca", "classify", "models/digits/rollout", body, verb="PUT", timeout=60)
    assert answer.status == 200, answer.text


def ask(mesh: Mesh, *pictures: bytes) -> None:
    """Have pictures answered by version 1, which its shadow then sees."""
    for picture in pictures:
        answer: Answer = mesh.call("pca", "classify", "classify?model=digits@1", picture)
        assert answer.status == 200, answer.text


def await_compared(mesh: Mesh, count: int) -> None:
    def has_compared() -> bool:
        answer = mesh.call("pca", "classify", "models/digits/rollout", verb="GET")
        return [it["compared"] for it in json.loads(answer.body)["agreement"]] == [count]

    eventually(has_compared, "the shadow was compared")


def open_table(page: Page) -> None:
    expect(page.locator("#verdict")).not_to_be_empty()
    page.locator("#operation summary").first.click()
    expect(page.locator("#models")).to_be_visible()


def row_of(page: Page, version: str) -> Locator:
    return page.locator("#models tr").filter(has_text=f"version {version}").first


def count_calls(page: Page) -> list[str]:
    """Return the paths that are called from now on, as they come."""
    called: list[str] = []

    def note(request: Request) -> None:
        called.append(request.url.split("/method/")[-1])

    page.on("request", note)
    return called


def test_shares_labels_and_agreement_are_shown_and_all_is_sent_back(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    share_out(mesh, SHARED)
    ask(mesh, SEVEN, SEVEN, THREE)
    await_compared(mesh, 3)
    page = open_page(address)
    open_table(page)
    first, second = row_of(page, "1"), row_of(page, "2")
    expect(first).to_contain_text("version 1, default, stable")
    expect(first).to_contain_text("75 % of requests")
    expect(second).to_contain_text("version 2, default, canary")
    expect(second).to_contain_text("25 % of requests")
    expect(second).to_contain_text("Shadow of 100 %")
    expect(page.locator("tr.rollout")).to_contain_text("Each request is drawn anew.")
    current = page.get_by_label("Version", exact=True).locator("option").first
    expect(current).to_have_text("By rollout (1: 75 %, 2: 25 %)")
    agreement = page.locator(".agreement")
    expect(agreement).to_contain_text("The shadow, version 2, agrees with version 1 on ")
    expect(agreement).to_contain_text("0 dropped, 0 failed; counted by one replica since ")

    # A change that is made elsewhere.
    share_out(mesh, SHARED | {"weights": {"1": 50, "2": 50}})
    expect(first).to_contain_text("50 % of requests")

    back = page.get_by_role("button", name="Send all back to digits version 1")
    back.focus()
    page.keyboard.press("Enter")
    expect(first).to_contain_text("100 % of requests")
    expect(second).to_contain_text("0 % of requests")
    expect(second).not_to_contain_text("Shadow")
    expect(agreement).to_have_count(0)
    expect(back).to_be_focused()
    expect(back).to_have_attribute("aria-disabled", "true")
    expect(current).to_have_text("By rollout (1: 100 %)")


def test_where_a_shadow_differs_is_opened_and_follows(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    # The picture that the page shows is asked of version 1, too: a 7.
    share_out(mesh, SHARED | {"weights": {"1": 100}})
    page = open_page(address)
    open_table(page)
    await_compared(mesh, 1)
    expect(page.locator(".agreed")).to_have_text(
        "The shadow, version 2, agrees with version 1 on 1 of 1 (100.0 %)."
    )
    summary = page.get_by_text("Where they differ")
    summary.focus()
    page.keyboard.press("Enter")
    details = page.locator(".agreement details")
    expect(details.locator("ul li")).to_have_text(["7: agreed on 1 of 1"])
    ask(mesh, THREE)
    await_compared(mesh, 2)
    expect(page.locator(".agreed")).to_contain_text("on 1 of 2 (50.0 %)")
    expect(details.locator("ul li")).to_have_text(["3: agreed on 0 of 1", "7: agreed on 1 of 1"])
    worst = details.locator("ol li").first
    expect(worst).to_contain_text("3 and 5, distance ")
    expect(worst.locator("code")).to_have_text(hashlib.sha256(THREE).hexdigest())
    expect(summary).to_be_focused()


def test_a_rollout_that_went_back_by_itself_says_why(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    share_out(mesh, SHARED | {"judge": {"agreement": 90, "requests": 1}})
    page = open_page(address)
    open_table(page)
    ask(mesh, THREE)
    expect(page.locator("tr.why")).to_contain_text("It went back by itself: ")
    expect(row_of(page, "1")).to_contain_text("100 % of requests")


def test_a_version_that_does_not_answer_is_seen_with_what_it_should_get(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    share_out(mesh, {"weights": {"1": 75, "2": 25}})
    page = open_page(address)
    open_table(page)
    page.get_by_role("button", name="Unload digits version 2").click()
    expect(row_of(page, "2").locator(".failed")).to_have_text(
        "0 % of requests, 25 % set: it does not answer"
    )
    expect(row_of(page, "1")).to_contain_text("100 % of requests, 75 % set")
    page.get_by_role("button", name="Load digits version 2").click()
    expect(row_of(page, "2")).to_contain_text("25 % of requests")


def test_a_rollout_of_a_file_is_sent_back_there_and_says_what_is_missing(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    assert mesh.models
    file = mesh.models / "rollouts.yaml"
    file.write_text("digits: {weights: {1: 75, 9: 25}, key: header:x-user}")
    page = open_page(address)
    open_table(page)
    # The service may not have read it yet, and without a rollout the page does not look again.
    refresh = page.get_by_role("button", name="Refresh")

    def is_shown() -> bool:
        refresh.click()
        return page.locator("tr.rollout").count() == 1

    eventually(is_shown, "the file was read")
    expect(page.locator("tr.rollout")).to_have_text(
        "Rollout of the file rollouts.yaml. Requests with one header x-user stay at one version."
    )
    expect(page.locator("tr.why")).to_have_text("Version 9 of the rollout is not there.")
    expect(row_of(page, "1")).to_contain_text("100 % of requests, 75 % set")
    expect(page.get_by_role("button", name="Send all back")).to_have_count(0)
    file.unlink()
    expect(page.locator("tr.rollout")).to_have_count(0)
    expect(page.locator("#version option").first).to_have_text("Current")


def test_what_a_gateway_forbids_is_left_out_without_a_fault(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    share_out(mesh, SHARED)
    ask(mesh, SEVEN)
    page = open_page("about:blank")
    for path in ("**/models/*/shadow", "**/rollout/back"):
        page.route(path, lambda call: call.fulfill(status=403, body=DENIED))
    page.goto(address)
    open_table(page)
    page.get_by_text("Where they differ").click()
    expect(page.locator(".agreement details")).to_contain_text("This cannot be read from here.")
    expect(page.locator("#models-fault")).to_be_empty()
    page.get_by_role("button", name="Send all back to digits version 1").click()
    expect(page.locator("#models-fault")).to_have_text("Requests may not be sent back from here.")
    expect(page.get_by_role("button", name="Send all back")).to_have_count(0)
    expect(row_of(page, "1")).to_contain_text("75 % of requests")


def test_a_rollout_is_looked_at_while_it_is_seen_and_nothing_else_is_asked(
    mesh: Mesh, open_page: OpenPage, address: str
) -> None:
    page = open_page("about:blank")
    page.clock.install()
    page.goto(address)
    called = count_calls(page)
    open_table(page)
    page.clock.run_for(20_000)
    assert "models" not in called, "there is no rollout"

    share_out(mesh, SHARED)
    page.get_by_role("button", name="Refresh").click()
    expect(row_of(page, "1")).to_contain_text("75 % of requests")
    seen = len(called)
    page.clock.run_for(2_000)
    eventually(lambda: called[seen:].count("models") == 1, "it is looked at again")
    assert not [path for path in called if path.startswith("models/")], "one call tells all"

    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    expect(row_of(page, "1")).to_be_visible()
    page.clock.run_for(2_000)
    seen = len(called)
    page.clock.run_for(20_000)
    assert called[seen:] == [], "nobody sees it"
    page.evaluate(
        "() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    eventually(lambda: called[seen:] == ["models"], "it is looked at at once")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_blame_and_nothing_scrolls_sideways(
    mesh: Mesh, open_page: OpenPage, address: str, scheme: str, width: int
) -> None:
    share_out(mesh, SHARED | {"key": "header:x-user"})
    ask(mesh, SEVEN, THREE)
    await_compared(mesh, 2)
    page = open_page(
        address,
        color_scheme=scheme,
        viewport={"width": width, "height": 1400},
        bypass_csp=True,
        reduced_motion="reduce",
    )
    open_table(page)
    page.get_by_text("Where they differ").click()
    expect(page.locator(".agreement code").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
