"""The methods that callers in the mesh invoke, and which status each error becomes."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from meshlens.classify import methods, reference, tools, web
from meshlens.classify.answer_cache.cache import AnswerCache
from meshlens.classify.answer_cache.lookups import Lookups
from meshlens.classify.engines.bounds import within
from meshlens.classify.errors import (
    EngineCrashed,
    EngineGone,
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidModel,
    InvalidOption,
    InvalidRollout,
    InvalidTensor,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
    ModelTooSlow,
    NotEnoughMemory,
    OutputTooLarge,
    RequestOver,
    RolloutChanged,
    RolloutFixed,
    RolloutsDamaged,
    WrongTask,
)
from meshlens.classify.formats.card import Task
from meshlens.classify.protocol_models import ProtocolModels, make_provenance
from meshlens.classify.requests.batches import Batch, BatchAnswer, answer_each, is_batch, read_batch
from meshlens.classify.requests.bodies import decode_body, encode_json
from meshlens.classify.requests.forms import MULTIPART, read_form
from meshlens.classify.rollouts.board import Board
from meshlens.classify.rollouts.calls import CHANGES, RolloutCalls
from meshlens.classify.serving.opening import Answerer
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Asking
from meshlens.classify.serving.versions import Servable
from meshlens.classify.shadows.asking import ask_lens, ask_tensors, ask_tensors_of_picture
from meshlens.classify.shadows.shadows import Shadows
from meshlens.classify.tasks.classification.classifier import ClassifyOptions
from meshlens.classify.tasks.descriptions import FrameDescription
from meshlens.classify.tasks.images.pixels import encode_png
from meshlens.classify.tasks.lens import JSON, Answer, Lens, Payload
from meshlens.classify.tasks.options import ModelOptions, NoOptions, parse_options
from meshlens.classify.tasks.table import TASKS
from meshlens.classify.tasks.tensors.predictor import PredictOptions
from meshlens.daprkit.application.admission import find_caller
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.origin import find_origin
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status, Statuses
from meshlens.daprkit.gateway.method import open_gateway
from meshlens.daprkit.mcp import serve_tools
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference import add_reference
from meshlens.daprkit.reference.about import About
from meshlens.daprkit.settings import MIB
from meshlens.daprkit.transports.listener import GrpcService
from meshlens.daprkit.transports.topics import Subscription
from meshlens.protocols.inference.rest.routes import routes as inference_routes
from meshlens.protocols.inference.rpc.service import InferenceServices
from meshlens.protocols.inference.server import InferenceServer
from meshlens.protocols.tfserving.offer import Offer
from meshlens.protocols.tfserving.service import list_routes, list_services

ABOUT = About(
    app="classify",
    title="Meshlens classify",
    summary="Image inference: a picture in; labels, boxes or tensors out.",
    distribution="meshlens-classify",
)
STATUS: Mapping[type[Exception], Status] = {
    InvalidImage: Status.INVALID_ARGUMENT,
    ImageTooLarge: Status.RESOURCE_EXHAUSTED,
    InvalidBody: Status.INVALID_ARGUMENT,
    InvalidOption: Status.INVALID_ARGUMENT,
    ModelNotFound: Status.NOT_FOUND,
    InvalidTensor: Status.INVALID_ARGUMENT,
    NotEnoughMemory: Status.RESOURCE_EXHAUSTED,
    WrongTask: Status.INVALID_ARGUMENT,
    ModelNotReady: Status.UNAVAILABLE,
    EngineGone: Status.UNAVAILABLE,
    EngineCrashed: Status.INVALID_ARGUMENT,
    ModelTooSlow: Status.DEADLINE_EXCEEDED,
    OutputTooLarge: Status.RESOURCE_EXHAUSTED,
    RequestOver: Status.DEADLINE_EXCEEDED,
    ModelFailed: Status.FAILED_PRECONDITION,
    InvalidRollout: Status.INVALID_ARGUMENT,
    RolloutsDamaged: Status.FAILED_PRECONDITION,
    RolloutChanged: Status.ABORTED,
    RolloutFixed: Status.FAILED_PRECONDITION,
    InvalidModel: Status.FAILED_PRECONDITION,
}


class Service:
    """Answers the methods with the models of a repository.

    Args:
        repository: the models.
        max_pixels: largest image that is decoded.
        rollouts: answers the methods about rollouts; if not given, no model has one.
        max_body: largest body in bytes, for the page and for what compressed bodies unpack to.
        origins: whose pages may read what the method gateway answers.
        ready: whether it should be called; whether the repository is ready, if not given.
        answers: those that are kept; None if none are.
        shadows: see what other versions have answered.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        max_pixels: int,
        rollouts: RolloutCalls | None = None,
        max_body: int = 16 * MIB,
        origins: Sequence[str] = (),
        ready: Callable[[], bool] | None = None,
        answers: AnswerCache | None = None,
        shadows: Shadows | None = None,
    ) -> None:
        self._repository = repository
        self._max_pixels = max_pixels
        self._max_body = max_body
        self._origins = origins
        self._answers = answers
        self._shadows = shadows or Shadows(repository, memory=2 * max_body)
        self._rollouts = rollouts or RolloutCalls(
            Board(repository.roll_out), repository, self._shadows
        )
        self._statuses = Statuses(STATUS)
        # Models that have ended during a batch.
        self._suspects: set[str] = set()
        models = ProtocolModels(
            repository, max_pixels=max_pixels, shadows=self._shadows, answers=answers
        )
        self._inference = InferenceServer(
            models,
            name=ABOUT.distribution,
            version=version(ABOUT.distribution),
            ready=ready or (lambda: repository.ready),
        )
        self._offer = Offer(models, most_bytes=max_body)

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        routes = (
            *(
                Route(
                    lens.method,
                    partial(self.answer, task),
                    lane=Lane.WORK,
                    operations=(reference.ANSWER[task],),
                )
                for task, lens in TASKS.items()
                if lens.takes_images
            ),
            Route("preview", self.preview, lane=Lane.WORK, operations=(reference.PREVIEW,)),
            Route("models", self.list_models, verbs=("GET",), operations=(reference.MODELS,)),
            *self._route_models("models/<name>"),
            *self._route_models("models/<name>/versions/<version>"),
            *self._route_shadows(),
            Route(
                "models/<name>/versions/<version>/load",
                self.load,
                lane=Lane.ADMIN,
                operations=(reference.LOAD,),
            ),
            Route(
                "models/<name>/versions/<version>/unload",
                self.unload,
                lane=Lane.ADMIN,
                operations=(reference.UNLOAD,),
            ),
            *self._rollouts.routes(),
            *inference_routes(
                self._inference, max_body=self._max_body, faults=reference.OF_TENSORS
            ),
            *list_routes(self._offer),
            *web.routes(max_pixels=self._max_pixels, max_body=self._max_body),
            serve_tools(ABOUT, tools.TOOLS),
            open_gateway(TASKS[Task.CLASSIFY].method, self._origins),
        )
        announced = (reference.AGREEMENT, CHANGES)
        return add_reference(ABOUT, routes, STATUS, self.subscriptions(), announced)

    def _route_models(self, path: str) -> Sequence[Route]:
        """Return the routes for a model, or for one version of it."""
        described, predicted = (reference.MODEL,), (reference.PREDICT,)
        return (
            Route(path, self.describe_model, verbs=("GET",), operations=described),
            Route(f"{path}/predict", self.predict, lane=Lane.WORK, operations=predicted),
        )

    def _route_shadows(self) -> Sequence[Route]:
        """Return the route of the shadow's report."""
        return (
            Route(
                "models/<name>/shadow",
                partial(_report_shadow, self._shadows),
                verbs=("GET", "DELETE"),
                operations=reference.SHADOW,
                lanes={"DELETE": Lane.ADMIN},
            ),
        )

    def services(self) -> Sequence[GrpcService]:
        """Return the gRPC services of other model servers."""
        return (InferenceServices(self._inference), *list_services(self._offer))

    def subscriptions(self) -> Sequence[Subscription]:
        """Return which method answers the events of which topic."""
        classify = partial(self.answer, Task.CLASSIFY)
        options = tuple(ClassifyOptions.model_fields)
        return (
            Subscription(
                "images",
                classify,
                options,
                dead_letter="images-dead",
                operation=reference.ANSWER[Task.CLASSIFY],
            ),
        )

    def answer(self, task: Task, request: Request) -> Reply:
        """Say what a model of `task` finds in an image, or in each of several."""
        with within(request.time_limit, find_caller()):
            return self._answer(task, request)

    def _answer(self, task: Task, request: Request) -> Reply:
        kind = TASKS[task].options
        batch = read_batch(request, kind.model_fields) if is_batch(request) else None
        options = parse_options(kind, batch.options if batch else request.query)
        lookups = Lookups(self._answers)
        with methods.lease_lens(self._repository, task, options, _asking(options)) as (
            loaded,
            lens,
        ):
            answerer = loaded.answerer

            def ask(payload: Payload) -> Answer:
                compute = partial(self._compute, answerer, lens, payload, options)
                return lookups.answer(loaded, task, payload, options, lens.answers, compute)

            if batch:
                answers = self._answer_each(batch, answerer, ask)
                return _reply_json(answerer, answers, lookups)
            payload = self._payload(decode_body(request.content_type, request.body))
            answer = ask(payload)
        media_type = request.preferred(answer.media_types)
        if media_type == JSON:
            return _reply_json(answerer, answer, lookups)
        event = answer.to_event(answer.to_fields())
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        body = answer.render(media_type, payload)
        return _reply(answerer, event, body, media_type + charset, lookups)

    def _answer_each(
        self, batch: Batch, answerer: Answerer, ask: Callable[[Payload], Answer]
    ) -> BatchAnswer:
        try:
            return answer_each(
                batch,
                lambda data: ask(self._payload(data)),
                self._statuses.describe,
                # Of which of two pictures a model has ended is not known, of one at a time it is.
                alone=answerer.sha256 in self._suspects,
            )
        except EngineGone:
            self._suspects.add(answerer.sha256)
            raise

    def _compute(
        self, answerer: Answerer, lens: Lens[Any, Any], payload: Payload, options: ModelOptions
    ) -> Answer:
        """Return what a model answers; its shadow may see it, too."""
        began = time.perf_counter()
        answer: Answer = lens.answer(payload, options)
        seconds = time.perf_counter() - began
        self._shadows.offer(answerer, ask_lens, payload, options, answer, seconds)
        return answer

    def preview(self, request: Request) -> Reply:
        """Show the image as the model sees it: its size, its colours or gray, upright."""
        if request.content_type == MULTIPART:
            form = read_form(request, ModelOptions.model_fields, most=1)
            query, data = form.options, form.pictures[0][1]()
        else:
            query, data = request.query, decode_body(request.content_type, request.body)
        options, payload = parse_options(ModelOptions, query), self._payload(data)
        answerer, image = methods.preview(self._repository, options, payload, _asking(options))
        height, width, channels = image.pixels.shape
        seen = FrameDescription(width=width, height=height, channels=channels)
        return _reply(answerer, seen.model_dump(), encode_png(image.pixels), "image/png")

    def predict(self, request: Request) -> Reply:
        """Compute the outputs of any model from its named inputs, or from a picture."""
        options = parse_options(PredictOptions, request.query)
        name, version = _find_model(request, options)
        if _holds_tensors(request):
            payload, predict = self._payload(request.body), methods.predict
            ask = ask_tensors
        else:
            kind = JSON if _is_json(request.body) else request.content_type
            image = decode_body(kind, request.body)
            payload, predict = self._payload(image), methods.predict_picture
            ask = ask_tensors_of_picture
        began = time.perf_counter()
        lookups = Lookups(self._answers)
        with within(request.time_limit, find_caller()):
            answerer, answer = predict(
                self._repository, name, version, payload, options, _asking(options), lookups
            )
        seconds = time.perf_counter() - began
        if not lookups.kept:
            self._shadows.offer(answerer, ask, payload, options, answer, seconds)
        return _reply_json(answerer, answer, lookups)

    def list_models(self, request: Request) -> Reply:
        """List every version, loaded or not."""
        parse_options(NoOptions, request.query)
        servables = self._repository.servables()
        models = methods.ModelList(
            models=[self._describe(servable) for servable in servables],
            rollouts=self._rollouts.find_all(),
            warnings=[*self._repository.warnings(), *self._rollouts.warnings()],
        )
        return Reply(encode_json(models.model_dump()), JSON)

    def describe_model(self, request: Request) -> Reply:
        """Describe a model, or one version of it, and its state."""
        parse_options(NoOptions, request.query)
        name, version = _find_model(request)
        description = self._describe(self._repository.describe(name, version))
        if not version:
            versions = {
                servable.source.version: servable.state
                for servable in self._repository.servables(name)
            }
            rollout = self._rollouts.find(name)
            description = description.model_copy(update={"versions": versions, "rollout": rollout})
        return Reply(encode_json(description.model_dump()), JSON)

    def load(self, request: Request) -> Reply:
        """Load a version and return its resulting state."""
        return self._change(request, self._repository.load)

    def unload(self, request: Request) -> Reply:
        """Unload a version once no request uses it, and return its resulting state."""
        return self._change(request, self._repository.unload)

    def _change(self, request: Request, change: Callable[[str, str], Servable]) -> Reply:
        parse_options(NoOptions, request.query)
        servable = change(request.parameters["name"], request.parameters["version"])
        return Reply(encode_json(self._describe(servable).model_dump()), JSON)

    def _describe(self, servable: Servable) -> methods.ModelDescription:
        return methods.describe(
            servable,
            default=servable.source.model == self._repository.default,
            max_pixels=self._max_pixels,
            caches=self._answers is not None,
        )

    def _payload(self, data: bytes) -> Payload:
        return Payload(data, self._max_pixels)


