"""The methods that callers in the mesh invoke, and which status each error becomes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from meshlens.classify import web
from meshlens.classify.errors import (
    EngineGone,
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidModel,
    InvalidOption,
    InvalidTensor,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
    WrongTask,
)
from meshlens.classify.formats.card import Task
from meshlens.classify.formats.labels import Label
from meshlens.classify.requests.batches import answer_each, is_batch
from meshlens.classify.requests.bodies import JSON, decode_body, decode_predict, encode_json
from meshlens.classify.requests.descriptions import describe_servable
from meshlens.classify.requests.options import (
    ClassifyOptions,
    DetectOptions,
    ModelOptions,
    NoOptions,
    parse_options,
)
from meshlens.classify.requests.pictures import (
    decode_as_seen,
    decode_for,
    draw_found,
    encode_found,
    find_classifier,
    find_detector,
)
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.versions import Servable
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.boxes import Box
from meshlens.classify.tasks.drawing import overlay_boxes
from meshlens.classify.tasks.pixels import Picture, decode_image, encode_png
from meshlens.classify.tasks.tensors import decode_tensors, encode_tensors
from meshlens.classify.tasks.verdicts import Verdict, encode_result, judge
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.transports.topics import Subscription

STATUS: Mapping[type[Exception], Status] = {
    InvalidImage: Status.INVALID_ARGUMENT,
    ImageTooLarge: Status.RESOURCE_EXHAUSTED,
    InvalidBody: Status.INVALID_ARGUMENT,
    InvalidOption: Status.INVALID_ARGUMENT,
    ModelNotFound: Status.NOT_FOUND,
    InvalidTensor: Status.INVALID_ARGUMENT,
    WrongTask: Status.INVALID_ARGUMENT,
    ModelNotReady: Status.UNAVAILABLE,
    EngineGone: Status.UNAVAILABLE,
    ModelFailed: Status.FAILED_PRECONDITION,
    InvalidModel: Status.FAILED_PRECONDITION,
}

TOP_K = 5

_SENTENCES = (JSON, "text/plain", "text/html")
_PICTURES = (JSON, "image/jpeg", "image/png", "image/svg+xml")


class Service:
    """Answers the methods from a repository.

    Args:
        repository: the models.
        max_pixels: largest picture that is decoded.
    """

    def __init__(self, repository: Repository, *, max_pixels: int) -> None:
        self._repository = repository
        self._max_pixels = max_pixels

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        return (
            Route("classify", self.classify, lane=Lane.WORK),
            Route("detect", self.detect, lane=Lane.WORK),
            Route("preview", self.preview, lane=Lane.WORK),
            Route("models", self.list_models, verbs=("GET",)),
            Route("models/<name>", self.describe_model, verbs=("GET",)),
            Route("models/<name>/predict", self.predict, lane=Lane.WORK),
            Route("models/<name>/versions/<version>", self.describe_model, verbs=("GET",)),
            Route("models/<name>/versions/<version>/load", self.load, lane=Lane.MANAGE),
            Route("models/<name>/versions/<version>/unload", self.unload, lane=Lane.MANAGE),
            Route("models/<name>/versions/<version>/predict", self.predict, lane=Lane.WORK),
            *web.routes(),
        )

    def subscriptions(self) -> Sequence[Subscription]:
        """Return which method answers the events of which topic."""
        options = tuple(ClassifyOptions.model_fields)
        return (Subscription("images", self.classify, options, dead_letter="images-dead"),)

    def classify(self, request: Request) -> Reply:
        """Say what a picture shows: as JSON, a sentence, or a sentence with a link."""
        options = parse_options(ClassifyOptions, request.query)
        with self._repository.lease(*options.name_and_version()) as servable:
            source, classifier = servable.source, find_classifier(servable)
            count = options.top_k or source.card.output.top or TOP_K

            def name(data: bytes) -> tuple[Sequence[Label], Verdict]:
                pixels = decode_image(data, classifier.frame, max_pixels=self._max_pixels)
                labels = classifier.classify(pixels, top_k=count)
                return labels, judge(labels[0], classifier.subject)

            if is_batch(request):
                result = answer_each(request, lambda data: encode_result(*name(data)))
                return _reply_json(source, result)
            labels, verdict = name(decode_body(request.content_type, request.body))
        result = encode_result(labels, verdict)
        kind = request.preferred(_SENTENCES)
        if kind == JSON:
            return _reply_json(source, result)
        text = f"<p>{verdict.html}</p>" if kind == "text/html" else verdict.sentence
        return _reply(source, result, f"{text}\n".encode(), f"{kind}; charset=utf-8")

    def detect(self, request: Request) -> Reply:
        """Say where things are in a picture: as JSON, drawn into it, or as an overlay."""
        options = parse_options(DetectOptions, request.query)
        name, version = options.name_and_version()
        with self._repository.lease(name or self._find_detecting(), version) as servable:
            source, detector = servable.source, find_detector(servable)

            def find(data: bytes) -> tuple[Picture, tuple[Box, ...]]:
                picture = decode_for(detector, data, max_pixels=self._max_pixels)
                return picture, detector.detect(
                    picture,
                    top_k=options.top_k,
                    threshold=options.threshold,
                    parameters=options.parameters(),
                )

            if is_batch(request):
                result = answer_each(request, lambda data: encode_found(*find(data)))
                return _reply_json(source, result)
            data = decode_body(request.content_type, request.body)
            picture, boxes = find(data)
        result = encode_found(picture, boxes)
        kind = request.preferred(_PICTURES)
        if kind == JSON:
            return _reply_json(source, result)
        if kind == "image/svg+xml":
            body = overlay_boxes(boxes, picture.width, picture.height).encode()
        else:
            body = draw_found(data, boxes, kind, max_pixels=self._max_pixels)
        return _reply(source, result, body, kind)

    def preview(self, request: Request) -> Reply:
        """Show the picture as the model sees it: its size, its colours or gray, upright."""
        options = parse_options(ModelOptions, request.query)
        with self._repository.lease(*options.name_and_version()) as servable:
            source = servable.source
            data = decode_body(request.content_type, request.body)
            pixels = decode_as_seen(servable, data, max_pixels=self._max_pixels)
        height, width, channels = pixels.shape
        result = {"width": width, "height": height, "channels": channels}
        return _reply(source, result, encode_png(pixels), "image/png")

    def list_models(self, request: Request) -> Reply:
        """List what is loaded and what is not."""
        parse_options(NoOptions, request.query)
        models = [self._describe(servable) for servable in self._repository.servables()]
        return Reply(encode_json({"models": models}), JSON)

    def describe_model(self, request: Request) -> Reply:
        """Say what a model is, or one version of it, and where it is in its life."""
        parse_options(NoOptions, request.query)
        name, version = request.parameters["name"], request.parameters.get("version", "")
        told = self._describe(self._repository.describe(name, version))
        if not version:
            told["versions"] = {
                servable.source.version: servable.state
                for servable in self._repository.servables(name)
            }
        return Reply(encode_json(told), JSON)

    def load(self, request: Request) -> Reply:
        """Load a version and say what became of it."""
        return self._change(request, self._repository.load)

    def unload(self, request: Request) -> Reply:
        """Unload a version once nobody uses it, and say what became of it."""
        return self._change(request, self._repository.unload)

    def predict(self, request: Request) -> Reply:
        """Compute the outputs of any model from its named inputs."""
        parse_options(NoOptions, request.query)
        body = decode_predict(request.body)
        name, _, label = request.parameters["name"].partition("@")
        with self._repository.lease(name, request.parameters.get("version", label)) as servable:
            source, loaded = servable.source, servable.loaded
            assert loaded is not None, "a lease is of what is loaded"  # noqa: S101 - for the type checker
            wanted = body.signature or source.card.signature
            signature = loaded.signature(wanted)
            outputs = signature.run(decode_tensors(body.inputs, signature))
        shapes = {name: list(tensor.shape) for name, tensor in outputs.items()}
        return _reply_json(source, {"shapes": shapes}, {"outputs": encode_tensors(outputs)})

    def _change(self, request: Request, change: Callable[[str, str], Servable]) -> Reply:
        parse_options(NoOptions, request.query)
        servable = change(request.parameters["name"], request.parameters["version"])
        return Reply(encode_json(self._describe(servable)), JSON)

    def _describe(self, servable: Servable) -> dict[str, Any]:
        return describe_servable(
            servable, default=servable.source.model == self._repository.default
        )

    def _find_detecting(self) -> str:
        """Return the name of the only model that detects, for requests that name none."""
        names = {
            servable.source.model
            for servable in self._repository.servables()
            if servable.source.card.task is Task.DETECT
        }
        if len(names) != 1:
            known = ", ".join(sorted(names)) or "none"
            raise InvalidOption(
                f"expected option model, one of the models with task detect: {known}; name one"
            )
        return names.pop()


def _reply(source: Source, result: Mapping[str, Any], body: bytes, kind: str) -> Reply:
    return Reply(body, kind, result=result, model=source.model, version=source.version)


def _reply_json(
    source: Source, result: Mapping[str, Any], told: Mapping[str, Any] | None = None
) -> Reply:
    """Return a reply that tells which model has answered, and the result or else what is `told`."""
    known = {"model": source.model, "version": source.version}
    return _reply(source, result, encode_json({**known, **(told or result)}), JSON)
