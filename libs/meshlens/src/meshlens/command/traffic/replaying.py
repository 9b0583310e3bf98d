"""Recorded requests go to two servers, or to one; what they answer is compared."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from meshlens.command.traffic.answers.bodies import read_http
from meshlens.command.traffic.answers.comparison import Comparison, Difference, Tolerance
from meshlens.command.traffic.answers.messages import read_grpc
from meshlens.command.traffic.answers.reading import Reading
from meshlens.command.traffic.exchange import Answer, Door, Exchange, Request
from meshlens.command.traffic.managing import manages
from meshlens.command.traffic.server import Server
from meshlens.command.traffic.tally import Tally

# None if neither server answered.
_Result: TypeAlias = tuple[Exchange, Comparison | None]
_Task: TypeAlias = asyncio.Task[_Result]
# What stands for no answer at all, and what comes in the place of one.
_ABSENT = ("", "502", "503", "504", "UNAVAILABLE")


@dataclass(frozen=True, slots=True)
class Replay:
    """How to send and compare.

    Attributes:
        first: the server that is right by definition; None for the recorded answers.
        second: the other one.
        tolerance: of numbers.
        ignored: patterns of places that may differ.
        concurrency: requests at a time.
        largest: bytes of an answer.
        everything: whether to send what changes a server, too.
    """

    first: Server | None
    second: Server
    tolerance: Tolerance
    ignored: tuple[str, ...]
    concurrency: int
    largest: int
    everything: bool

    async def run(
        self, exchanges: Iterable[Exchange], tally: Tally
    ) -> AsyncIterator[tuple[Exchange, Sequence[Difference]]]:
        """Send and compare, and yield each exchange with its differences; the tally counts them.

        One at a time keeps the order of the recording.
        """
        running: set[_Task] = set()
        try:
            for exchange in exchanges:
                if not self._sends(exchange):
                    tally.left_out += 1
                    continue
                running.add(asyncio.create_task(self._send(exchange)))
                if len(running) >= self.concurrency:
                    running, results = await _await_some(running)
                    for result in results:
                        yield _count(result, tally)
            while running:
                running, results = await _await_some(running)
                for result in results:
                    yield _count(result, tally)
        finally:
            for task in running:
                task.cancel()

    def _sends(self, exchange: Exchange) -> bool:
        """Return whether an exchange can be compared, and is to be."""
        request = exchange.request
        known = self.first.takes(request) if self.first else exchange.answer is not None
        return known and self.second.takes(request) and (self.everything or not manages(request))

    async def _send(self, exchange: Exchange) -> _Result:
        request, recorded = exchange.request, exchange.answer
        if self.first:
            first, second = await asyncio.gather(
                self.first.send(request), self.second.send(request)
            )
        else:
            first, second = recorded or Answer(""), await self.second.send(request)
        expected = recorded is not None and recorded.status in _ABSENT
        if not expected and first.status in _ABSENT and second.status in _ABSENT:
            return exchange, None
        comparison = Comparison(self.tolerance)
        comparison.compare(self._read(request, first), self._read(request, second))
        comparison.leave_out(self.ignored)
        return exchange, comparison

    def _read(self, request: Request, answer: Answer) -> Reading:
        if request.door is Door.GRPC:
            return read_grpc(request.path, answer, largest=self.largest)
        return read_http(answer, largest=self.largest)


async def _await_some(running: set[_Task]) -> tuple[set[_Task], list[_Result]]:
    """Return what still runs, and what has come."""
    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    return running, [task.result() for task in done]


def _count(result: _Result, tally: Tally) -> tuple[Exchange, Sequence[Difference]]:
    exchange, comparison = result
    tally.add(comparison)
    return exchange, comparison.differences if comparison else ()
