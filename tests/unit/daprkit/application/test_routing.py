"""Routes: verbs that are taken, and what is said about others."""

import pytest

from meshlens.daprkit.application.routing import Route, Routes
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.errors import InvalidRequest, MethodNotFound, WrongVerb
from meshlens.daprkit.messages import Reply, Request


def answer(_: Request) -> Reply:
    return Reply(b"", "text/plain")


ROUTES = Routes(
    (Route("work", answer), Route("list", answer, verbs=("GET",)), Route("ui", answer, ("GET",)))
)


@pytest.mark.parametrize("verb", ["GET", "HEAD", "NONE"])
def test_what_can_be_read_has_a_head_too(verb: str) -> None:
    assert ROUTES.find("list", verb)[0].path == "list"


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_a_method_that_works_on_a_body_says_how_to_send_one_and_where_the_page_is(
    verb: str,
) -> None:
    with pytest.raises(InvalidRequest, match=rf"POST or PUT, got {verb}.*--data-binary.*\bui\b"):
        ROUTES.find("work", verb)


def test_a_method_that_is_read_says_so() -> None:
    with pytest.raises(InvalidRequest, match="list expects GET, got POST; call it by GET"):
        ROUTES.find("list", "POST")


def test_a_page_that_is_not_there_is_not_advised() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Routes((Route("work", answer),)).find("work", "GET")
    assert "ui" not in str(refusal.value).split()


def test_a_wrong_verb_has_the_right_ones_as_data_and_the_reason_of_any_wrong_request() -> None:
    with pytest.raises(WrongVerb) as refusal:
        ROUTES.find("list", "POST")
    assert refusal.value.allowed == ("GET", "HEAD")
    assert refusal.value.reason == "INVALID_REQUEST"


def test_a_path_with_an_empty_part_is_no_other_path() -> None:
    with pytest.raises(MethodNotFound):
        ROUTES.find("li//st", "GET")


def test_a_route_may_word_its_errors_itself() -> None:
    def word(status: Status, text: str) -> bytes:
        return f"{status.name} {text}".encode()

    routes = Routes((Route("v2/<name>", answer, failure=word), Route("work", answer)))
    assert routes.find_failure("v2/anything") is word
    assert routes.find_failure("work") is None
    assert routes.find_failure("nothing") is None
