"""Routes: which function answers a path."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.errors import MethodNotFound, WrongVerb
from meshlens.daprkit.messages import Reply, Request

UNSPECIFIED_VERB = "NONE"

# The JSON of an error, from its status and its text.
FailureBody: TypeAlias = Callable[[Status, str], bytes]


@dataclass(frozen=True, slots=True)
class Route:
    """Which function answers a path.

    Attributes:
        path: a template such as `models/<name>`; `<path:rest>` matches slashes too.
        endpoint: answers a request, or raises what the status table lists.
        verbs: HTTP verbs it accepts, HEAD where GET is one; a call without a verb is accepted too.
        lane: how its requests are handled.
        lanes: the lanes of single verbs, where they differ from it.
        operations: what callers must know, for each verb; POST stands for PUT too.
        failure: the body of an error where the app answers HTTP itself; None for the JSON of a
            google.rpc.Status, which is what a sidecar answers in any case.
    """

    path: str
    endpoint: Callable[[Request], Reply]
    verbs: tuple[str, ...] = ("POST", "PUT")
    lane: Lane = Lane.LIGHT
    operations: tuple[Operation, ...] = ()
    failure: FailureBody | None = None
    lanes: Mapping[str, Lane] = field(default_factory=dict, hash=False)

    def lane_of(self, verb: str) -> Lane:
        """Return how requests with that verb are handled."""
        return self.lanes.get(verb, self.lane)


class Routes:
    """Finds the route of a path."""

    def __init__(self, routes: Sequence[Route]) -> None:
        rules = Map(
            [Rule(f"/{route.path}", endpoint=route) for route in routes],
            strict_slashes=False,
            merge_slashes=False,
        )
        self._urls = rules.bind("")
        known = sorted({_name(route) for route in routes})
        self._known = ", ".join(known)
        self._page = ", or open ui in a browser" if "ui" in known else ""

    def find(self, path: str, verb: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a path, and the values matched by its template.

        Raises:
            MethodNotFound: no route has that path.
            WrongVerb: the route does not take that verb.
        """
        route: Route
        try:
            route, parameters = self._urls.match(f"/{path}")
        except NotFound:
            raise MethodNotFound(
                f"the method must be one of {self._known}",
                got=repr(path),
                remedy="check the name after /method/",
            ) from None
        # Whoever carries an answer to HEAD leaves its body out.
        if ("GET" if verb == "HEAD" else verb) not in (*route.verbs, UNSPECIFIED_VERB):
            raise WrongVerb(
                f"{route.path} expects {' or '.join(route.verbs)}",
                got=verb,
                remedy=self._advise(route),
                allowed=(*route.verbs, "HEAD") if "GET" in route.verbs else route.verbs,
            )
        return route, parameters

    def find_failure(self, path: str) -> FailureBody | None:
        """Return how the errors of a path are written; None for no route or none of its own."""
        route: Route
        try:
            route, _ = self._urls.match(f"/{path}")
        except NotFound:
            return None
        return route.failure

    def _advise(self, route: Route) -> str:
        if "POST" not in route.verbs:
            return f"call it by {route.verbs[0]}"
        return f"send its input as the body of a POST (curl --data-binary @file){self._page}"


def _name(route: Route) -> str:
    """Return the path of a route; of all of another server's paths, what they begin with."""
    return f"{route.path.partition('/')[0]}/..." if route.failure else route.path
