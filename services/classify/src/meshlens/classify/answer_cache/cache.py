"""The cache: in memory first, then in the state store, else the model computes."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from pydantic import ValidationError

from meshlens.classify.answer_cache.question import Question
from meshlens.classify.answer_cache.recent import RecentAnswers
from meshlens.classify.tasks.lens import Answer

A = TypeVar("A", bound=Answer)


class Sharing(Protocol):
    """Packed answers that replicas share, by their keys."""

    def get(self, key: str) -> tuple[bytes, float] | None:
        """Return what is kept under `key`, and for how many seconds more; None if unknown."""

    def put(self, key: str, data: bytes) -> None:
        """Have `data` kept under `key`, unless something is against it."""


class AnswerCache:
    """Answers that were computed, by their questions; safe to use from any number of threads.

    An answer that is found equals the one that was computed. What cannot be read back, was changed
    or has expired is computed again; an error is never kept.

    Args:
        recent: those in memory.
        seconds: how long an answer is kept.
        shared: those that other replicas have, too; None if they are not shared.

    Attributes:
        hits: questions whose answer was kept.
        misses: questions whose answer had to be computed.
    """

    def __init__(
        self, recent: RecentAnswers, *, seconds: float, shared: Sharing | None = None
    ) -> None:
        self.hits = self.misses = 0
        self._recent = recent
        self._seconds = seconds
        self._shared = shared
        self._counting = threading.Lock()

    def answer(self, question: Question, form: type[A], compute: Callable[[], A]) -> tuple[A, bool]:
        """Return the answer to a question, and whether it was kept.

        Args:
            question: all that the answer depends on.
            form: the class of the answer.
            compute: returns it.

        Raises:
            Exception: what `compute` raises.
        """
        key = question.key()
        kept = self._find(key, form)
        with self._counting:
            self.hits += kept is not None
            self.misses += kept is None
        if kept is not None:
            return kept, True
        answer = compute()
        data = answer.pack()
        self._recent.put(key, data, self._seconds)
        if self._shared:
            self._shared.put(key, data)
        return answer, False

    def _find(self, key: str, form: type[A]) -> A | None:
        if data := self._recent.get(key):
            return _unpack(form, data)
        found = self._shared.get(key) if self._shared else None
        if found is None:
            return None
        data, seconds = found
        answer = _unpack(form, data)
        if answer is not None:
            self._recent.put(key, data, seconds)
        return answer


def _unpack(form: type[A], data: bytes) -> A | None:
    try:
        return form.unpack(data)
    except ValidationError:
        return None
