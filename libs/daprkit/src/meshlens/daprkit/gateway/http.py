"""An HTTP call and its answer, as all platforms' events describe them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from meshlens.daprkit.errors import InvalidRequest

_LONGEST_PATH = 2048
_PARAMETER = re.compile(r"\{(\w+)\+?\}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an event was sent, as far as that names a method.

    Attributes:
        paths: what may be the method's path, the likeliest first.
        bare: whether the address is the function's own, which names no method.
    """

    paths: Sequence[str]
    bare: bool


@dataclass(frozen=True, slots=True)
class HttpCall:
    """The HTTP call that an event describes.

    Attributes:
        verb: as sent.
        address: where it was sent.
        query: the query string.
        headers: names in lower case, the values of one name joined.
        body: the bytes that were sent.
    """

    verb: str
    address: Address
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the function's caller gets.

    Attributes:
        status: the HTTP status code.
        headers: names in lower case.
        body: the bytes to send.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def clean(path: str) -> str:
    """Return a path decoded, without slashes at its ends or next to each other.

    Raises:
        InvalidRequest: it is too long.
    """
    if len(path) > _LONGEST_PATH:
        raise InvalidRequest(
            f"an event's path must have at most {_LONGEST_PATH} characters",
            got=f"{len(path)}",
            remedy="call a method by its name",
        )
    return "/".join(filter(None, unquote(path).split("/")))


def strip_prefix(path: str, prefix: str) -> str:
    """Return a cleaned path without a cleaned prefix, or the same if it does not begin with it."""
    if path == prefix:
        return ""
    return path.removeprefix(f"{prefix}/") if prefix else path


def locate(path: str, template: str, parameters: Mapping[str, str]) -> Address:
    """Return the address of a path that an API has matched by a template.

    What the last parameter stands for may be the method (/ml/{proxy+}), and so may what comes after
    a template without parameters, which is the function's own address.

    Args:
        path: what was called, cleaned.
        template: of the API, such as /ml/{proxy+}; empty if it is unknown.
        parameters: the values matched by the template.

    Raises:
        InvalidRequest: a part of it is too long.
    """
    names = _PARAMETER.findall(template)
    if names:
        filled = _PARAMETER.sub(lambda part: parameters.get(part[1], ""), template)
        rest = parameters.get(names[-1], "")
        return Address((path, clean(filled), clean(rest)), bare=not path)
    own = clean(template)
    rest = strip_prefix(path, own)
    if own and path.endswith(f"/{own}"):
        # A domain of one's own may put something before it.
        return Address((path, own), bare=True)
    return Address((path, rest), bare=not rest)
