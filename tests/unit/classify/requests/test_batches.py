"""Several pictures in one request: an answer for each, and a bad one fails alone."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from unit.classify.pictures import png_header

from meshlens.classify.engines.engine import Engine, Signature, Tensor
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import EngineGone, InvalidBody
from meshlens.classify.formats.card import Task
from meshlens.classify.models import shipped_models
from meshlens.classify.requests.batches import MOST_IMAGES
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.errors import InvalidRequest
from meshlens.daprkit.messages import Request

SAMPLES = Path(__file__).resolve().parents[4] / "services/classify/samples"
DIGITS = [(SAMPLES / f"digit-{digit}.png").read_bytes() for digit in range(10)]
BOUNDARY = "between"


@pytest.fixture(scope="module")
def service() -> Service:
    repository = Repository(shipped_models(), partial(open_engine, workers=1), default="digits")
    repository.load("digits")
    return Service(repository, max_pixels=1_000_000)


def ask(body: bytes, content_type: str, boundary: str = "") -> Request:
    return Request("classify", "POST", {}, content_type, body, {}, boundary=boundary)


def listed(*pictures: bytes | str) -> Request:
    texts = [
        text if isinstance(text, str) else base64.b64encode(text).decode() for text in pictures
    ]
    return ask(json.dumps({"images": texts}).encode(), "application/json")


def form(*files: bytes, disposition: str = 'form-data; name="a"; filename="{}.png"') -> Request:
    parts = [
        f"--{BOUNDARY}\r\nContent-Disposition: {disposition.format(place)}\r\n\r\n".encode()
        + file
        + b"\r\n"
        for place, file in enumerate(files)
    ]
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return ask(body, "multipart/form-data", BOUNDARY)


def answers(service: Service, request: Request) -> list[dict[str, Any]]:
    reply = service.answer(Task.CLASSIFY, request)
    told = json.loads(reply.body)
    assert (told["model"], told["version"]) == ("digits", "1")
    assert told["count"] == len(told["answers"])
    assert reply.result is not None
    assert reply.result["answers"] == [for_event(answer) for answer in told["answers"]]
    return list(told["answers"])


def for_event(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without the name of its file and the message of its error."""
    kept = {key: value for key, value in answer.items() if key != "name"}
    return {**kept, "error": {"code": kept["error"]["code"]}} if "error" in kept else kept


@pytest.mark.parametrize("make", [listed, form])
def test_every_picture_is_answered_in_its_order(service: Service, make: Any) -> None:  # noqa: ANN401 - either maker
    told = answers(service, make(*DIGITS))
    assert [one["labels"][0]["label"] for one in told] == list("0123456789")


@pytest.mark.parametrize("make", [listed, form])
def test_a_bad_picture_fails_alone(service: Service, make: Any) -> None:  # noqa: ANN401 - either maker
    told = answers(
        service, make(DIGITS[3], b"no picture", b"", png_header(9999, 9999), DIGITS[4][:900])
    )
    assert told[0]["labels"][0]["label"] == "3"
    codes = [one["error"]["code"] for one in told[1:]]
    assert codes == ["INVALID_ARGUMENT"] * 2 + ["RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"]
    reasons = [one["error"]["reason"] for one in told[1:]]
    assert reasons == ["INVALID_IMAGE"] * 2 + ["IMAGE_TOO_LARGE", "INVALID_IMAGE"]
    assert "got an empty body" in told[2]["error"]["message"]


def test_text_that_is_no_base64_fails_alone(service: Service) -> None:
    bad, good = answers(service, listed("%%%", DIGITS[1]))
    assert "base64" in bad["error"]["message"]
    assert good["labels"][0]["label"] == "1"


def test_files_keep_their_names(service: Service) -> None:
    assert [one["name"] for one in answers(service, form(DIGITS[0], b"x"))] == ["0.png", "1.png"]


def test_a_list_of_one_is_a_list(service: Service) -> None:
    assert len(answers(service, form(DIGITS[0]))) == len(answers(service, listed(DIGITS[0]))) == 1


def test_too_many_pictures_are_refused_with_the_limit(service: Service) -> None:
    assert len(answers(service, form(*[b""] * MOST_IMAGES))) == MOST_IMAGES
    with pytest.raises(InvalidRequest, match=f"at most {MOST_IMAGES} files"):
        service.answer(Task.CLASSIFY, form(*[b""] * (MOST_IMAGES + 1)))
    with pytest.raises(InvalidBody, match=f"1 to {MOST_IMAGES}"):
        service.answer(Task.CLASSIFY, listed(*[""] * (MOST_IMAGES + 1)))


