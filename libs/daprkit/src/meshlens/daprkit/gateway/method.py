"""The method `gateway`: reads an event, calls the method it is for, and answers in its shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from meshlens.daprkit.application.invocation import Invocation
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.relaying import Methods, Relay
from meshlens.daprkit.application.routing import UNSPECIFIED_VERB, FailureBody, Route
from meshlens.daprkit.errors import AnswerTooLarge, InvalidRequest, MethodNotFound
from meshlens.daprkit.gateway.answers import CookieAnswer, LauncherAnswer, ProxyAnswer
from meshlens.daprkit.gateway.cors import Cors
from meshlens.daprkit.gateway.document import explain, parse_object
from meshlens.daprkit.gateway.headers import keep_answer, keep_request
from meshlens.daprkit.gateway.http import Address, HttpAnswer, HttpCall, clean
from meshlens.daprkit.gateway.platforms.amazon import HttpEvent, RestEvent
from meshlens.daprkit.gateway.platforms.event import Event
from meshlens.daprkit.gateway.platforms.netlify import NetlifyEvent
from meshlens.daprkit.gateway.platforms.shapes import find_shape
from meshlens.daprkit.gateway.platforms.tencent import ScfEvent
from meshlens.daprkit.gateway.platforms.vercel import VercelEvent
from meshlens.daprkit.messages import Reply, Request

PATH = "gateway"
JSON = "application/json"
_VERBS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
# What may be called from outside the mesh: what computes, and what reads.
_LANES = (Lane.WORK, Lane.LIGHT)


class GatewayOptions(BaseModel):
    """Options of the method."""

    model_config = ConfigDict(frozen=True)

    method: str = Field(
        default="",
        description="path of the method to call, whatever the event's URL is",
    )


def open_gateway(default: str, origins: Sequence[str]) -> Route:
    """Return the route of the method.

    Args:
        default: path of the method for events whose URL names none.
        origins: whose pages may read the answers; `*` among them stands for all.
    """
    operation = Operation(
        summary="Answer an HTTP event of a function platform, in the shape that it reads.",
        options=GatewayOptions,
        accepts={JSON: RestEvent | HttpEvent | ScfEvent | NetlifyEvent | VercelEvent},
        body="the event as the platform hands it to a function. Its URL names the method to call,"
        f" {default} if it names none",
        answers={JSON: ProxyAnswer | CookieAnswer | LauncherAnswer},
        answer="What the method answered, or its failure with the status code and the JSON that a"
        " sidecar makes of it, or that of the protocol which the method is of. The call itself"
        " fails only if the event is of no known platform.",
    )
    return Route(
        PATH,
        Relay(_Gateway(default, Cors(origins)).answer, "gateway"),
        lane=Lane.RELAY,
        operations=(operation,),
    )


@dataclass(frozen=True, slots=True)
class _Gateway:
    default: str
    cors: Cors

    def answer(self, request: Request, methods: Methods) -> Reply:
        """Answer an event; whatever becomes of its call is in the answer."""
        unknown = sorted({*request.query} - {*GatewayOptions.model_fields})
        if unknown:
            raise InvalidRequest(
                "the option must be method or timeout",
                got=unknown[0],
                remedy="options of the method that is called belong into the event's own query",
                option=unknown[0],
            )
        event = parse_object(request.body, "the body")
        shape = find_shape(event)
        allowed = self.cors.allow("")
        failure: FailureBody | None = None
        try:
            call = _read_call(shape, event)
            allowed = self.cors.allow(call.headers.get("origin", ""))
            route, path = self._choose(call, request, methods)
            failure = route.failure
            answer = self._call(call, route, path, request, methods)
            return _encode(shape, _add(answer, allowed), methods.largest_answer)
        except Exception as error:  # noqa: BLE001 - the function's caller gets each in the event's shape, and a bug is logged
            refusal = methods.refuse(error)
            write = failure or (lambda *_: refusal.encode_json())
            body = write(refusal.status, refusal.message)
            refused = HttpAnswer(refusal.http, {"content-type": JSON}, body)
            return _encode(shape, _add(refused, allowed))

    def _call(
        self, call: HttpCall, route: Route, path: str, request: Request, methods: Methods
    ) -> HttpAnswer:
        if call.verb == "OPTIONS":
            heads = ("HEAD",) if "GET" in route.verbs else ()
            verbs = (*route.verbs, *heads, "OPTIONS")
            return HttpAnswer(204, self.cors.prepare(call.headers, verbs))
        if route.lane_of(call.verb) not in _LANES and not isinstance(route.endpoint, Relay):
            raise InvalidRequest(
                "an event must call a method that computes or reads",
                got=path,
                remedy="manage the service from within the mesh",
            )
        headers = keep_request(call.headers, request.headers)
        content_type = headers.pop("content-type", "")
        reply = methods.invoke(
            Invocation(path, call.verb, call.query, content_type, call.body, headers)
        )
        return HttpAnswer(
            200,
            {
                **keep_answer(reply.headers),
                "content-type": reply.content_type,
                "x-content-type-options": "nosniff",
            },
            b"" if call.verb == "HEAD" else reply.body,
        )

    def _choose(self, call: HttpCall, request: Request, methods: Methods) -> tuple[Route, str]:
        """Return the route that an event is for, and its path."""
        named = clean(request.query.get("method", ""))
        address = Address((named,), bare=False) if named else call.address
        fault = None
        for path in filter(None, address.paths):
            try:
                return methods.find(path, UNSPECIFIED_VERB)[0], path
            except MethodNotFound as error:
                fault = fault or error
        if fault is None or address.bare:
            return methods.find(self.default, UNSPECIFIED_VERB)[0], self.default
        raise MethodNotFound(
            fault.expected,
            got=fault.got,
            remedy="name it in the URL of the function, or by the option method of gateway",
        )


def _read_call(shape: type[Event], event: Mapping[str, object]) -> HttpCall:
    try:
        call = shape.model_validate(event).read()
    except ValidationError as error:
        raise InvalidRequest(
            f"the event must be as its platform makes it ({shape.platform})",
            got=explain(error),
            remedy="pass it on as it is",
        ) from None
    if call.verb not in _VERBS:
        raise InvalidRequest(
            f"the event's HTTP verb must be one of {', '.join(sorted(_VERBS))}",
            got=repr(call.verb[:20]),
            remedy="pass the event on as it is",
        )
    return call


def _add(answer: HttpAnswer, allowed: Mapping[str, str]) -> HttpAnswer:
    """Return an answer with the headers that let pages read it."""
    headers = {**answer.headers, **allowed}
    if "vary" in answer.headers and "vary" in allowed:
        headers["vary"] = f"{answer.headers['vary']}, {allowed['vary']}"
    return HttpAnswer(answer.status, headers, answer.body)


def _encode(shape: type[Event], answer: HttpAnswer, largest: int | None = None) -> Reply:
    """Return an answer in the shape of its event.

    Raises:
        AnswerTooLarge: in that shape it has more than `largest` bytes.
    """
    body = shape.write(answer).model_dump_json(by_alias=True).encode()
    if largest is not None and len(body) > largest:
        raise AnswerTooLarge(len(body), largest)
    return Reply(body, JSON)
