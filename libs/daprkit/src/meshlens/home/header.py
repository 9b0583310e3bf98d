"""The header of every page: the product, this page in a sentence, and the way to the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

PRODUCT = "Meshlens"
# A lens, and what is seen in it.
_EMBLEM = (
    '<svg class="emblem" viewBox="0 0 24 24" aria-hidden="true"><circle class="second" cx="10"'
    ' cy="10" r="7"/><path class="first" d="m15.5 15.5 6 6"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the mesh.

    Attributes:
        name: what links call it.
        title: its heading.
        sentence: what it does for whoever opens it.
    """

    name: str
    title: str
    sentence: str


START = Page(
    PRODUCT,
    "Lenses for your mesh",
    "Send a table or a picture to a service by its name, and get back what is in it.",
)
# By the app that serves the page, under the method `ui`.
PAGES: Mapping[str, Page] = {
    "pca": Page(
        "PCA",
        "Principal components",
        "Paste a table, and see its rows along the directions in which they differ most.",
    ),
    "classify": Page(
        "Pictures",
        "Picture classification",
        "Drop a picture, and read what it shows and how sure the model is.",
    ),
}


def draw_header(app: str) -> str:
    """Return the header of the page of `app`, as HTML.

    Its links work without a script where the page is at /v1.0/invoke/<app>/method/; the pages'
    script makes them work wherever it is, and greys those whose app does not answer.
    """
    return _draw(app, PAGES[app])


def draw_start_header(app: str) -> str:
    """Return the header of the start page as `app` serves it, as HTML."""
    return _draw(app, START)


def _draw(app: str, page: Page) -> str:
    links = "".join(_draw_link(name, app, page) for name in PAGES)
    return (
        f'<header data-app="{app}"><div class="top">'
        f'<a class="brand" href="home" data-method="home"{_mark(START, page)}>'
        f"{_EMBLEM}{PRODUCT}</a>"
        f'<nav aria-label="{PRODUCT}">{links}'
        '<a href="home#methods" data-method="home#methods">Docs</a>'
        '<a href="openapi.json" data-method="openapi.json">API</a></nav></div>'
        f'<div class="intro"><h1>{escape(page.title)}</h1><p>{escape(page.sentence)}</p></div>'
        "</header>"
    )


def _draw_link(to: str, app: str, page: Page) -> str:
    address = "ui" if to == app else f"../../{to}/method/ui"
    mark = _mark(PAGES[to], page)
    return f'<a href="{address}" data-app="{to}" data-method="ui"{mark}>{PAGES[to].name}</a>'


def _mark(linked: Page, page: Page) -> str:
    return ' aria-current="page"' if linked is page else ""
