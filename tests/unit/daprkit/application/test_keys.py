"""Idempotency keys, as callers send them, and the ids that follow from them."""

import pytest

from meshlens.daprkit.application.keys import Key, Once, fingerprint
from meshlens.daprkit.errors import InvalidRequest


def test_a_key_is_read_with_its_caller_whatever_carries_it() -> None:
    assert Key.read({"idempotency-key": "k"}, "shop") == Key("shop", "k")
    metadata = (("idempotency-key", "k"), ("dapr-caller-app-id", "other"), ("x-bin", b"\0"))
    assert Key.read_metadata(metadata, "shop") == Key("shop", "k")


def test_without_the_header_there_is_no_key() -> None:
    assert Key.read({"accept": "*/*"}, "shop") is None
    assert Key.read_metadata([], "shop") is None


@pytest.mark.parametrize("text", ["", " ", "a b", "ü", "x" * 256, "a\n"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="idempotency-key"):
        Key.read({"idempotency-key": text}, "shop")


def test_an_event_delivered_again_has_the_same_key_and_another_has_another() -> None:
    key = Key.of_event("camera", "7", b"picture")
    assert key == Key.of_event("camera", "7", b"picture")
    others = [
        Key.of_event("door", "7", b"picture"),
        Key.of_event("camera", "8", b"picture"),
        Key.of_event("camera", "7", b"other"),
    ]
    assert key not in others


def test_requests_within_a_request_have_keys_of_their_own() -> None:
    key = Key("shop", "k")
    assert len({key, key.number(1), key.number(2)}) == 3
    assert key.number(1) == key.number(1)


def test_whatever_changes_the_answer_changes_the_fingerprint() -> None:
    prints = [
        fingerprint("12", path="plot", options={}),
        fingerprint("13", path="plot", options={}),
        fingerprint("12", path="fit", options={}),
        fingerprint("12", path="plot", options={"?k": "2"}),
        fingerprint("12", path="plot", options={"?k": "3"}),
    ]
    assert len(set(prints)) == len(prints)


def test_the_order_of_the_options_changes_nothing() -> None:
    one = fingerprint("", path="plot", options={"?a": "1", "?b": "2"})
    assert one == fingerprint("", path="plot", options={"?b": "2", "?a": "1"})


def test_the_id_of_an_event_follows_from_request_and_outcome() -> None:
    request = Once("plot", Key("shop", "k"), "print")
    ids = [
        request.identify("OK"),
        request.identify("UNAVAILABLE"),
        Once("plot", Key("shop", "k2"), "print").identify("OK"),
        Once("plot", Key("shop", "k"), "other").identify("OK"),
        Once("plot", Key("bank", "k"), "print").identify("OK"),
        Once("fit", Key("shop", "k"), "print").identify("OK"),
    ]
    assert len(set(ids)) == len(ids)
    assert request.identify("OK") == ids[0]
