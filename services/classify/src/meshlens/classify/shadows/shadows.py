"""Shadows: what is drawn for them, the thread that asks them, and what is counted."""

import hashlib
import logging
import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshlens.classify.engines.bounds import NO_BOUNDS, Bounds, within
from meshlens.classify.errors import ClassifyError, EngineGone
from meshlens.classify.serving.opening import Answerer
from meshlens.classify.serving.repository import Repository
from meshlens.classify.shadows.asking import Ask, Contents
from meshlens.classify.shadows.processes import ShadowProcesses
from meshlens.classify.shadows.report import Agreement, Book, Report, Reports, UnlikeLabels
from meshlens.classify.tasks.lens import Answer, Payload
from meshlens.classify.tasks.tensors.predictor import TensorsAnswer

# Inputs that wait for a shadow.
MOST_WAITING = 64
# Seconds that one waits for a moment in which a worker has nothing to do.
LONGEST_WAIT = 1.0
# Seconds that a shadow may take for an input, unless the settings say.
LONGEST_RUN = 10.0
# Bytes of memory that a shadow may take for an input as often as it likes. For more it pauses:
# what fills memory slows down all that computes beside it, at whatever priority it does.
_FREE_MEMORY = 128 << 20
# Bytes beyond that, for each second of the pause: a few thousandths of what a core can fill.
_MEMORY_A_SECOND = 8 << 20
# Seconds of such a pause.
_LONGEST_PAUSE = 300.0
# Seconds between two events of a shadow.
EVENT_SECONDS = 60.0
# Versions that have answered, of all models.
_MOST_BOOKS = 256
# Bytes that a number of a nested list takes.
_NUMBER_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Seen:
    """An input that waits for a shadow, and what has been answered.

    Attributes:
        book: where it is counted.
        ask: asks a model the same.
        payload: the input.
        options: of the caller.
        answer: what the version that answers has said.
        seconds: that it took.
        size: bytes that all this takes.
    """

    book: Book
    ask: Ask
    payload: Payload
    options: Any
    answer: Answer
    seconds: float
    size: int


