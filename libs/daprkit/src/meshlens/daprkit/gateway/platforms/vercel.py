"""Events of Vercel: what its platform sends to the launcher of a function.

Source: @vercel/node-bridge (bridge.js and types.ts of vercel/vercel): `Action` is "Invoke", and
`body` is JSON again, with method, path (and the query in it), headers, body and its encoding. It is
the only form in which Vercel hands a call over as JSON: code in a function sees a web `Request`, or
(req, res), and sends that to the method itself. Several payloads in one event, and answers sent to
another address, are refused.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError

from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.gateway.answers import Answer, LauncherAnswer
from meshlens.daprkit.gateway.bodies import decode_body
from meshlens.daprkit.gateway.document import explain, parse_object
from meshlens.daprkit.gateway.http import HttpAnswer, HttpCall, clean, locate
from meshlens.daprkit.gateway.platforms.event import Event, Part, join_headers


class Invocation(Part):
    """The call in the body of an event of Vercel."""

    method: str = Field(description="the HTTP verb")
    path: str = Field(description="of the URL, with its query")
    headers: dict[str, str | list[str]] | None = Field(default=None, description="by name")
    encoding: Literal["base64"] | None = Field(default=None, description="of the body")
    body: str | None = Field(default=None, description="text, or base64")
    payloads: None = Field(default=None, description="several calls in one; refused")
    response_callback_url: None = Field(
        default=None, description="where else to send the answer; refused"
    )


class VercelEvent(Event):
    """An event of the launcher of a function of Vercel."""

    platform: ClassVar[str] = "Vercel launcher"

    action: Literal["Invoke"] = Field(alias="Action", description="Invoke")
    body: str = Field(description="a call in JSON: method, path, headers, body, encoding")

    @classmethod
    def fits(cls, event: Mapping[str, Any]) -> bool:
        """Return whether the keys of an event are this platform's."""
        return "Action" in event

    def read(self) -> HttpCall:
        """Return the call that the event describes."""
        try:
            call = Invocation.model_validate(parse_object(self.body.encode(), "the event's body"))
        except ValidationError as error:
            raise InvalidRequest(
                "the event's body must be a call: method, path, headers, body, encoding",
                got=explain(error),
                remedy="pass the event on as it is",
            ) from None
        path, _, query = call.path.partition("?")
        headers = {
            name: [value] if isinstance(value, str) else value
            for name, value in (call.headers or {}).items()
        }
        return HttpCall(
            verb=call.method,
            address=locate(clean(path), "api", {}),
            query=query,
            headers=join_headers(None, {**headers}),
            body=decode_body(call.body, encoded=call.encoding == "base64"),
        )

    @staticmethod
    def write(answer: HttpAnswer) -> Answer:
        """Return an answer as the platform reads it."""
        return LauncherAnswer.of(answer)
