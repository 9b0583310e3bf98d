"""What the events of all platforms have in common."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from meshlens.daprkit.gateway.answers import Answer, ProxyAnswer
from meshlens.daprkit.gateway.http import HttpAnswer, HttpCall

Values: TypeAlias = dict[str, str | None] | None
Lists: TypeAlias = dict[str, list[str] | None] | None


class Part(BaseModel):
    """A part of an event; names are in camel case, and those not listed here are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class Event(Part):
    """A call of a function by HTTP, as its platform hands it over.

    Attributes:
        platform: what messages call it.
    """

    platform: ClassVar[str]

    @classmethod
    @abstractmethod
    def fits(cls, event: Mapping[str, Any]) -> bool:
        """Return whether the keys of an event are this platform's."""

    @abstractmethod
    def read(self) -> HttpCall:
        """Return the call that the event describes.

        Raises:
            InvalidRequest: a field of it cannot be read.
        """

    @staticmethod
    def write(answer: HttpAnswer) -> Answer:
        """Return an answer as the platform reads it."""
        return ProxyAnswer.of(answer)


class ProxyEvent(Event):
    """An event of the kind that Amazon's API Gateway introduced and others took over."""

    http_method: str = Field(description="the HTTP verb")
    path: str = Field(description="of the URL")
    headers: Values = Field(default=None, description="one value for each name")
    body: str | None = Field(default=None, description="text, or base64")
    is_base64_encoded: bool | None = Field(default=None, description="whether the body is base64")


def join_headers(single: Values, several: Lists = None) -> Mapping[str, str]:
    """Return headers by their names in lower case; `several` has all values where it has a name."""
    joined: dict[str, list[str]] = {}
    for name, values in (several or {}).items():
        joined.setdefault(name.lower(), []).extend(values or ())
    known = frozenset(joined)
    for name, value in (single or {}).items():
        if value is not None and name.lower() not in known:
            joined.setdefault(name.lower(), []).append(value)
    return {
        name: ("; " if name == "cookie" else ", ").join(values) for name, values in joined.items()
    }


def encode_query(single: Values, several: Lists = None) -> str:
    """Return the query string of decoded names and values; `several` has all values if given."""
    pairs: Iterable[tuple[str, Sequence[str]]]
    if several:
        pairs = ((name, values or ()) for name, values in several.items())
    else:
        pairs = ((name, (value or "",)) for name, value in (single or {}).items())
    return urlencode([*pairs], doseq=True, quote_via=quote)
