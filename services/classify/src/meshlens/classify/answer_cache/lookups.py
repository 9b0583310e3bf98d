"""One request's use of the cache: which of its answers were kept, and which cannot be."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.question import Question
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.tasks.lens import Answer, Payload
from meshlens.classify.tasks.options import ModelOptions

A = TypeVar("A", bound=Answer)


class Lookups:
    """Answers the pictures of one request, from any number of threads.

    Args:
        cache: has the answers that are kept; None if none are.
    """

    def __init__(self, cache: AnswerCache | None = None) -> None:
        self._cache = cache
        self._counting = threading.Lock()
        self._hits = self._misses = 0
        self._bypassed = False

    def answer(
        self,
        loaded: Loaded,
        method: str,
        payload: Payload,
        options: ModelOptions,
        form: type[A] | None,
        compute: Callable[[], A],
    ) -> A:
        """Return the answer of a model to `payload`, a kept one if there is one.

        Args:
            loaded: the model, leased until this returns.
            method: what is asked of it.
            payload: the decoded body.
            options: how it is asked; which version they lead to does not matter any more.
            form: the class of the answer; None if no such answer may be kept.
            compute: has the model compute it.

        Raises:
            Exception: what `compute` raises.
        """
        if self._cache is None:
            return compute()
        if loaded.unrepeatable or form is None:
            self._bypassed = True
            return compute()
        question = Question(
            model=loaded.answerer.model,
            version=loaded.answerer.version,
            content=loaded.content,
            method=method,
            options=options.model_dump_json(exclude={"model", "key"}),
            body=payload.data,
            max_pixels=payload.max_pixels,
        )
        answer, kept = self._cache.answer(question, form, compute)
        with self._counting:
            self._hits += kept
            self._misses += not kept
        return answer

    @property
    def kept(self) -> bool:
        """Whether all answers were kept ones, and there were some."""
        return self._hits > 0 and not (self._misses or self._bypassed)

    def headers(self) -> Mapping[str, str]:
        """Return the header that says so, as RFC 9211 does; none if there is no cache."""
        if self._bypassed:
            status = "fwd=bypass"
        elif self._misses:
            status = "fwd=miss"
        elif self.kept:
            status = "hit"
        else:
            return {}
        return {"cache-status": f"meshlens; {status}"}
