"""What callers get from a service that keeps answers: what they would get from one that does not.

Two services share a repository, and one of them keeps its answers.
"""

import base64
import io
import json
import os
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from unit.classify.color_graphs import remembering
from unit.classify.pictures import blocks, encode

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.recent import RecentAnswers
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import InvalidImage
from meshlens.classify.formats.card import Task
from meshlens.classify.service import Service
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Rollout, Shadow
from meshlens.classify.shadows.shadows import Shadows
from meshlens.classify.storage.folder import find_models
from meshlens.classify.tasks.lens import JSON
from meshlens.daprkit.messages import Reply, Request

SAMPLES = Path(__file__).resolve().parents[3] / "services/classify/samples"
SEVEN = (SAMPLES / "digit-7.png").read_bytes()
LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A service that keeps answers and one that does not, with the same models.

    Attributes:
        repository: their models.
        folder: where these are.
        keeping: the one that does.
        plain: the one that does not.
        cache: of the first.
    """

    repository: Repository
    folder: Path
    keeping: Service
    plain: Service
    cache: AnswerCache

    def same(self, request: Request, task: Task = Task.CLASSIFY) -> Reply:
        """Return the reply of the one that keeps answers, which must be the other's, too."""
        kept, computed = (it.answer(task, request) for it in (self.keeping, self.plain))
        assert replace(kept, headers={}) == computed
        return kept

    def replace(self, card: str, labels: str) -> None:
        """Give the only version another card and labels, and wait for it."""
        (self.folder / "m.yaml").write_text(card)
        (self.folder / "m.txt").write_text(labels)
        self.repository.unload("m", "1")
        self.repository.refresh(find_models(self.folder))
        self.repository.load("m", "1")


def pair(folder: Path, default: str = "m") -> Pair:
    repository = Repository(folder, partial(open_engine, workers=2), default=default)
    for servable in repository.servables():
        repository.load(servable.source.model)
    cache = AnswerCache(RecentAnswers(1 << 20), seconds=300.0)
    keeping = Service(repository, max_pixels=LIMIT, answers=cache)
    return Pair(repository, folder, keeping, Service(repository, max_pixels=LIMIT), cache)


@pytest.fixture
def digits_twice(tmp_path: Path, digits: bytes) -> Pair:
    (tmp_path / "m.tflite").write_bytes(digits)
    return pair(tmp_path)


def ask(
    body: bytes,
    content_type: str = "image/png",
    *,
    accept: str = "",
    parameters: Mapping[str, str] | None = None,
    **query: str,
) -> Request:
    headers = {"accept": accept} if accept else {}
    return Request("m", "POST", query, content_type, body, headers, parameters or {})


def in_base64(*pictures: bytes) -> bytes:
    texts = [base64.b64encode(picture).decode() for picture in pictures]
    return json.dumps({"images": texts} if len(texts) > 1 else {"image": texts[0]}).encode()


def status(reply: Reply) -> str | None:
    return reply.headers.get("cache-status")


HIT, MISS, BYPASS = (f"meshlens; {what}" for what in ("hit", "fwd=miss", "fwd=bypass"))


def other_picture(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (28, 28), level).save(file, "PNG")
    return file.getvalue()


def test_a_picture_that_comes_again_is_not_computed(digits_twice: Pair) -> None:
    assert [status(digits_twice.same(ask(SEVEN))) for _ in range(3)] == [MISS, HIT, HIT]
    assert (digits_twice.cache.hits, digits_twice.cache.misses) == (2, 1)


def test_a_picture_is_the_same_however_it_is_sent_and_however_the_answer_is(
    digits_twice: Pair,
) -> None:
    digits_twice.same(ask(SEVEN))
    for request in (
        ask(in_base64(SEVEN), JSON),
        ask(SEVEN, "application/octet-stream", model="m@1"),
        ask(SEVEN, accept="text/plain"),
        ask(SEVEN, accept="text/html"),
    ):
        assert status(digits_twice.same(request)) == HIT


def test_other_options_are_another_question(digits_twice: Pair) -> None:
    for top in ("1", "2", "1", "2"):
        reply = digits_twice.same(ask(SEVEN, top_k=top))
        assert len(json.loads(reply.body)["labels"]) == int(top)
    assert (digits_twice.cache.hits, digits_twice.cache.misses) == (2, 2)


def test_pictures_of_a_batch_are_answered_one_by_one(digits_twice: Pair) -> None:
    other = other_picture(200)
    digits_twice.same(ask(SEVEN))
    assert status(digits_twice.same(ask(in_base64(SEVEN, other), JSON))) == MISS
    assert status(digits_twice.same(ask(in_base64(other, SEVEN), JSON))) == HIT
    assert (digits_twice.cache.hits, digits_twice.cache.misses) == (3, 2)


def test_a_fault_is_found_again(digits_twice: Pair) -> None:
    for _ in range(2):
        with pytest.raises(InvalidImage):
            digits_twice.keeping.answer(Task.CLASSIFY, ask(b"no picture"))
    assert (digits_twice.cache.hits, digits_twice.cache.misses) == (0, 2)


