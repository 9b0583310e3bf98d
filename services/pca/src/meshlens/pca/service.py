"""The methods that callers in the mesh invoke, and which status each error becomes."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.application.status import Status
from meshlens.daprkit.gateway.method import open_gateway
from meshlens.daprkit.mcp import serve_tools
from meshlens.daprkit.messages import Provenance, Reply, Request
from meshlens.daprkit.reference import add_reference
from meshlens.daprkit.reference.about import About
from meshlens.daprkit.settings import MIB
from meshlens.daprkit.transports.listener import GrpcService
from meshlens.pca import methods, reference, tools, web
from meshlens.pca.answers import encoding, pictures
from meshlens.pca.answers.schemas import DeletedAnswer
from meshlens.pca.bodies import unpack
from meshlens.pca.drawing import images
from meshlens.pca.errors import FitNotFound, InvalidOption, InvalidTable, NotOffered, NoVariance
from meshlens.pca.inference.models import FitModels
from meshlens.pca.inference.recent import RecentFits
from meshlens.pca.models import ModelStore, encode_model, load_model
from meshlens.pca.options import (
    FitOptions,
    InverseOptions,
    NoOptions,
    PlotOptions,
    TransformOptions,
    parse_options,
)
from meshlens.protocols.inference.rest.routes import routes as inference_routes
from meshlens.protocols.inference.rpc.service import InferenceServices
from meshlens.protocols.inference.server import InferenceServer

ABOUT = About(
    app="pca",
    title="Meshlens pca",
    summary="Principal component analysis: a table in; a picture, a model or scores out.",
    distribution="meshlens-pca",
)
STATUS: Mapping[type[Exception], Status] = {
    InvalidTable: Status.INVALID_ARGUMENT,
    InvalidOption: Status.INVALID_ARGUMENT,
    NoVariance: Status.INVALID_ARGUMENT,
    # Dapr has no status that becomes HTTP's 406; this one becomes 400.
    NotOffered: Status.INVALID_ARGUMENT,
    FitNotFound: Status.NOT_FOUND,
}


class Service:
    """Maps requests to calls of `methods`, and their results to replies.

    Args:
        store: keeps models between requests.
        max_body: largest body in bytes, for what compressed bodies of tensors unpack to.
        origins: whose pages may read what the method gateway answers.
        ready: whether it should be called.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        max_body: int = 16 * MIB,
        origins: Sequence[str] = (),
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._max_body = max_body
        self._origins = origins
        self._recent = RecentFits(store)
        self._inference = InferenceServer(
            FitModels(store, self._recent),
            name=ABOUT.distribution,
            version=version(ABOUT.distribution),
            ready=ready,
        )

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        routes = (
            Route("plot", self.plot, lane=Lane.WORK, operations=(reference.PLOT,)),
            Route("fit", self.fit, lane=Lane.WORK, operations=(reference.FIT,)),
            Route("transform", self.transform, lane=Lane.WORK, operations=(reference.TRANSFORM,)),
            Route("inverse", self.inverse, lane=Lane.WORK, operations=(reference.INVERSE,)),
            Route(
                "fits/<id>",
                self.fits,
                verbs=("GET", "DELETE"),
                operations=reference.FITS,
                lanes={"DELETE": Lane.ADMIN},
            ),
            *inference_routes(
                self._inference, max_body=self._max_body, faults=reference.OF_TENSORS
            ),
            *web.routes(),
            serve_tools(ABOUT, tools.TOOLS),
            open_gateway("plot", self._origins),
        )
        return add_reference(ABOUT, routes, STATUS)

    def services(self) -> Sequence[GrpcService]:
        """Return the gRPC services of other model servers."""
        return (InferenceServices(self._inference),)

    @property
    def fits_in_memory(self) -> RecentFits:
        """Those of the fits that clients of other model servers have used last."""
        return self._recent

    def plot(self, request: Request) -> Reply:
        """Draw the observations with their principal axes, or those of a stored model."""
        request = unpack(request, PlotOptions.model_fields)
        options = parse_options(PlotOptions, request.query)
        media_type = request.accepted(images.TYPES)
        if media_type is None:
            raise images.refuse_accept(request.headers["accept"])
        model = methods.find_model(self._store, options)
        result = methods.plot(request.body, _content_type(request), options, model)
        summary = encoding.summarize(result.model, result.table, options.fit)
        picture = pictures.encode_picture(result, options, media_type)
        return Reply(picture, media_type, result=summary, provenance=_name_fit(options.fit))

    def fit(self, request: Request) -> Reply:
        """Find the principal components and keep them."""
        request = unpack(request, FitOptions.model_fields)
        options = parse_options(FitOptions, request.query)
        result = methods.fit(request.body, _content_type(request), options)
        model = result.model
        document = encode_model(model)
        model_id = self._store.put(document)
        summary = encoding.summarize(model, result.table, model_id)
        media_type = request.preferred(encoding.MODEL_TYPES)
        if media_type != encoding.JSON:
            return Reply(encoding.encode_components(model, media_type), media_type, result=summary)
        body = encoding.encode_model(document, model_id=model_id, result=result)
        return Reply(body, media_type, result=summary)

    def transform(self, request: Request) -> Reply:
        """Project the observations on the components of a stored model, or else on their own."""
        request = unpack(request, TransformOptions.model_fields)
        options = parse_options(TransformOptions, request.query)
        model = methods.find_model(self._store, options)
        result = methods.transform(request.body, _content_type(request), options, model)
        media_type = request.preferred(encoding.MATRIX_TYPES)
        return Reply(
            encoding.encode_scores(result, media_type, model_id=options.fit),
            media_type,
            result=encoding.summarize(result.model, result.table, options.fit),
            provenance=_name_fit(options.fit),
        )

    def inverse(self, request: Request) -> Reply:
        """Return the points that have the scores in the body."""
        request = unpack(request, InverseOptions.model_fields)
        options = parse_options(InverseOptions, request.query)
        model = load_model(self._store, options.fit)
        result = methods.inverse(request.body, _content_type(request), options, model)
        media_type = request.preferred(encoding.MATRIX_TYPES)
        return Reply(
            encoding.encode_points(result, media_type, model_id=options.fit),
            media_type,
            result=encoding.summarize(model, result.table, options.fit),
            provenance=_name_fit(options.fit),
        )

    def fits(self, request: Request) -> Reply:
        """Return a stored model as `fit` has answered it, or forget it."""
        parse_options(NoOptions, request.query)
        model_id = request.parameters["id"]
        document = encode_model(load_model(self._store, model_id))
        if request.verb == "DELETE":
            self._store.delete(model_id)
            self._recent.forget(model_id)
            answer = DeletedAnswer(id=model_id, deleted=True)
            return Reply(encoding.encode_json(answer), encoding.JSON)
        return Reply(encoding.encode_model(document, model_id=model_id), encoding.JSON)


def _name_fit(model_id: str) -> Provenance | None:
    """Return what an event says of the fit that answered: its id is its digest."""
    return Provenance(model_id) if model_id else None


def _content_type(request: Request) -> str:
    """Return the media type of a request with the parameter that says how to read a text."""
    charset = f"; charset={request.charset}" if request.charset else ""
    return f"{request.content_type}{charset}"
