"""Relays: methods whose request holds a call of another method, such as a gateway's or an agent's.

A relay only reads its request and shapes the answer. What it calls is admitted, timed and published
once, as if its caller had called it: the relay itself publishes no event, and holds a slot of its
own only until its first call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.refusals import Refusal
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.errors import MethodNotFound
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.telemetry.call import CallProtocol


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of the service, as a relay calls them.

    Attributes:
        invoke: answers a call as the application answers it from outside, within what is left of
            the time that the relay's own caller waits; raises what the application raises.
        describe: returns the status and the text that a caller of an error gets. INTERNAL is a bug,
            and must be raised again to be logged.
        find: returns the route of a path and a verb, and the values in the path; raises
            MethodNotFound, or InvalidRequest for another verb.
        refuse: returns what the caller of an error gets, with its details, and logs a bug.
        largest_answer: bytes that the relay's own answer may have.
    """

    invoke: Callable[[Invocation], Reply]
    describe: Callable[[Exception], tuple[Status, str]]
    find: Callable[[str, str], tuple[Route, Mapping[str, str]]]
    refuse: Callable[[Exception], Refusal]
    largest_answer: int


RelayFunction: TypeAlias = Callable[[Request, Methods], Reply]


@dataclass(frozen=True, slots=True)
class Relay:
    """An endpoint that answers by calls of other methods, whatever the lane of its route.

    Attributes:
        answer: answers a request.
        protocol: the way by which the calls within come, for metrics.
    """

    answer: RelayFunction
    protocol: CallProtocol = "invoke"

    def __call__(self, request: Request) -> Reply:
        """Answer a request that needs no other method.

        Raises:
            MethodNotFound: it needs one, and outside an application there is none.
        """
        return self.answer(request, Methods(_find_none, _raise, _know_none, _raise, 0))


def _find_none(call: Invocation) -> NoReturn:
    raise MethodNotFound(
        "the application must answer the call",
        got=repr(call.path),
        remedy="call the relay by Application.invoke",
    )


def _know_none(path: str, verb: str) -> NoReturn:  # noqa: ARG001 - the parameters of `find`
    raise MethodNotFound(
        "the application must know the method",
        got=repr(path),
        remedy="call the relay by Application.invoke",
    )


def _raise(error: Exception) -> NoReturn:
    raise error
