"""The methods that callers in the mesh invoke, and which status each error becomes."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from daprkit.routing import Reply, Request, Route
from daprkit.status import Status

from pca import decomposition
from pca.decomposition import Fit
from pca.errors import FitNotFound, InvalidOption, InvalidTable, NoVariance
from pca.fits import FitStore, add_id, decode_fit, encode_fit
from pca.options import FitOptions, NoOptions, PlotOptions, TransformOptions, parse_options
from pca.plot import draw
from pca.table import Table

STATUS: Mapping[type[Exception], Status] = {
    InvalidTable: Status.INVALID_ARGUMENT,
    InvalidOption: Status.INVALID_ARGUMENT,
    NoVariance: Status.INVALID_ARGUMENT,
    FitNotFound: Status.NOT_FOUND,
}

_JSON, _SVG = "application/json", "image/svg+xml"
_FIT_ID = re.compile(r"[0-9a-f]{64}")
_MOST_PUBLISHED = 10


class Service:
    """Answers the methods.

    Args:
        store: keeps fits between requests.
    """

    def __init__(self, store: FitStore) -> None:
        self._store = store

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        return (
            Route("plot", self.plot, works=True),
            Route("fit", self.fit, works=True),
            Route("transform", self.transform, works=True),
            Route("fits/<id>", self.describe_fit, verbs=("GET",)),
        )

    def plot(self, request: Request) -> Reply:
        """Draw the observations with their principal axes."""
        options = parse_options(PlotOptions, request.query)
        table = options.read(request.body, request.content_type)
        fit = _fit(table, standardize=options.standardize)
        picture = draw(
            table.values, fit, title=options.title, width=options.width, height=options.height
        )
        return Reply(picture, _SVG, result=_facts(fit, fit.n))

    def fit(self, request: Request) -> Reply:
        """Find the principal components and keep them."""
        options = parse_options(FitOptions, request.query)
        table = options.read(request.body, request.content_type)
        fit = _fit(table, k=options.k, standardize=options.standardize)
        model = encode_fit(fit)
        fit_id = self._store.put(model)
        return Reply(add_id(model, fit_id), _JSON, result={"fit": fit_id, **_facts(fit, fit.n)})

    def transform(self, request: Request) -> Reply:
        """Project the observations on the components of a stored fit, or else on their own."""
        options = parse_options(TransformOptions, request.query)
        chosen = options.model_dump(include={"k", "standardize"}, exclude_unset=True)
        if options.fit and chosen:
            raise InvalidOption(
                "with fit=<id> the fit decides on k and standardize",
                got=f"{' and '.join(chosen)} as well",
                remedy="leave them out, or leave fit out",
            )
        fit = decode_fit(self._load(options.fit)) if options.fit else None
        table = options.read(request.body, request.content_type, model=fit)
        fit = fit or _fit(table, k=options.k, standardize=options.standardize)
        scores = decomposition.project(fit, table.values)
        named = {"fit": options.fit} if options.fit else {}
        n, k = scores.shape
        answer = {**named, "n": n, "k": k, "scores": scores.tolist()}
        return Reply(_encode_json(answer), _JSON, result={**named, **_facts(fit, n)})

    def describe_fit(self, request: Request) -> Reply:
        """Return a stored fit as `fit` has answered it."""
        parse_options(NoOptions, request.query)
        fit_id = request.parameters["id"]
        model = self._load(fit_id)
        decode_fit(model)
        return Reply(add_id(model, fit_id), _JSON)

    def _load(self, fit_id: str) -> bytes:
        model = self._store.get(fit_id) if _FIT_ID.fullmatch(fit_id) else None
        if model is None:
            raise FitNotFound(
                "fit must be the id of a stored fit",
                got=repr(fit_id),
                remedy="call fit with the points again and use the id it answers",
            )
        return model


def _fit(table: Table, *, k: int | None = None, standardize: bool) -> Fit:
    return decomposition.fit(table.values, names=table.names, k=k, standardize=standardize)


def _facts(fit: Fit, n: int) -> dict[str, Any]:
    """Return what the event of a result says: n observations met this fit."""
    ratio = fit.explained_variance_ratio[:_MOST_PUBLISHED].tolist()
    return {"n": n, "p": len(fit.names), "explained_variance_ratio": ratio}


def _encode_json(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, allow_nan=False).encode() + b"\n"
