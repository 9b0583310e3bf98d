"""The cache answers no question with the answer to another: 100,000 steps of all that may happen.

Threads ask models whose versions get other contents meanwhile, and earlier ones again; the state
store is damaged and fails, time passes, and little fits into memory. What is computed says all of
its question, so that an answer to another one is seen.
"""

import json
import logging
import os
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from processes import eventually
from unit.classify.answer_cache.stores import Store

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.question import Question
from meshlens.classify.answer_cache.recent import RecentAnswers
from meshlens.classify.answer_cache.shared import SharedAnswers
from meshlens.classify.tasks.lens import Answer

STEPS = 100_000
THREADS = 4
SECONDS = 50.0
# Texts that run into each other where borders are not kept.
NAMES = ("a", "ab", "b", "", "1", "11")
BODIES = (b"", b"a", b"ab", b"\0", b"\0\0", b"1a", bytes(40))


class Told(Answer):
    """What a question was, and when it was computed."""

    said: str
    at: float


class Failed(Exception):
    """A model has failed."""


def tell(question: Question) -> str:
    parts = (question.model, question.version, question.content, question.method, question.options)
    return json.dumps([*parts, question.body.hex(), question.max_pixels])


class Damaged(Store):
    """Its values change, move to other keys, and come back, as `chance` has it."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def damage(self) -> None:
        keys = [*self.values]
        if not keys:
            return
        key, other = self._chance.choice(keys), self._chance.choice(keys)
        value = bytearray(self.values[key])
        match self._chance.randrange(5):
            case 0 if value:
                value[self._chance.randrange(len(value))] ^= 1 << self._chance.randrange(8)
            case 1:
                del value[self._chance.randrange(len(value) + 1) :]
            case 2:
                value = bytearray(self.values[other])
            case 3:
                value = bytearray(Told(said="[]", at=0.0).pack())
            case _:
                del self.values[key]
                return
        self.values[key] = bytes(value)


class World:
    """What all threads share.

    Args:
        seed: of the damage.

    Attributes:
        cache: under test.
        store: behind it.
        shared: what uses that store.
        contents: of each version now.
        now: the time.
        wrong: what was answered wrongly.
        kept: how many answers were kept ones.
    """

    def __init__(self, seed: int) -> None:
        self.now = 1.0
        self._passing = random.Random(seed)  # noqa: S311 - not a secret
        self.store = Damaged(random.Random(seed))  # noqa: S311 - not a secret
        self.shared = SharedAnswers(self.store, seconds=SECONDS, clock=lambda: self.now, pause=0.0)
        recent = RecentAnswers(32 * 1024, clock=lambda: self.now)
        self.cache = AnswerCache(recent, seconds=SECONDS, shared=self.shared)
        self.contents = {(name, version): "0" for name in NAMES[:3] for version in "12"}
        self.wrong: list[tuple[Question, Told]] = []
        self.kept = 0
        self._changing = threading.Lock()
        # Time passes while nobody asks, so that the age of each answer is known exactly.
        self._hour = threading.Barrier(THREADS, action=self._pass_time)

    def run(self, seed: int, steps: int) -> None:
        """Do so many steps, one after the other."""
        chance = random.Random(seed)  # noqa: S311 - not a secret
        for step in range(steps):
            if step % 50 == 0:
                self._hour.wait()
            match chance.random():
                case point if point < 0.02:
                    version = chance.choice([*self.contents])
                    self.contents[version] = chance.choice("0123")
                case point if point < 0.05:
                    with self._changing:
                        self.store.damage()
                case point if point < 0.06:
                    self.store.down = not self.store.down
                case _:
                    self._ask(chance)

    def _pass_time(self) -> None:
        self.now += self._passing.random() * 20

    def _ask(self, chance: random.Random) -> None:
        (model, version), content = chance.choice([*self.contents.items()])
        question = Question(
            model,
            version,
            content,
            chance.choice(("classify", "predict")),
            chance.choice(("{}", '{"top_k":1}')),
            chance.choice(BODIES),
            chance.choice((1, 11)),
        )

        def compute() -> Told:
            if chance.random() < 0.05:
                raise Failed
            if chance.random() < 0.05:  # its version has another content before it is kept
                self.contents[model, version] = chance.choice("0123")
            return Told(said=tell(question), at=before)

        before = self.now
        try:
            answer, kept = self.cache.answer(question, Told, compute)
        except Failed:
            return
        if answer.said != tell(question) or before - answer.at >= SECONDS:
            self.wrong.append((question, answer))
        with self._changing:
            self.kept += kept


@pytest.mark.slow
def test_no_answer_is_wrong_in_100_000_steps(caplog: pytest.LogCaptureFixture) -> None:
    # The store fails thousands of times.
    caplog.set_level(logging.ERROR, logger="meshlens.classify.answer_cache")
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
    world = World(seed)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads meet in more places
    try:
        with ThreadPoolExecutor(THREADS) as threads:
            runs = [
                threads.submit(world.run, seed + number, STEPS // THREADS)
                for number in range(THREADS)
            ]
        for run in runs:
            run.result()
    finally:
        sys.setswitchinterval(interval)
    assert world.wrong == [], f"with SEED={seed}"
    # All of it has happened, often.
    assert world.kept == world.cache.hits > STEPS // 10
    assert world.cache.misses > STEPS // 10
    assert world.shared.damaged > 100


@pytest.fixture
def question() -> Question:
    return Question("a", "1", "c", "classify", "{}", b"body", 1)


def test_a_fault_is_not_kept(question: Question) -> None:
    cache = AnswerCache(RecentAnswers(1 << 20), seconds=SECONDS)

    def fail() -> Told:
        raise Failed

    with pytest.raises(Failed):
        cache.answer(question, Told, fail)
    told = Told(said="it", at=1.0)
    assert cache.answer(question, Told, lambda: told) == (told, False)
    assert cache.answer(question, Told, fail) == (told, True)
    assert (cache.hits, cache.misses) == (1, 2)


def test_an_answer_of_another_form_is_computed_again(question: Question) -> None:
    recent = RecentAnswers(1 << 20)
    cache = AnswerCache(recent, seconds=SECONDS)
    recent.put(question.key(), b'{"labels": []}', SECONDS)
    told = Told(said="it", at=1.0)
    assert cache.answer(question, Told, lambda: told) == (told, False)


def test_an_answer_from_the_store_ends_in_memory_when_it_ends_there(question: Question) -> None:
    now = 0.0
    store, told = Store(), Told(said="it", at=1.0)
    caches = [
        AnswerCache(
            RecentAnswers(1 << 20, clock=lambda: now),
            seconds=SECONDS,
            shared=SharedAnswers(store, seconds=SECONDS, clock=lambda: now),
        )
        for _ in range(2)
    ]
    first, second = caches
    first.answer(question, Told, lambda: told)
    eventually(lambda: store.values, "it is written")
    now = SECONDS - 1
    assert second.answer(question, Told, lambda: told) == (told, True)
    now = SECONDS
    later = replace(question)
    assert second.answer(later, Told, lambda: told) == (told, False)
