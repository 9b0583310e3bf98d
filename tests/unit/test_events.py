"""No part of a request's body is ever in its event, whatever is wrong with the body."""

import base64
import io
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.pca.calls import Shelf

from meshlens.classify.engines.opening import open_engine
from meshlens.classify.models import shipped_models
from meshlens.classify.service import STATUS as CLASSIFY_STATUS
from meshlens.classify.service import Service as Classify
from meshlens.classify.serving.repository import Repository
from meshlens.daprkit.application.admission import Admission
from meshlens.daprkit.application.application import Application
from meshlens.daprkit.application.events import Answered, Failure, NoEvents
from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import rule_lanes
from meshlens.daprkit.application.result_event import encode_event, make_event
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Statuses, StatusTable
from meshlens.daprkit.telemetry.metrics import Metrics
from meshlens.faults import Fault
from meshlens.pca.service import STATUS as PCA_STATUS
from meshlens.pca.service import Service as Pca

MAX_BODY = 100_000
JSON, FORM = "application/json", "multipart/form-data; boundary=between"
# Letters that occur side by side in no word of an event, and in no digest.
SECRETS = st.text("QXZJKW", min_size=8, max_size=40)
LEAST_PART = 4
# Of each kind: secrets differ in their length alone.
EXAMPLES = 20
PICTURE_METHODS = ("classify", "detect", "preview")


class Published(NoEvents):
    """Keeps events as they would be published."""

    def __init__(self) -> None:
        self.outcomes: list[object] = []
        self.events: list[str] = []

    def publish(self, answered: Answered) -> None:
        self.outcomes.append(answered.outcome)
        self.events.append(encode_event(make_event(str(uuid.uuid4()), "it", answered)).decode())


class Caller:
    """Calls an application and shows its events."""

    def __init__(self, application: Application, published: Published) -> None:
        self._application = application
        self._published = published

    def event_of(self, method: str, body: bytes, content_type: str) -> tuple[object, str]:
        call = Invocation(
            path=method, verb="POST", query="", content_type=content_type, body=body, headers={}
        )
        with suppress(Fault):
            self._application.invoke(call)
        outcome, event = self._published.outcomes.pop(), self._published.events.pop()
        assert self._published.events == []
        return outcome, event


@contextmanager
def calling(routes: Sequence[Route], table: StatusTable) -> Iterator[Caller]:
    admission, published = Admission(1, 2), Published()
    statuses = Statuses(table)
    application = Application(
        routes,
        lanes=rule_lanes(admission, published),
        statuses=statuses,
        metrics=Metrics("it", admitted=lambda: 0, name_code=lambda _: "OK"),
        max_body=MAX_BODY,
        time_limit=60,
    )
    yield Caller(application, published)
    admission.close()


@pytest.fixture(scope="module")
def pca() -> Iterator[Caller]:
    with calling(Pca(Shelf()).routes(), PCA_STATUS) as caller:
        yield caller


@pytest.fixture(scope="module")
def classify() -> Iterator[Caller]:
    repository = Repository(shipped_models(), partial(open_engine, workers=1))
    repository.load("digits")
    with calling(Classify(repository, max_pixels=1_000_000).routes(), CLASSIFY_STATUS) as caller:
        yield caller


def header_of_npy(secret: str) -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(2, dtype=[(secret, "S4")]))
    return file.getvalue()


def bad_tables(secret: str) -> Mapping[str, tuple[str | bytes, str]]:
    return {
        "a cell": (f"a,b\n1,2\n3,{secret}\n4,5\n", "text/csv"),
        "a cell of a line": (f"1,2,3,{secret}", ""),
        "a cell of a form": (f"1,2,3,{secret}", "application/x-www-form-urlencoded"),
        "a quoted cell": (f'a,b\n1,2\n3,"{secret}', "text/csv"),
        "a name": (f"{secret},{secret}\n1,2\n3,x1\n4,y2\n", "text/csv"),
        "a row that is too long": (f"a,b\n1,2\n3,4,{secret}\n", "text/csv"),
        "text": (secret, "text/plain"),
        "broken JSON": (f'[[1, 2], [3, "{secret}"', JSON),
        "a cell of JSON": (f'[[1, 2], [3, "{secret}"], [4, 5]]', JSON),
        "a key": (f'{{"{secret}": [1, 2, 3]}}', JSON),
        "keys of records": (f'[{{"{secret}": 1}}, {{"b": 2}}]', JSON),
        "a name in columns": (f'{{"columns": ["{secret}"], "data": [[1, 2]]}}', JSON),
        "a string": (f'"{secret}"', JSON),
        ".npy": (header_of_npy(secret), "application/x-npy"),
        ".npy that is none": (b"\x93NUMPY\x01\x00v\x00{'descr': '" + secret.encode(), ""),
        "Arrow": (b"ARROW1\0\0" + secret.encode(), "application/vnd.apache.arrow.file"),
        "bytes": (b"\xff\xfe\x00" + secret.encode(), "application/octet-stream"),
    }


