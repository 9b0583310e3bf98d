"""Content-Type and Accept."""

from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header


@lru_cache(maxsize=256)
def parse_media_type(content_type: str) -> str:
    """Return the media type in lower case, without its parameters."""
    return parse_options_header(content_type)[0].lower()


def parse_boundary(content_type: str) -> str:
    """Return the boundary between the parts of a form; empty if none is given."""
    if "boundary" not in content_type:
        return ""
    return parse_options_header(content_type)[1].get("boundary", "")


@lru_cache(maxsize=256)
def choose_media_type(accept: str, offers: tuple[str, ...]) -> str:
    """Return the offer that the header Accept prefers, the first if it names none of them."""
    return match_media_type(accept, offers) or offers[0]


@lru_cache(maxsize=256)
def match_media_type(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offer that the header Accept prefers, the first if it is empty, None for none."""
    return parse_accept_header(accept, MIMEAccept).best_match(offers) if accept else offers[0]
