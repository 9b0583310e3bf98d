"""A body may be named by its address, in the bindings that the operator allows."""

import base64

import pytest

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.sidecar.referenced import (
    URI_LIST,
    References,
    is_address,
    take_addresses,
)

REFERENCES = References(lambda address: f"what is at {address}".encode(), ["photos"])


def ask(body: bytes, content_type: str = URI_LIST) -> Request:
    return Request("plot", "POST", {}, content_type, body, {})


@pytest.mark.parametrize("key", ["cat.jpg", "2026/cat.jpg", "ä.jpg"])
def test_an_address_of_a_binding_is_read(key: str) -> None:
    address = f"dapr://binding/photos/{key}"
    read = REFERENCES.resolve(ask(f"{address}\r\n".encode()))
    assert (read.body.decode(), read.content_type) == (f"what is at {address}", "")


@pytest.mark.parametrize(
    ("kind", "content_type", "charset"),
    [
        ("text/csv", "text/csv", ""),
        ("Text/CSV;charset=Latin-1", "text/csv", "latin-1"),
        ("", "", ""),
    ],
)
def test_a_data_url_has_the_bytes_and_their_type(
    kind: str, content_type: str, charset: str
) -> None:
    url = f"data:{kind};base64,{base64.b64encode(b'1,2').decode()}"
    read = REFERENCES.resolve(ask(url.encode()))
    assert (read.body, read.content_type, read.charset) == (b"1,2", content_type, charset)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (b"", "the address must be"),
        (b"\xff", "the address must be"),
        (b"https://example.com/x", "the address must be"),
        (b"file:///etc/passwd", "the address must be"),
        (b"dapr://state/statestore/fit", "the address must be"),
        (b"dapr://binding/photos", "the address must be"),
        (b"dapr://binding/photos/", "the address must be"),
        (b"dapr://binding/photos/a b", "the address must be"),
        (b"dapr://binding/photos/a\ndapr://binding/photos/b", "the address must be"),
        (b"data:,1", "the address must be"),
        (b"x" * 1000, "the address must be"),
        (b"dapr://binding/secrets/key", "the binding must be one of photos"),
        (b"dapr://binding//key", "the address must be"),
        (b"data:text/csv;base64,%%", "a data URL must have base64"),
        (b"data:text/csv;base64,\xc3\xa4", "a data URL must have base64"),
    ],
)
def test_other_addresses_are_refused(address: bytes, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refusal:
        REFERENCES.resolve(ask(address))
    assert len(str(refusal.value)) < 400


def test_unless_the_operator_allows_a_binding_there_is_none() -> None:
    with pytest.raises(InvalidRequest, match="one of none"):
        References(REFERENCES.read, [""]).resolve(ask(b"dapr://binding/photos/cat.jpg"))


def test_other_bodies_are_as_they_came() -> None:
    request = ask(b"dapr://binding/photos/cat.jpg", "text/csv")
    assert REFERENCES.resolve(request) is request


def test_methods_that_work_take_addresses_and_others_do_not() -> None:
    def tell(request: Request) -> Reply:
        return Reply(request.body, "text/plain")

    routes = [Route("work", tell, lane=Lane.WORK), Route("light", tell)]
    work, light = take_addresses(routes, REFERENCES)
    url = b"data:;base64,aGk="
    assert work.endpoint(ask(url)).body == b"hi"
    assert light.endpoint(ask(url)).body == url


@pytest.mark.parametrize("text", ["dapr://x", "data:image/png;base64,AA==", "data:;base64,"])
def test_an_address_is_known_by_its_beginning(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "data", "data:1,2", "data,x\n1,2", "AA==", "https://x"])
def test_a_table_or_base64_is_no_address(text: str) -> None:
    assert not is_address(text)
