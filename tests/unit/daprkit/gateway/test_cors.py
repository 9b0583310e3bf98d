"""Pages of allowed origins may read answers, others not."""

import pytest

from meshlens.daprkit.gateway.cors import Cors

HERE, THERE = "https://a.example", "https://b.example"
VERBS = ("POST", "OPTIONS")
ALLOW = "access-control-allow-origin"


def ask(origin: str, wanted: str = "content-type") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": wanted,
    }


def test_all_may_read_if_all_are_allowed() -> None:
    for origin in ("", HERE):
        assert Cors(["*"]).allow(origin) == {ALLOW: "*"}


def test_those_in_the_list_may_read_and_caches_know_that_it_depends() -> None:
    cors = Cors([HERE])
    assert cors.allow(HERE) == {ALLOW: HERE, "vary": "Origin"}
    assert cors.allow(THERE) == {"vary": "Origin"}
    assert cors.allow("null") == {"vary": "Origin"}


def test_without_origins_nothing_is_said() -> None:
    assert Cors([]).allow(HERE) == {}
    assert Cors([]).prepare(ask(HERE), VERBS) == {"allow": "POST, OPTIONS"}


def test_a_preflight_is_answered_with_verbs_and_the_headers_it_names() -> None:
    assert Cors([HERE]).prepare(ask(HERE, "Content-Type, x-mine"), VERBS) == {
        "allow": "POST, OPTIONS",
        ALLOW: HERE,
        "vary": "Origin",
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": "Content-Type, x-mine",
        "access-control-max-age": "7200",
    }
    assert Cors([HERE]).prepare(ask(THERE), VERBS) == {"allow": "POST, OPTIONS", "vary": "Origin"}


@pytest.mark.parametrize("wanted", ["", "a b", "x\r\ny: 1", "a," * 5000, "*,\x00"])
def test_what_is_no_list_of_names_is_not_repeated(wanted: str) -> None:
    answer = Cors(["*"]).prepare(ask(HERE, wanted), VERBS)
    assert "access-control-allow-headers" not in answer
    assert answer["access-control-allow-methods"] == "POST, OPTIONS"
