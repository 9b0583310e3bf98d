"""Bodies by address: a request of type text/uri-list, whose body says where the bytes are.

data:<type>;base64,<bytes>       here, in the address itself
dapr://binding/<binding>/<key>   what the output binding's operation `get` returns

Who may call the service can thereby read what the bindings hold, so that the operator names those
that are meant for it (INPUT_BINDINGS).
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.parsing.media_types import parse_charset, parse_media_type
from meshlens.daprkit.settings import ServerSettings
from meshlens.daprkit.sidecar.addresses import SCHEME, Inputs
from meshlens.daprkit.sidecar.channel import Sidecar

URI_LIST = "text/uri-list"
_DATA = re.compile(r"data:([^,\s]*);base64,")
_BINDING = re.compile(rf"{SCHEME}binding/([^/\s]+)/\S+")
_LONGEST_SHOWN = 80


def is_address(text: str) -> bool:
    """Return whether a text begins as the address of a body does."""
    return text.startswith(SCHEME) or _DATA.match(text) is not None


@dataclass(frozen=True, slots=True)
class References:
    """Reads the bytes at the addresses that callers may name.

    Attributes:
        read: returns the bytes at an address of the mesh, or raises InputUnavailable.
        bindings: those that callers may name.
    """

    read: Callable[[str], bytes]
    bindings: Collection[str]

    def resolve(self, request: Request) -> Request:
        """Return the request with the bytes in place of their address, as if they had been sent.

        Raises:
            InvalidRequest: it is no address, or of a binding that callers may not name.
            InputUnavailable: there is nothing, more than the limit, or it takes too long.
        """
        if request.content_type != URI_LIST:
            return request
        address = request.body.decode(errors="replace").strip()
        if data := _DATA.match(address):
            body = _decode(address[data.end() :])
            return replace(
                request,
                body=body,
                content_type=parse_media_type(data[1]),
                charset=parse_charset(data[1]),
            )
        binding = _BINDING.fullmatch(address)
        if binding is None:
            raise InvalidRequest(
                f"the address must be data:<type>;base64,... or {SCHEME}binding/<binding>/<key>",
                got=repr(address[:_LONGEST_SHOWN]),
                remedy="send one, or the bytes themselves with their own content type",
            )
        if binding[1] not in self.bindings:
            raise InvalidRequest(
                f"the binding must be one of {', '.join(sorted(self.bindings)) or 'none'}",
                got=repr(binding[1][:_LONGEST_SHOWN]),
                remedy="send the bytes, or let the operator add the binding to INPUT_BINDINGS",
            )
        return replace(request, body=self.read(address), content_type="")


def read_references(sidecar: Sidecar, settings: ServerSettings) -> References:
    """Return what reads from the bindings of the settings, as much and as long as a request may."""
    inputs = Inputs(
        sidecar,
        timeout=settings.state_timeout,
        seconds=settings.request_timeout,
        limit=settings.max_body,
    )
    return References(inputs.read, settings.input_bindings.split(","))


def take_addresses(routes: Sequence[Route], references: References) -> Sequence[Route]:
    """Return the routes; those that work take the address of a body in place of a body, too."""
    return [
        replace(route, endpoint=partial(_answer, references, route.endpoint))
        if route.lane is Lane.WORK
        else route
        for route in routes
    ]


def _answer(
    references: References, endpoint: Callable[[Request], Reply], request: Request
) -> Reply:
    return endpoint(references.resolve(request))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            "a data URL must have base64",
            got=f"{text[:20]!r} ({error})",
            remedy="encode the bytes of the file",
        ) from None
