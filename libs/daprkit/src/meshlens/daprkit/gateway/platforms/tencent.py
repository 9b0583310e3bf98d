"""Events of the API Gateway trigger of Tencent's Serverless Cloud Function.

Sources: Tencent Cloud, "API Gateway Trigger" (583/12513): `queryString` is the whole query, of
which `queryStringParameters` has what the API declares; `requestContext.path` is the API's own
path, such as /test/{path}, and `path` what was called, without the stage. "Base64 Encoding"
(628/51799): a body that the API is set to encode comes with `isBase64Encoded`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from meshlens.daprkit.gateway.bodies import decode_body
from meshlens.daprkit.gateway.http import HttpCall, clean, locate
from meshlens.daprkit.gateway.platforms.event import Part, ProxyEvent, encode_query, join_headers


class ScfContext(Part):
    """Where an event of Tencent's API Gateway came from."""

    path: str | None = Field(default=None, description="of the API, such as /test/{path}")


class ScfEvent(ProxyEvent):
    """An event of Tencent's API Gateway."""

    platform: ClassVar[str] = "Tencent SCF API Gateway"

    query_string: dict[str, str | list[str] | None] | None = Field(
        default=None, description="decoded; a list where a name has several values"
    )
    path_parameters: dict[str, str] | None = Field(
        default=None, description="matched by the API's path"
    )
    request_context: ScfContext | None = Field(default=None, description="of the API")

    @classmethod
    def fits(cls, event: Mapping[str, Any]) -> bool:
        """Return whether the keys of an event are this platform's."""
        context = event.get("requestContext")
        ours = isinstance(context, dict) and "serviceId" in context
        return "httpMethod" in event and ("queryString" in event or ours)

    def read(self) -> HttpCall:
        """Return the call that the event describes."""
        template = (self.request_context and self.request_context.path) or ""
        values = {
            name: value if isinstance(value, list) else [value or ""]
            for name, value in (self.query_string or {}).items()
        }
        return HttpCall(
            verb=self.http_method,
            address=locate(clean(self.path), template, self.path_parameters or {}),
            query=encode_query(None, {**values}),
            headers=join_headers(self.headers),
            body=decode_body(self.body, encoded=bool(self.is_base64_encoded)),
        )
