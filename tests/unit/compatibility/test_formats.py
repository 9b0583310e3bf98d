"""What earlier versions have stored is read as they meant it, or refused with a reason.

The files in formats/ were written by the code of earlier commits, and are never written again: a
new format gets a file of its own beside them, by the code that introduced it.

fit-0.json     the first one, without a number (6cf79a3^)
fit-1.json     format 1 (8923001); of each fit also the scores that this code answered
fit-2.json     format 2 (465bbd2), likewise
cards.json     cards, and what 8923001 read in them
outbox-1.db    a file of the outbox with two of three events (a4a8c0e)
result-event-1.schema.json    the schema of events when it was first published (0eb3f7d)
"""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import decode_card
from meshlens.daprkit.application.events import Answered, Failure, Success
from meshlens.daprkit.application.result_event import encode_event, make_event
from meshlens.daprkit.messages import Provenance
from meshlens.daprkit.outbox.file import OutboxDamaged, OutboxFile
from meshlens.pca.errors import FitNotFound
from meshlens.pca.models import FORMAT, decode_model, encode_model
from meshlens.pca.numbers.decomposition import project

FORMATS = Path(__file__).parent / "formats"
POINTS = np.array(
    [
        [5.1, 3.5, 1.4, 0.2],
        [4.9, 3.0, 1.4, 0.2],
        [6.3, 3.3, 6.0, 2.5],
        [5.8, 2.7, 5.1, 1.9],
        [7.0, 3.2, 4.7, 1.4],
        [6.4, 3.2, 4.5, 1.5],
        [5.5, 2.3, 4.0, 1.3],
    ]
)


def load(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((FORMATS / name).read_text())


@pytest.mark.parametrize("case", ["plain", "standardized"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_stored_fit_gives_the_scores_that_it_gave(version: int, case: str) -> None:
    fit = load(f"fit-{version}.json")[case]
    model = decode_model(json.dumps(fit["stored"]).encode())
    np.testing.assert_allclose(project(model, POINTS), fit["scores"], rtol=1e-12, atol=1e-12)
    assert fit["stored"]["format"] == version
    assert model.names == ("sepal length", "sepal width", "petal length", "petal width")


@pytest.mark.parametrize("version", [1, 2])
def test_a_stored_fit_can_be_stored_again(version: int) -> None:
    for fit in load(f"fit-{version}.json").values():
        stored = encode_model(decode_model(json.dumps(fit["stored"]).encode()))
        again = json.loads(stored)
        assert again["format"] == FORMAT
        kept = {name: again[name] for name in fit["stored"] if name not in {"format", "cos2"}}
        expected = {name: fit["stored"][name] for name in kept}
        for name, value in expected.items():
            if isinstance(value, list) and value and not isinstance(value[0], str):
                np.testing.assert_allclose(kept[name], value, rtol=1e-12, err_msg=name)
            else:
                assert kept[name] == value


def test_a_fit_of_a_format_that_is_not_read_is_refused() -> None:
    newer = load("fit-2.json")["plain"]["stored"] | {"format": FORMAT + 1}
    for stored in ((FORMATS / "fit-0.json").read_bytes(), json.dumps(newer).encode()):
        with pytest.raises(FitNotFound, match=r"must belong to a fit of format 1 to 2.*fit again"):
            decode_model(stored)


@pytest.mark.parametrize("name", sorted(load("cards.json")))
def test_a_card_says_what_it_said(name: str) -> None:
    card = load("cards.json")[name]
    assert_holds(decode_card(card["card"].encode()).model_dump(mode="json"), card["read"])


def assert_holds(now: Any, before: Any, path: str = "") -> None:  # noqa: ANN401 - JSON
    """Check that all that was read is read still; there may be more."""
    if isinstance(before, dict):
        for key, value in before.items():
            assert key in now, f"{path}.{key}"
            assert_holds(now[key], value, f"{path}.{key}")
    else:
        assert now == before, path


def test_a_card_with_what_is_not_known_is_refused_by_its_name() -> None:
    newer = "model: {path: cats.tflite, type: tflite}\nquantum: true\n"
    with pytest.raises(InvalidModel, match="quantum"):
        decode_card(newer.encode())


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    path = tmp_path / "0.db"
    shutil.copyfile(FORMATS / "outbox-1.db", path)
    return path


def test_the_events_of_an_earlier_outbox_are_found(outbox: Path) -> None:
    file = OutboxFile(outbox)
    try:
        entries = file.read(0)
        assert file.measure().last == 3
    finally:
        file.close()
    assert [(it.number, it.event.identity, it.recorded) for it in entries] == [
        (2, "event-2", 1764000002.0),
        (3, "event-3", 1764000003.0),
    ]
    assert json.loads(entries[0].event.body)["data"] == {"id": "event-2"}
    assert entries[1].event.trace == {"traceparent": f"00-{3:032x}-{3:016x}-01"}


def test_a_later_outbox_is_refused_and_left_as_it_is(outbox: Path) -> None:
    with sqlite3.connect(outbox) as database:
        database.execute("PRAGMA user_version = 2")
    database.close()
    before = outbox.read_bytes()
    with pytest.raises(OutboxDamaged, match=r"must be an outbox of version 1, got version 2"):
        OutboxFile(outbox)
    assert outbox.read_bytes() == before


@pytest.mark.parametrize(
    "outcome",
    [
        Success("digits", "1", {"labels": [], "new": {"field": 1}}),
        Success("", "", None),
        Success("digits", "1", None, Provenance("5" * 64, "verified", "6" * 64)),
        Failure("INVALID_ARGUMENT", "INVALID_TABLE", ({"row": 3, "column": 2},)),
        Failure("INTERNAL"),
    ],
)
def test_an_event_satisfies_the_schema_that_consumers_were_first_given(
    outcome: Success | Failure,
) -> None:
    event = make_event("id-1", "classify", Answered("classify", b"1,2", outcome, 0.5))
    schema = load("result-event-1.schema.json")
    Draft202012Validator(schema).validate(json.loads(encode_event(event)))