class Shadows:
    """Asks shadows what other versions have answered, and compares.

    An input is drawn before any work is done for it. Its bytes are shared, not copied. What is
    drawn waits in a queue of its own for a moment in which no request does, and is dropped if that
    does not come; nobody waits for it.

    Args:
        repository: the models, and which shadow each has.
        bounds: what the calls of a shadow may take.
        memory: bytes that the inputs which wait may take.
        seconds: that a shadow may take for an input, before its process is ended.
        rest: returns whether a worker comes to have nothing to do within so many seconds.
        publish: publishes what has been counted since the last time; it must not raise.
        every: seconds between two such events.

    Attributes:
        totals: how many inputs became what, by model and outcome.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        bounds: Bounds = NO_BOUNDS,
        memory: int,
        seconds: float = LONGEST_RUN,
        rest: Callable[[float], bool] = lambda _: True,
        publish: Callable[[Report], None] = lambda _: None,
        every: float = EVENT_SECONDS,
    ) -> None:
        self._repository = repository
        self._processes = ShadowProcesses(repository, bounds)
        self._seconds = seconds
        self._memory = memory
        self._rest = rest
        self._publish = publish
        self._every = every
        self._changed = threading.Condition()
        self._queue: deque[_Seen] = deque()
        self._waiting_bytes = 0
        self._books: dict[tuple[str, str], Book] = {}
        # Those that others have replaced, until what they have counted is published.
        self._replaced: list[Book] = []
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._due = math.inf
        # When they end, by model and version of the shadow.
        self._pauses: dict[tuple[str, str], float] = {}
        self.totals: Counter[tuple[str, str]] = Counter()

    # Requests

    def offer(
        self,
        answerer: Answerer,
        ask: Ask,
        payload: Payload,
        options: Any,  # noqa: ANN401 - those of the method
        answer: Answer,
        seconds: float,
    ) -> None:
        """Let the shadow of a model see an input, if it has one and the input is drawn.

        Args:
            answerer: the version that has answered.
            ask: asks another one the same.
            payload: the input.
            options: of the caller.
            answer: the answer.
            seconds: that it took.
        """
        shadow = self._repository.find_shadow(answerer.model)
        if shadow is None or shadow.version == answerer.version:
            return
        if random.random() * 100 >= shadow.percent:  # noqa: S311 - a share of traffic
            return
        size = payload.size
        if isinstance(answer, TensorsAnswer):
            size += _NUMBER_BYTES * sum(math.prod(shape) for shape in answer.shapes.values())
        with self._changed:
            book = self._find_book(answerer, shadow.version)
            for tally in book.tallies:
                tally.offered += 1
            if self._stopped:
                self._drop(book, "STOPPED")
            elif self._is_pausing(book):
                self._drop(book, "MEMORY")
            elif len(self._queue) >= MOST_WAITING or self._waiting_bytes + size > self._memory:
                self._drop(book, "QUEUE_FULL")
            else:
                self._queue.append(_Seen(book, ask, payload, options, answer, seconds, size))
                self._waiting_bytes += size
                self._start()
            self._due = min(self._due, time.monotonic() + self._every)
            self._changed.notify_all()

    def _find_book(self, answerer: Answerer, shadow: str) -> Book:
        """Return where inputs are counted; contents that have changed begin anew."""
        key = answerer.model, answerer.version
        book = self._books.get(key)
        if book and book.content == answerer.content and book.shadow == shadow:
            return book
        if book:
            self._replaced.append(book)
        elif len(self._books) >= _MOST_BOOKS:
            self._replaced.append(self._books.pop(next(iter(self._books))))
        book = self._books[key] = Book(*key, answerer.content, shadow, names=answerer.labels)
        return book

    def _drop(self, book: Book, reason: str) -> None:
        self.totals[book.model, "dropped"] += 1
        for tally in book.tallies:
            tally.dropped[reason] += 1

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shadows", daemon=True)
            self._thread.start()

    # Reports

    def report(self, model: str) -> Reports:
        """Return what is known of the shadow of a model.

        Raises:
            ModelNotFound: there is no such model.
        """
        self._repository.describe(model)
        with self._changed:
            books = [book.report() for (name, _), book in self._books.items() if name == model]
        shadow = self._repository.find_shadow(model)
        return Reports(model=model, shadow=shadow, reports=books)

    def sum_up(self, model: str) -> Sequence[Agreement]:
        """Return how far the shadow that a model has now agrees, by the versions that answer."""
        shadow = self._repository.find_shadow(model)
        with self._changed:
            return [
                book.sum_up()
                for (name, _), book in self._books.items()
                if shadow and name == model and book.shadow == shadow.version
            ]

    def count(self, model: str) -> tuple[int, int]:
        """Return how many inputs the shadow of a model saw, and in how many of them it agreed."""
        with self._changed:
            tallies = [book.tally for (name, _), book in self._books.items() if name == model]
            seen = sum(it.compared + it.failed.total() for it in tallies)
            return seen, sum(it.agreed for it in tallies)

    def begin_anew(self, model: str) -> None:
        """Forget what has been counted of a model; what waits is not counted either."""
        with self._changed:
            for key in [key for key in self._books if key[0] == model]:
                del self._books[key]

    def show_totals(self) -> Mapping[tuple[str, str], int]:
        """Return how many inputs became what, by model and outcome."""
        with self._changed:
            return dict(self.totals)

    def stop(self) -> None:
        """Drop what waits, publish what has been counted, and end the models; waits for nothing."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    # The thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._queue or self._stopped,
                    min(max(self._due - time.monotonic(), 0), threading.TIMEOUT_MAX),
                )
                stopped, seen = self._stopped, self._queue.popleft() if self._queue else None
            if stopped:
                self._end(seen)
                return
            if seen:
                self._attempt(seen)
                with self._changed:
                    self._waiting_bytes -= seen.size
                del seen
            if time.monotonic() >= self._due:
                self._publish_fresh()
                left = self._processes.close_others()
                with self._changed:
                    self._due = time.monotonic() + self._every if left or self._queue else math.inf

    def _end(self, seen: _Seen | None) -> None:
        with self._changed:
            for each in (*([seen] if seen else []), *self._queue):
                self._drop(each.book, "STOPPED")
            self._queue.clear()
            self._waiting_bytes = 0
        self._publish_fresh()
        self._processes.close_all()

    def _attempt(self, seen: _Seen) -> None:
        with self._changed:
            if self._is_pausing(seen.book):
                self._drop(seen.book, "MEMORY")
                return
        if not self._rest(LONGEST_WAIT):
            with self._changed:
                self._drop(seen.book, "LOAD")
            return
        model = seen.book.model
        try:
            self._compare(seen)
        except ClassifyError as error:
            if isinstance(error, EngineGone):
                self._processes.lose(model, error)
            self._fail(seen, error.reason)
        except Exception:  # noqa: BLE001 - whatever a shadow does, the next one is compared
            _log.exception("the shadow of model %s could not be compared", model)
            self._fail(seen, "INTERNAL")

    def _compare(self, seen: _Seen) -> None:
        model = seen.book.model
        process = self._processes.find(model, seen.book.shadow)
        self._note_contents(seen, process.contents)
        try:
            with within(self._seconds):
                found, seconds = process.ask(seen.ask, seen.payload, seen.options, seen.answer)
        finally:
            self._pause(seen.book, process.taken)
        self._processes.note_answer(model)
        sha256 = hashlib.sha256(seen.payload.data).hexdigest()
        with self._changed:
            self.totals[model, "agreed" if found.agreed else "differed"] += 1
            seen.book.kind = type(seen.answer)
            for tally in seen.book.tallies:
                tally.add(found, sha256, seen.seconds, seconds)

    def _pause(self, book: Book, taken: int) -> None:
        """Let a shadow rest for the memory that it has taken."""
        seconds = min((taken - _FREE_MEMORY) / _MEMORY_A_SECOND, _LONGEST_PAUSE)
        if seconds > 0:
            with self._changed:
                self._pauses[book.model, book.shadow] = time.monotonic() + seconds

    def _is_pausing(self, book: Book) -> bool:
        shadow = book.model, book.shadow
        if shadow in self._pauses and time.monotonic() >= self._pauses[shadow]:
            del self._pauses[shadow]
        return shadow in self._pauses

    def _note_contents(self, seen: _Seen, contents: Contents) -> None:
        """Note what the shadow consists of; another content of it begins a new report."""
        book = seen.book
        if book.shadow_content == contents.content:
            return
        labels = None
        if book.names is not None and contents.labels is not None:
            labels = UnlikeLabels.of(book.names, contents.labels)
        with self._changed:
            if book.shadow_content:
                self._move(book, seen)
            seen.book.shadow_content, seen.book.labels = contents.content, labels

    def _move(self, book: Book, seen: _Seen) -> None:
        """Count what waits in a new book, instead of one whose shadow has changed."""
        moved = [seen, *(each for each in self._queue if each.book is book)]
        fresh = Book(book.model, book.version, book.content, book.shadow, names=book.names)
        for each in moved:
            each.book = fresh
        for tally in fresh.tallies:
            tally.offered = len(moved)
        if self._books.get((book.model, book.version)) is book:
            self._books[book.model, book.version] = fresh
            book.fresh.offered = max(book.fresh.offered - len(moved), 0)
            self._replaced.append(book)

    def _fail(self, seen: _Seen, reason: str) -> None:
        with self._changed:
            self.totals[seen.book.model, "failed"] += 1
            for tally in seen.book.tallies:
                tally.failed[reason] += 1

    def _publish_fresh(self) -> None:
        with self._changed:
            reports = [book.take_fresh() for book in (*self._replaced, *self._books.values())]
            waiting = {id(seen.book) for seen in self._queue}
            self._replaced = [book for book in self._replaced if id(book) in waiting]
        for report in reports:
            if report:
                self._publish(report)
