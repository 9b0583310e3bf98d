"""Requests and replies: what every transport, service and client speaks.

Importing this module loads neither a server nor the libraries of one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

# Of a model: one holds; none does; or nobody has looked for one.
SignatureState: TypeAlias = Literal["verified", "unverified", "unchecked"]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a form.

    Attributes:
        name: as its sender calls it; empty if unnamed.
        body: its bytes.
    """

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A body of type multipart/form-data.

    Attributes:
        files: in their order.
        fields: the name and the text of each field, in their order.
    """

    files: tuple[File, ...]
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a method.

    Attributes:
        method: the path, without a leading slash.
        verb: the HTTP verb; NONE where the caller gave none.
        query: the options, each name once.
        content_type: media type in lower case, without parameters; empty if not given.
        body: the bytes that were sent.
        headers: metadata of the call, names in lower case.
        parameters: the values matched by the route's path template.
        time_limit: seconds that the caller will wait.
        boundary: what separates the parts of a form.
        charset: the encoding of a text in lower case, as sent; empty if not given.
        caller: the app id of who calls; empty if no sidecar has said it.
    """

    method: str
    verb: str
    query: Mapping[str, str]
    content_type: str
    body: bytes
    headers: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    time_limit: float = math.inf
    boundary: str = ""
    charset: str = ""
    caller: str = ""

    def form(self, most: int) -> Form:
        """Return the files and fields of a body of type multipart/form-data.

        Raises:
            InvalidRequest: the body is not a form of at most `most` files.
        """
        from meshlens.daprkit.parsing.forms import parse_form  # noqa: PLC0415 - clients do not need it

        parts = parse_form(self.body, self.boundary, most=most)
        return Form(tuple(File(*file) for file in parts.files), tuple(parts.fields))

    def preferred(self, offers: Sequence[str]) -> str:
        """Return the media type of `offers` that Accept prefers, the first if it names none."""
        from meshlens.daprkit.parsing.media_types import (  # noqa: PLC0415 - clients do not need it
            choose_media_type,
        )

        return choose_media_type(self.headers.get("accept", ""), tuple(offers))

    def accepted(self, offers: Sequence[str]) -> str | None:
        """Return what `preferred` does, but None if Accept allows none of the offers."""
        from meshlens.daprkit.parsing.media_types import (  # noqa: PLC0415 - clients do not need it
            match_media_type,
        )

        return match_media_type(self.headers.get("accept", ""), tuple(offers))


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which bytes have answered, and who vouches for them.

    Attributes:
        sha256: of the model as it was loaded, in hexadecimal.
        signature: what is known of its signature.
        signer: sha256 of the public key that its signature holds for; empty unless verified.
    """

    sha256: str
    signature: SignatureState = "unchecked"
    signer: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request.

    Attributes:
        body: the bytes to send.
        content_type: their media type.
        headers: become HTTP response headers.
        result: facts for the result event, JSON values only; never the input.
        model: the model that answered, for the result event.
        version: the version of `model`.
        provenance: of that version, for the result event; None if no model has answered.
    """

    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    model: str = ""
    version: str = ""
    provenance: Provenance | None = None

    @property
    def size(self) -> int:
        """The bytes of its body."""
        return len(self.body)
