"""Events of Netlify's functions with a handler, which Netlify calls Lambda-compatible.

Sources: Netlify's documentation of functions, and the type HandlerEvent of @netlify/functions. The
path is /.netlify/functions/<function>/..., or what a redirect was called by. A function that gets a
web `Request` gets no event: it sends that request to the method itself.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from meshlens.daprkit.gateway.bodies import decode_body
from meshlens.daprkit.gateway.http import Address, HttpCall, clean, locate
from meshlens.daprkit.gateway.platforms.event import (
    Lists,
    ProxyEvent,
    Values,
    encode_query,
    join_headers,
)

_OWN = re.compile(r"\.netlify/functions/[^/]+")


class NetlifyEvent(ProxyEvent):
    """An event of a function of Netlify."""

    platform: ClassVar[str] = "Netlify function"

    raw_query: str | None = Field(default=None, description="the query as it was sent")
    multi_value_headers: Lists = Field(default=None, description="all values for each name")
    query_string_parameters: Values = Field(default=None, description="one value for each name")
    multi_value_query_string_parameters: Lists = Field(
        default=None, description="all values for each name"
    )

    @classmethod
    def fits(cls, event: Mapping[str, Any]) -> bool:
        """Return whether the keys of an event are this platform's."""
        ours = "rawUrl" in event or "requestContext" not in event
        return "httpMethod" in event and "path" in event and ours

    def read(self) -> HttpCall:
        """Return the call that the event describes."""
        query = self.raw_query
        if query is None:
            query = encode_query(
                self.query_string_parameters, self.multi_value_query_string_parameters
            )
        return HttpCall(
            verb=self.http_method,
            address=self._locate(),
            query=query,
            headers=join_headers(self.headers, self.multi_value_headers),
            body=decode_body(self.body, encoded=bool(self.is_base64_encoded)),
        )

    def _locate(self) -> Address:
        path = clean(self.path)
        own = _OWN.match(path)
        return locate(path, own[0] if own else "api", {})
