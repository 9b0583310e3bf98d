"""Relays: methods whose request holds a call of another method, such as a gateway's or an agent's.

A relay only reads its request and shapes the answer. What it calls is admitted, timed and published
once, as if its caller had called it: the relay itself holds no slot and publishes no event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.errors import MethodNotFound
from meshlens.daprkit.messages import Reply, Request


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of the service, as a relay calls them.

    Attributes:
        invoke: answers a call as the application answers it from outside, within what is left of
            the time that the relay's own caller waits; raises what the application raises.
        describe: returns the status and the text that a caller of an error gets. INTERNAL is a bug,
            and must be raised again to be logged.
    """

    invoke: Callable[[Invocation], Reply]
    describe: Callable[[Exception], tuple[Status, str]]


RelayFunction: TypeAlias = Callable[[Request, Methods], Reply]


@dataclass(frozen=True, slots=True)
class Relay:
    """An endpoint that answers by calls of other methods. The lane of its route has no meaning.

    Attributes:
        answer: answers a request.
    """

    answer: RelayFunction

    def __call__(self, request: Request) -> Reply:
        """Answer a request that needs no other method.

        Raises:
            MethodNotFound: it needs one, and outside an application there is none.
        """
        return self.answer(request, Methods(_find_none, _raise))


def _find_none(call: Invocation) -> NoReturn:
    raise MethodNotFound("the application must answer the call", got=repr(call.path))


def _raise(error: Exception) -> NoReturn:
    raise error
