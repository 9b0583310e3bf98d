"""One request's use of the cache."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.lookups import Lookups
from meshlens.classify.answer_cache.recent import RecentAnswers
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.formats.card import ModelCard
from meshlens.classify.serving.opening import Loaded, open_model
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.lens import Answer, Payload
from meshlens.classify.tasks.options import ModelOptions


class Told(Answer):
    """What was computed."""

    number: int


@pytest.fixture
def loaded(digits: bytes, tmp_path: Path) -> Loaded:
    path = tmp_path / "m.tflite"
    path.write_bytes(digits)
    source = Source("m", "1", (path,), ModelCard())
    return open_model(source, digits, partial(open_engine, workers=1), tmp_path)


@pytest.fixture
def cache() -> AnswerCache:
    return AnswerCache(RecentAnswers(1 << 20), seconds=60.0)


def counting() -> Callable[[], Told]:
    """Return what computes another answer each time."""
    numbers = iter(range(100))
    return lambda: Told(number=next(numbers))


def ask(
    lookups: Lookups, loaded: Loaded, compute: Callable[[], Told], form: type[Told] | None
) -> int:
    payload, options = Payload(b"picture", 100), ModelOptions()
    return lookups.answer(loaded, "classify", payload, options, form, compute).number


def test_answers_are_kept_from_one_request_to_the_next(loaded: Loaded, cache: AnswerCache) -> None:
    compute = counting()
    first, second = Lookups(cache), Lookups(cache)
    assert [ask(first, loaded, compute, Told), ask(first, loaded, compute, Told)] == [0, 0]
    assert ask(second, loaded, compute, Told) == 0
    assert first.headers() == {"cache-status": "meshlens; fwd=miss"}
    assert second.headers() == {"cache-status": "meshlens; hit"}
    assert (first.kept, second.kept) == (False, True)


def test_an_answer_that_cannot_be_kept_is_computed_each_time(
    loaded: Loaded, cache: AnswerCache
) -> None:
    compute, lookups = counting(), Lookups(cache)
    assert [ask(lookups, loaded, compute, None) for _ in range(3)] == [0, 1, 2]
    assert lookups.headers() == {"cache-status": "meshlens; fwd=bypass"}
    assert not lookups.kept
    assert (cache.hits, cache.misses) == (0, 0)


def test_without_a_cache_nothing_is_kept_or_said(loaded: Loaded) -> None:
    compute, lookups = counting(), Lookups()
    assert [ask(lookups, loaded, compute, Told) for _ in range(3)] == [0, 1, 2]
    assert lookups.headers() == {}