@pytest.mark.parametrize(
    "body", [b'{"images": []}', b'{"images": 5}', b'{"images": [5]}', b'{"images": [""], "a": 1}']
)
def test_a_list_that_is_none_is_refused(service: Service, body: bytes) -> None:
    with pytest.raises(InvalidBody, match="images"):
        service.answer(Task.CLASSIFY, ask(body, "application/json"))


def test_a_form_without_files_is_refused(service: Service) -> None:
    with pytest.raises(InvalidBody, match="at least one file"):
        service.answer(Task.CLASSIFY, form())
    with pytest.raises(InvalidBody, match="got none, and the fields a; send"):
        service.answer(Task.CLASSIFY, form(b"5", disposition='form-data; name="a"'))


@pytest.mark.parametrize("boundary", ["", "other", "x" * 71, "ä"])
def test_a_form_that_is_none_is_refused(service: Service, boundary: str) -> None:
    whole = form(DIGITS[0])
    with pytest.raises(InvalidRequest, match="multipart/form-data"):
        service.answer(Task.CLASSIFY, ask(whole.body, whole.content_type, boundary))


@pytest.mark.parametrize("end", [0, 1, 20, 60, 200])
def test_a_form_that_breaks_off_is_refused(service: Service, end: int) -> None:
    whole = form(DIGITS[0])
    with pytest.raises(InvalidRequest):
        service.answer(Task.CLASSIFY, ask(whole.body[:end], whole.content_type, BOUNDARY))


class Mortal:
    """A model whose process may end, and how many runs of it there are at once.

    Attributes:
        ends: where that many runs must be under way for its process to end; None if it lives.
        most: the largest number of runs at once.
    """

    def __init__(self, engine: Engine) -> None:
        (self.run_alone,) = (function.run for function in engine.signatures.values())
        (self.inputs,) = (function.inputs for function in engine.signatures.values())
        (self.outputs,) = (function.outputs for function in engine.signatures.values())
        self.signatures: Mapping[str, Signature] = dict.fromkeys(engine.signatures, self)
        self.close = engine.close
        self.ends: threading.Barrier | None = None
        self.most = self._running = 0
        self._lock = threading.Lock()

    def run(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            if self.ends:
                self.ends.wait(10)
                raise EngineGone("its process has ended")
            return self.run_alone(tensors)
        finally:
            with self._lock:
                self._running -= 1


@pytest.fixture
def admission() -> Iterator[Admission]:
    """Two workers that help each other with every picture, however quick it is."""
    admission = Admission(2, 8, shortest_part=0.0)
    yield admission
    admission.close()


def admit(admission: Admission, service: Service, request: Request) -> bytes:
    return admission.run(
        lambda: service.answer(Task.CLASSIFY, request).body,
        seconds=60,
        on_caller_gone=lambda _: True,
    )


@pytest.mark.parametrize("make", [listed, form])
def test_workers_that_help_change_no_byte(
    admission: Admission,
    service: Service,
    make: Any,  # noqa: ANN401 - either maker
) -> None:
    pictures = [*DIGITS, b"no picture", DIGITS[4][:900], png_header(9999, 9999), b"", *DIGITS]
    request = make(*pictures)
    alone = service.answer(Task.CLASSIFY, request).body
    assert [admit(admission, service, request) for _ in range(5)] == [alone] * 5


def test_a_model_that_has_ended_during_a_batch_gets_one_picture_at_a_time_from_then_on(
    admission: Admission,
) -> None:
    engines: list[Mortal] = []

    def open_mortal(*arguments: Any) -> Mortal:  # noqa: ANN401 - those of `open_engine`
        engines.append(Mortal(open_engine(*arguments, workers=2)))
        return engines[-1]

    repository = Repository(shipped_models(), open_mortal, default="digits")
    service = Service(repository, max_pixels=1_000_000)
    repository.load("digits")
    # As it is with two calls under way, of which nobody knows which is to blame.
    engines[0].ends = threading.Barrier(2)
    with pytest.raises(EngineGone):
        admit(admission, service, listed(*DIGITS))
    repository.load("digits")
    admit(admission, service, listed(*DIGITS))
    assert [engine.most for engine in engines] == [2, 1]
