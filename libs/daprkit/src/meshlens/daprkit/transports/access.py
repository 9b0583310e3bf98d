"""Who may call the app's port: with APP_API_TOKEN set, only the sidecar that knows it."""

import hmac
from typing import NoReturn

import grpc

from meshlens.daprkit.errors import WrongToken
from meshlens.daprkit.transports.interceptor import Continuation, Handler, replace_behaviour

_HEADER = "dapr-api-token"
# What nobody sends a token with: the platform's probes, and two calls of the sidecar itself
# (seen with daprd 1.18.3). They read, and what they read is no secret.
_OPEN_SERVICE = "/grpc.health.v1.Health/"
_OPEN_METHODS = frozenset(
    {
        "/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck",
        "/dapr.proto.runtime.v1.AppCallback/ListTopicSubscriptions",
    }
)


class TokenInterceptor(grpc.ServerInterceptor):
    """Rejects calls without the token that the sidecar was given.

    Args:
        token: the token that the sidecar sends; empty to accept every call.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Return the handler, or one that refuses."""
        if not self._token or _is_open(handler_call_details.method):
            return continuation(handler_call_details)
        for key, value in handler_call_details.invocation_metadata:
            if key == _HEADER and hmac.compare_digest(_to_bytes(value), self._token):
                return continuation(handler_call_details)
        # A stream must not wait for its first message before it is refused.
        return replace_behaviour(continuation(handler_call_details), _refuse)


def _is_open(method: str) -> bool:
    return method in _OPEN_METHODS or method.startswith(_OPEN_SERVICE)


def _to_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _refuse(_request: object, _context: grpc.ServicerContext) -> NoReturn:
    raise WrongToken(
        f"{_HEADER} must be the app's token",
        got="none or another",
        remedy="call through the sidecar, which sends APP_API_TOKEN",
    )