def _report_shadow(shadows: Shadows, request: Request) -> Reply:
    """Return how far a shadow agrees; DELETE begins to count anew."""
    parse_options(NoOptions, request.query)
    model = request.parameters["name"]
    report = shadows.report(model)
    if request.verb == "DELETE":
        shadows.begin_anew(model)
    return Reply(encode_json(report.model_dump(mode="json")), JSON)


def _asking(options: ModelOptions) -> Asking:
    """Return who asks for a model, by the call and by its options."""
    origin = find_origin()
    return Asking(origin.caller, origin.headers, options.key)


def _find_model(request: Request, options: ModelOptions | None = None) -> tuple[str, str]:
    """Return the model that a path names, and its version or label; empty if nothing does.

    Raises:
        InvalidOption: the path or the option says something else, too.
    """
    name, _, label = request.parameters["name"].partition("@")
    other, also = options.name_and_version() if options else ("", "")
    versions = dict.fromkeys(filter(None, (request.parameters.get("version"), label, also)))
    if other not in ("", name) or len(versions) > 1:
        named = " and ".join(f"{other or name}@{it}" for it in versions) or other
        raise InvalidOption(
            f"expected the model {name}, which the path names, and one version at most",
            got=named,
            remedy="name both once, in the path",
            option="model",
        )
    return name, next(iter(versions), "")


def _holds_tensors(request: Request) -> bool:
    """Return whether a body for `predict` is the JSON of tensors; no picture begins like JSON."""
    if request.content_type != JSON and not _is_json(request.body):
        return not request.body
    # A single image has the key `image`, and base64 has no quotes.
    return b'"inputs"' in request.body or b'"image"' not in request.body


def _is_json(body: bytes) -> bool:
    return body[:64].lstrip().startswith(b"{")


def _reply_json(answerer: Answerer, answer: Answer, lookups: Lookups) -> Reply:
    """Return a reply with the answer and the model that gave it."""
    fields = answer.to_fields()
    body = encode_json({"model": answerer.model, "version": answerer.version, **fields})
    return _reply(answerer, answer.to_event(fields), body, JSON, lookups)


def _reply(
    answerer: Answerer,
    event: Mapping[str, Any],
    body: bytes,
    content_type: str,
    lookups: Lookups | None = None,
) -> Reply:
    return Reply(
        body,
        content_type,
        lookups.headers() if lookups else {},
        result=event,
        model=answerer.model,
        version=answerer.version,
        provenance=make_provenance(answerer),
    )
