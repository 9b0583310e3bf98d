"""The app's token opens the port, whatever else a caller sends in its place."""

from typing import NamedTuple

import grpc
import pytest

from meshlens.daprkit.errors import WrongToken
from meshlens.daprkit.transports.access import TokenInterceptor
from meshlens.daprkit.transports.interceptor import Handler

HEADER = "dapr-api-token"


class Details(NamedTuple):
    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...]


def passes(token: str, *sent: str | bytes) -> bool:
    """Whether a call that sends these tokens reaches its handler."""
    own: Handler = grpc.unary_unary_rpc_method_handler(lambda request, _: request)

    def find(_: grpc.HandlerCallDetails) -> Handler:
        return own

    details = Details("/a.B/C", tuple((HEADER, value) for value in sent))
    handler = TokenInterceptor(token).intercept_service(find, details)  # type: ignore[arg-type] # has what is read of them
    if handler is own:
        return True
    assert handler
    assert handler.unary_unary
    with pytest.raises(WrongToken):
        handler.unary_unary(b"", None)  # type: ignore[arg-type] # it needs no context
    return False


@pytest.mark.parametrize("token", ["swordfish", "schlüssel", "\N{KEY}" * 100])
def test_the_token_alone_opens(token: str) -> None:
    assert passes(token, token)
    assert passes(token, token.encode())
    assert passes(token, "another", token)
    for other in ("", "another", token[:-1], token + "x", token.upper() + "x", b"\xff\xfe"):
        assert not passes(token, other)
    assert not passes(token)
    assert not passes(token, f"{token}, {token}")


def test_without_a_token_every_call_passes() -> None:
    assert passes("")
    assert passes("", "whatever")
