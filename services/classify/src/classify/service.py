"""The methods that callers in the mesh invoke, and which status each error becomes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from daprkit.routing import Reply, Request, Route, Subscription
from daprkit.status import Status
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classify import web
from classify.batches import answer_each, is_batch
from classify.bodies import (
    JSON,
    NoOptions,
    decode_body,
    encode_json,
    explain,
    parse_options,
)
from classify.descriptions import describe_servable
from classify.errors import (
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
from classify.image import decode_image
from classify.labels import Label
from classify.phrases import Verdict, encode_result, judge
from classify.pictures import PictureMethods
from classify.repository import Repository
from classify.tensors import decode_tensors, encode_tensors
from classify.versions import Servable

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

_OFFERS = (JSON, "text/plain", "text/html")


class ClassifyOptions(NoOptions):
    """Options of `classify`."""

    model: str = Field(default="", description="name or name@version")
    top_k: int | None = Field(default=None, ge=1, description="how many labels to answer")


class PredictBody(BaseModel):
    """The JSON body of `predict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: str = Field(default="", description="the function to call; the first one if empty")
    inputs: dict[str, Any] = Field(description="nested lists by name")


Body = TypeVar("Body", bound=BaseModel)


class Service:
    """Answers the methods from a repository.

    Args:
        repository: the models.
        max_pixels: largest picture that is decoded.
    """

    def __init__(self, repository: Repository, *, max_pixels: int) -> None:
        self._repository = repository
        self._max_pixels = max_pixels
        self._pictures = PictureMethods(repository, max_pixels=max_pixels)

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        return (
            Route("classify", self.classify, works=True),
            *self._pictures.routes(),
            Route("models", self.list_models, verbs=("GET",)),
            Route("models/<name>", self.describe_model, verbs=("GET",)),
            Route("models/<name>/predict", self.predict, works=True),
            Route("models/<name>/versions/<version>", self.describe_model, verbs=("GET",)),
            Route("models/<name>/versions/<version>/load", self.load),
            Route("models/<name>/versions/<version>/unload", self.unload),
            Route("models/<name>/versions/<version>/predict", self.predict, works=True),
            *web.routes(),
        )

    def subscriptions(self) -> Sequence[Subscription]:
        """Return which method answers the events of which topic."""
        options = tuple(ClassifyOptions.model_fields)
        return (Subscription("images", self.classify, options, dead_letter="images-dead"),)

    def classify(self, request: Request) -> Reply:
        """Say what a picture shows: as JSON, a sentence, or a sentence with a link."""
        options = parse_options(ClassifyOptions, request.query)
        name, _, version = options.model.partition("@")
        with self._repository.lease(name, version) as servable:
            return self._classify(request, servable, options.top_k)

    def _classify(self, request: Request, servable: Servable, top_k: int | None) -> Reply:
        source, classifier = servable.source, servable.classifier
        if classifier is None:
            detects = servable.loaded is not None and servable.loaded.detector is not None
            does, ask = (
                ("detects", "detect")
                if detects
                else ("computes tensors", f"models/{source.model}/predict")
            )
            raise WrongTask(
                f"expected a model that classifies pictures, got {source.model}, which {does};"
                f" ask {ask}, or another model"
            )
        count = top_k or source.card.output.top or TOP_K

        def name(data: bytes) -> tuple[Sequence[Label], Verdict]:
            pixels = decode_image(data, classifier.frame, max_pixels=self._max_pixels)
            labels = classifier.classify(pixels, top_k=count)
            return labels, judge(labels[0], classifier.subject)

        known = {"model": source.model, "version": source.version}
        if is_batch(request):
            result = answer_each(request, lambda data: encode_result(*name(data)))
            body = encode_json({**known, **result})
            return Reply(
                body,
                JSON,
                result=result,
                model=source.model,
                version=source.version,
            )
        labels, verdict = name(decode_body(request.content_type, request.body))
        result = encode_result(labels, verdict)
        match request.preferred(_OFFERS):
            case "text/html":
                body, kind = f"<p>{verdict.html}</p>\n".encode(), "text/html; charset=utf-8"
            case "text/plain":
                body, kind = f"{verdict.sentence}\n".encode(), "text/plain; charset=utf-8"
            case _:
                body, kind = encode_json({**known, **result}), JSON
        return Reply(body, kind, result=result, model=source.model, version=source.version)

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
        body = _parse_body(PredictBody, request.body)
        name, _, label = request.parameters["name"].partition("@")
        with self._repository.lease(name, request.parameters.get("version", label)) as servable:
            source, loaded = servable.source, servable.loaded
            assert loaded is not None, "a lease is of what is loaded"  # noqa: S101 - for the type checker
            wanted = body.signature or source.card.signature
            signature = loaded.signature(wanted)
            outputs = signature.run(decode_tensors(body.inputs, signature))
        answer = {
            "model": source.model,
            "version": source.version,
            "outputs": encode_tensors(outputs),
        }
        shapes = {name: list(tensor.shape) for name, tensor in outputs.items()}
        return Reply(
            encode_json(answer),
            JSON,
            result={"shapes": shapes},
            model=source.model,
            version=source.version,
        )

    def _change(self, request: Request, change: Callable[[str, str], Servable]) -> Reply:
        parse_options(NoOptions, request.query)
        servable = change(request.parameters["name"], request.parameters["version"])
        return Reply(encode_json(self._describe(servable)), JSON)

    def _describe(self, servable: Servable) -> dict[str, Any]:
        return describe_servable(
            servable, default=servable.source.model == self._repository.default
        )


def _parse_body(kind: type[Body], body: bytes) -> Body:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise InvalidBody(
            f'expected JSON {{"inputs": {{"<name>": <nested lists>}}}}, got {explain(error)};'
            " models/<name> describes the inputs"
        ) from None
