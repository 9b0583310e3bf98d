"""The header: each page says what it is, and leads to the others."""

import re
from urllib.parse import urljoin

import pytest

from meshlens.home.header import PAGES, PRODUCT, draw_header

SIDECAR = "http://127.0.0.1:3501/v1.0/invoke"


def links_of(app: str) -> dict[str, str]:
    """The address of each link without a script, by what it calls itself."""
    found = re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', draw_header(app))
    page = f"{SIDECAR}/{app}/method/ui"
    return {re.sub(r"<.*>", "", text): urljoin(page, address) for address, text in found}


@pytest.mark.parametrize("app", PAGES)
def test_a_header_leads_from_any_sidecar_to_both_pages_the_start_and_the_reference(
    app: str,
) -> None:
    assert links_of(app) == {
        PRODUCT: f"{SIDECAR}/{app}/method/home",
        **{page.name: f"{SIDECAR}/{other}/method/ui" for other, page in PAGES.items()},
        "Docs": f"{SIDECAR}/{app}/method/home#methods",
        "API": f"{SIDECAR}/{app}/method/openapi.json",
    }


@pytest.mark.parametrize("app", PAGES)
def test_a_header_names_its_page_in_a_sentence_and_marks_its_own_link(app: str) -> None:
    header = draw_header(app)
    assert f"<h1>{PAGES[app].title}</h1><p>{PAGES[app].sentence}</p>" in header
    assert re.findall(r'data-app="(\w+)"[^>]* aria-current="page"', header) == [app]