def test_boxes_are_kept_with_all_that_is_drawn_of_them(tmp_path: Path, shared: Path) -> None:
    for file in (shared / "cases/classify/models/ssd_full_card").iterdir():
        shutil.copy(file, tmp_path)
    both = pair(tmp_path, "card")
    picture = encode(blocks(240, 160))
    for accept in ("", "image/svg+xml", "image/png", "image/jpeg"):
        both.same(ask(picture, accept=accept), Task.DETECT)
    assert (both.cache.hits, both.cache.misses) == (3, 1)
    assert status(both.same(ask(picture, threshold="0.9"), Task.DETECT)) == MISS


def test_tensors_are_kept_and_so_is_what_the_event_says_of_them(digits_twice: Pair) -> None:
    tensors = json.dumps({"inputs": {"picture": [[[[0]] * 32] * 32]}}).encode()
    for body, kind in ((tensors, JSON), (SEVEN, "image/png"), (in_base64(SEVEN), JSON)):
        request = ask(body, kind, parameters={"name": "m"})
        first, again, computed = (
            digits_twice.keeping.predict(request),
            digits_twice.keeping.predict(request),
            digits_twice.plain.predict(request),
        )
        assert status(again) == HIT
        assert replace(first, headers={}) == replace(again, headers={}) == computed
        assert again.result is not None
        assert again.result["shapes"]
    # The picture in base64 was the one before it.
    assert (digits_twice.cache.hits, digits_twice.cache.misses) == (4, 2)


def test_a_model_that_keeps_a_state_is_computed_each_time_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(remembering())
    both = pair(tmp_path)
    assert [status(both.same(ask(SEVEN))) for _ in range(2)] == [BYPASS, BYPASS]
    said = both.keeping.describe_model(ask(b"", parameters={"name": "m"})).body
    assert json.loads(said)["cache"] == {"kept": False, "reason": "it keeps a state"}


def test_a_model_says_that_its_answers_are_kept_where_any_are(digits_twice: Pair) -> None:
    request = ask(b"", parameters={"name": "m"})
    assert json.loads(digits_twice.keeping.describe_model(request).body)["cache"] == {"kept": True}
    assert "cache" not in json.loads(digits_twice.plain.describe_model(request).body)
    assert status(digits_twice.plain.answer(Task.CLASSIFY, ask(SEVEN))) is None


def test_no_answer_is_that_of_an_earlier_content_in_any_order(digits_twice: Pair) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    chance = random.Random(seed)  # noqa: S311 - not a secret
    names = ["".join(f"{letter}{number}\n" for number in range(10)) for letter in "ab"]
    cards = ["{}", "output: {top: 2}", "subject: number", "cache: false"]
    pictures = [SEVEN, *(other_picture(level) for level in (0, 100, 255))]
    kept = 0
    for _ in range(400):
        if chance.random() < 0.1:
            digits_twice.replace(chance.choice(cards), chance.choice(names))
        query: dict[str, Any] = {"top_k": "1"} if chance.random() < 0.3 else {}
        chosen = [chance.choice(pictures) for _ in range(chance.choice((1, 1, 3)))]
        accept = chance.choice(("", "text/plain")) if len(chosen) == 1 else ""
        request = ask(in_base64(*chosen), JSON, accept=accept, **query)
        kept += status(digits_twice.same(request)) == HIT
    assert kept > 40, f"with SEED={seed}"


@pytest.fixture
def two_versions(tmp_path: Path, digits: bytes) -> Pair:
    for version in ("1", "2"):
        (tmp_path / "m" / version).mkdir(parents=True)
        (tmp_path / "m" / version / "m.tflite").write_bytes(digits)
    found = pair(tmp_path)
    found.repository.load("m", "1")
    return found


def test_a_kept_answer_is_of_the_version_that_a_rollout_has_chosen(two_versions: Pair) -> None:
    said = []
    for version in ("1", "2", "1", "2"):
        two_versions.repository.roll_out({"m": Rollout(weights={version: 100})})
        reply = two_versions.same(ask(SEVEN))
        said.append((reply.version, status(reply)))
    assert said == [("1", MISS), ("2", MISS), ("1", HIT), ("2", HIT)]


def test_what_keeps_requests_at_one_version_does_not_keep_answers_apart(two_versions: Pair) -> None:
    halves = Rollout(weights={"1": 50, "2": 50}, key="option")
    two_versions.repository.roll_out({"m": halves})
    said = {two_versions.same(ask(SEVEN, key=str(key))).version for key in range(40)}
    assert said == {"1", "2"}
    assert (two_versions.cache.hits, two_versions.cache.misses) == (38, 2)


def test_a_shadow_sees_only_what_is_computed(two_versions: Pair) -> None:
    repository = two_versions.repository
    shadow = Shadow(version="2", percent=100)
    repository.roll_out({"m": Rollout(weights={"1": 100}, shadow=shadow)})
    shadows = Shadows(repository, memory=1 << 20, rest=lambda _: False)
    cache = AnswerCache(RecentAnswers(1 << 20), seconds=300.0)
    service = Service(repository, max_pixels=LIMIT, answers=cache, shadows=shadows)
    try:
        named = ask(SEVEN, parameters={"name": "m"})
        assert [status(service.answer(Task.CLASSIFY, ask(SEVEN))) for _ in range(3)] == [
            MISS,
            HIT,
            HIT,
        ]
        assert [status(service.predict(named)) for _ in range(2)] == [MISS, HIT]
        (report,) = shadows.report("m").reports
        assert report.offered == 2
    finally:
        shadows.stop()