def bad_pictures(secret: str) -> Mapping[str, tuple[str | bytes, str]]:
    part = f'--between\r\nContent-Disposition: form-data; name="f"; filename="{secret}.png"\r\n\r\n'
    field = f'--between\r\nContent-Disposition: form-data; name="{secret}"\r\n\r\n{secret}'
    packed = base64.b64encode(secret.encode()).decode()
    return {
        "text": (secret, "text/plain"),
        "a PNG": (b"\x89PNG\r\n\x1a\n" + secret.encode(), "image/png"),
        "a JPEG": (b"\xff\xd8\xff\xe0" + secret.encode(), "image/jpeg"),
        "SVG": (f"<svg>{secret}</svg>", "image/svg+xml"),
        "base64": (json.dumps({"image": f"{secret}%%%"}), JSON),
        "a data URL": (json.dumps({"image": f"data:{secret};base64,{secret}"}), JSON),
        "a key": (json.dumps({secret: packed}), JSON),
        "broken JSON": (f'{{"image": "{secret}"', JSON),
        "a list": (json.dumps({"images": [f"{secret}%%", packed]}), JSON),
        "a key beside a list": (json.dumps({"images": [packed], secret: 1}), JSON),
        "a form": (f"{part}{secret}\r\n--between--\r\n", FORM),
        "a field of a form": (f"{field}\r\n--between--\r\n", FORM),
        "a form that ends early": (f"{part}{secret}", FORM),
    }


def bad_tensors(secret: str) -> Mapping[str, tuple[str | bytes, str]]:
    return {
        "a key": (json.dumps({secret: [1]}), JSON),
        "a name": (json.dumps({"inputs": {secret: [1]}}), JSON),
        "a signature": (json.dumps({"signature_name": secret, "instances": [1]}), JSON),
        "a value": (json.dumps({"instances": [[secret]]}), JSON),
        "broken JSON": (f'{{"instances": [{secret}', JSON),
    }


def assert_no_part(secret: str, event: str) -> None:
    packed = base64.b64encode(secret.encode()).decode()
    for text in (secret, packed):
        for start in range(len(text) - LEAST_PART + 1):
            part = text[start : start + LEAST_PART]
            assert part not in event, f"{part!r} in {event}"


@pytest.mark.parametrize("kind", bad_tables("QXZJKWQX"))
@settings(max_examples=EXAMPLES)
@given(secret=SECRETS)
def test_events_of_pca_quote_no_table(pca: Caller, kind: str, secret: str) -> None:
    body, content_type = bad_tables(secret)[kind]
    for method in ("fit", "plot"):
        _, event = pca.event_of(method, as_bytes(body), content_type)
        assert_no_part(secret, event)


@pytest.mark.parametrize("kind", bad_pictures("QXZJKWQX"))
@settings(max_examples=EXAMPLES)
@given(secret=SECRETS)
def test_events_of_classify_quote_no_picture(classify: Caller, kind: str, secret: str) -> None:
    body, content_type = bad_pictures(secret)[kind]
    for method in PICTURE_METHODS:
        _, event = classify.event_of(method, as_bytes(body), content_type)
        assert_no_part(secret, event)


@pytest.mark.parametrize("kind", bad_tensors("QXZJKWQX"))
@settings(max_examples=EXAMPLES)
@given(secret=SECRETS)
def test_events_of_classify_quote_no_tensor(classify: Caller, kind: str, secret: str) -> None:
    body, content_type = bad_tensors(secret)[kind]
    outcome, event = classify.event_of("models/digits/predict", as_bytes(body), content_type)
    assert isinstance(outcome, Failure)
    assert_no_part(secret, event)


def as_bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body
