"""Events of Amazon's API Gateway and of Lambda function URLs.

Sources: the API Gateway developer guide, "Set up Lambda proxy integrations" (input format of REST
APIs, called 1.0 where HTTP APIs send it) and "Create AWS Lambda proxy integrations for HTTP APIs"
(format 2.0); the Lambda developer guide, "Invoking Lambda function URLs", whose events are format
2.0 with the stage and the route `$default`. In 1.0 of an HTTP API, and in 2.0, the path begins with
the stage unless that is `$default`; in a REST API it never does.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from meshlens.daprkit.gateway.answers import Answer, CookieAnswer
from meshlens.daprkit.gateway.bodies import decode_body
from meshlens.daprkit.gateway.http import HttpAnswer, HttpCall, clean, locate, strip_prefix
from meshlens.daprkit.gateway.platforms.event import (
    Event,
    Lists,
    Part,
    ProxyEvent,
    Values,
    encode_query,
    join_headers,
)

_DEFAULT = "$default"


class StageContext(Part):
    """Where an event of an API came from."""

    stage: str | None = Field(default=None, description="of the API")


class RestEvent(ProxyEvent):
    """An event of a REST API of Amazon's API Gateway (payload format 1.0)."""

    platform: ClassVar[str] = "Amazon API Gateway, format 1.0"

    resource: str = Field(description="of the API, such as /{proxy+}")
    version: str | None = Field(default=None, description="1.0 if an HTTP API sends this format")
    multi_value_headers: Lists = Field(default=None, description="all values for each name")
    query_string_parameters: Values = Field(default=None, description="one value for each name")
    multi_value_query_string_parameters: Lists = Field(
        default=None, description="all values for each name"
    )
    path_parameters: Values = Field(default=None, description="matched by the resource")
    request_context: StageContext | None = Field(default=None, description="of the API")

    @classmethod
    def fits(cls, event: Mapping[str, Any]) -> bool:
        """Return whether the keys of an event are this platform's."""
        return "httpMethod" in event and "resource" in event

    def read(self) -> HttpCall:
        """Return the call that the event describes."""
        path = clean(self.path)
        if self.version:
            path = _leave_stage(path, self.request_context)
        template = "/{_+}" if self.resource == _DEFAULT else self.resource
        return HttpCall(
            verb=self.http_method,
            address=locate(path, template, _present(self.path_parameters)),
            query=encode_query(
                self.query_string_parameters, self.multi_value_query_string_parameters
            ),
            headers=join_headers(self.headers, self.multi_value_headers),
            body=decode_body(self.body, encoded=bool(self.is_base64_encoded)),
        )


class HttpPart(Part):
    """What an event of format 2.0 says of HTTP."""

    method: str = Field(description="the HTTP verb")


class HttpContext(StageContext):
    """Where an event of format 2.0 came from."""

    http: HttpPart = Field(description="the verb")


class HttpEvent(Event):
    """An event of an HTTP API of Amazon's API Gateway (format 2.0), or of a function URL."""

    platform: ClassVar[str] = "Amazon API Gateway, format 2.0, or Lambda function URL"

    raw_path: str = Field(description="of the URL, with the stage")
    raw_query_string: str = Field(default="", description="as it was sent")
    route_key: str = Field(default=_DEFAULT, description="such as POST /{proxy+}")
    cookies: list[str] | None = Field(default=None, description="of the header cookie")
    headers: Values = Field(default=None, description="several values joined by commas")
    path_parameters: Values = Field(default=None, description="matched by the route")
    request_context: HttpContext = Field(description="verb and stage")
    body: str | None = Field(default=None, description="text, or base64")
    is_base64_encoded: bool | None = Field(default=None, description="whether the body is base64")

    @classmethod
    def fits(cls, event: Mapping[str, Any]) -> bool:
        """Return whether the keys of an event are this platform's."""
        return event.get("version") == "2.0" and "rawPath" in event

    def read(self) -> HttpCall:
        """Return the call that the event describes."""
        template = self.route_key.partition(" ")[2] or "/{_+}"
        path = _leave_stage(clean(self.raw_path), self.request_context)
        headers = dict(join_headers(self.headers))
        if self.cookies:
            headers["cookie"] = "; ".join(self.cookies)
        return HttpCall(
            verb=self.request_context.http.method,
            address=locate(path, template, _present(self.path_parameters)),
            query=self.raw_query_string,
            headers=headers,
            body=decode_body(self.body, encoded=bool(self.is_base64_encoded)),
        )

    @staticmethod
    def write(answer: HttpAnswer) -> Answer:
        """Return an answer as the platform reads it."""
        return CookieAnswer.of(answer)


def _leave_stage(path: str, context: StageContext | None) -> str:
    stage = context.stage if context else None
    return strip_prefix(path, stage) if stage and stage != _DEFAULT else path


def _present(values: Values) -> Mapping[str, str]:
    return {name: value for name, value in (values or {}).items() if value is not None}
