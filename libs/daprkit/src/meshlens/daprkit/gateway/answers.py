"""Answers in the shapes that platforms read.

Sources: Amazon's API Gateway developer guide, "Set up Lambda proxy integrations" (output format)
and "Create AWS Lambda proxy integrations for HTTP APIs" (format 2.0: `cookies`); Tencent Cloud,
"API Gateway Trigger" (integrated response); Netlify's HandlerResponse; the types of Vercel's
node-bridge (VercelProxyResponse).
"""

import base64
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from meshlens.daprkit.gateway.bodies import encode_body
from meshlens.daprkit.gateway.http import HttpAnswer


class Answer(BaseModel):
    """What a function returns to its platform."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    status_code: int = Field(description="the HTTP status code")
    headers: dict[str, str] = Field(description="names in lower case")
    body: str = Field(description="text, or base64")


class ProxyAnswer(Answer):
    """What Amazon's API Gateway, Tencent's and Netlify read."""

    is_base64_encoded: bool = Field(description="whether the body is base64: what is no text is")

    @classmethod
    def of(cls, answer: HttpAnswer) -> Self:
        """Return an answer in this shape."""
        body, encoded = encode_body(answer)
        return cls(
            status_code=answer.status,
            headers=dict(answer.headers),
            body=body,
            is_base64_encoded=encoded,
        )


class CookieAnswer(ProxyAnswer):
    """What Amazon's HTTP APIs and function URLs read."""

    cookies: list[str] = Field(description="each becomes a header set-cookie")

    @classmethod
    def of(cls, answer: HttpAnswer) -> Self:
        """Return an answer in this shape."""
        body, encoded = encode_body(answer)
        headers = dict(answer.headers)
        cookie = headers.pop("set-cookie", None)
        return cls(
            status_code=answer.status,
            headers=headers,
            body=body,
            is_base64_encoded=encoded,
            cookies=[] if cookie is None else [cookie],
        )


class LauncherAnswer(Answer):
    """What Vercel reads of a function's launcher, whose bodies are always base64."""

    encoding: Literal["base64"] = Field(default="base64", description="of the body")

    @classmethod
    def of(cls, answer: HttpAnswer) -> Self:
        """Return an answer in this shape."""
        body = base64.b64encode(answer.body).decode()
        return cls(status_code=answer.status, headers=dict(answer.headers), body=body)
