"""The methods that callers in the mesh invoke, and which status each error becomes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from meshlens.daprkit.routing import Reply, Request, Route
from meshlens.daprkit.status import Status
from meshlens.pca import web
from meshlens.pca.drawing.plot import draw
from meshlens.pca.errors import FitNotFound, InvalidOption, InvalidTable, NoVariance
from meshlens.pca.models import FitStore, add_facts, decode_fit, encode_fit
from meshlens.pca.numbers import decomposition
from meshlens.pca.numbers.decomposition import PcaModel, project
from meshlens.pca.numbers.diagnostics import Diagnostics, diagnose
from meshlens.pca.options import (
    FitOptions,
    InverseOptions,
    NoOptions,
    PlotOptions,
    TransformOptions,
    parse_options,
)
from meshlens.pca.tables import encoding
from meshlens.pca.tables.table import Table

Array: TypeAlias = npt.NDArray[np.float64]

STATUS: Mapping[type[Exception], Status] = {
    InvalidTable: Status.INVALID_ARGUMENT,
    InvalidOption: Status.INVALID_ARGUMENT,
    NoVariance: Status.INVALID_ARGUMENT,
    FitNotFound: Status.NOT_FOUND,
}

_SVG = "image/svg+xml"
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
            Route("inverse", self.inverse, works=True),
            Route("fits/<id>", self.fits, verbs=("GET", "DELETE")),
            *web.routes(),
        )

    def plot(self, request: Request) -> Reply:
        """Draw the observations with their principal axes."""
        options = parse_options(PlotOptions, request.query)
        if not options.fit:
            table = options.read(request.body, request.content_type)
            fit = options.decompose_whole(table)
            picture = draw(table, fit, options, kept=options.count_kept(fit))
            return Reply(picture, _SVG, result=_facts(fit, fit.n))
        _refuse_beside_fit(options)
        fit = self._load(options.fit)
        table = options.read(request.body, request.content_type, variables=fit.names, model=fit)
        picture = draw(table, fit, options, new=True)
        result = {"fit": options.fit, **_facts(fit, len(table.values))}
        return Reply(picture, _SVG, result=result)

    def fit(self, request: Request) -> Reply:
        """Find the principal components and keep them."""
        options = parse_options(FitOptions, request.query)
        table = options.read(request.body, request.content_type)
        fit = options.decompose(table)
        model = encode_fit(fit)
        fit_id = self._store.put(model)
        result = {"fit": fit_id, **_facts(fit, fit.n)}
        media_type = request.preferred((encoding.JSON, encoding.CSV, encoding.ARROW))
        if media_type != encoding.JSON:
            return Reply(_encode_components(fit, media_type), media_type, result=result)
        counts = {"filled": table.filled, "dropped": table.dropped}
        return Reply(add_facts(model, id=fit_id, **counts), encoding.JSON, result=result)

    def transform(self, request: Request) -> Reply:
        """Project the observations on the components of a stored fit, or else on their own."""
        options = parse_options(TransformOptions, request.query)
        if options.fit:
            _refuse_beside_fit(options)
            fit = self._load(options.fit)
            table = options.read(request.body, request.content_type, variables=fit.names, model=fit)
        else:
            table = options.read(request.body, request.content_type)
            fit = options.decompose(table)
        scores = project(fit, table.values)
        further = None
        if options.diagnostics:
            further = diagnose(fit, table.values, scores, confidence=options.confidence)
        named = {"fit": options.fit} if options.fit else {}
        return Reply(
            *_encode_scores(scores, table, further, named, request.preferred(encoding.TABLES)),
            result={**named, **_facts(fit, len(scores))},
        )

    def inverse(self, request: Request) -> Reply:
        """Return the points that have the scores in the body."""
        options = parse_options(InverseOptions, request.query)
        fit = self._load(options.fit)
        components = decomposition.name_components(len(fit.components))
        table = options.read(request.body, request.content_type, variables=components)
        points = decomposition.reconstruct(fit, table.values)
        if not np.isfinite(points).all():
            raise InvalidTable(
                "points must be finite", got="scores too large", remedy="send smaller ones"
            )
        result = {"fit": options.fit, **_facts(fit, len(points))}
        media_type = request.preferred(encoding.TABLES)
        if media_type != encoding.JSON:
            body = encoding.encode_matrix(points, fit.names, table, media_type)
            return Reply(body, media_type, result=result)
        answer = {
            "fit": options.fit,
            "n": len(points),
            "p": len(fit.names),
            "names": fit.names,
            "points": points.tolist(),
        }
        return Reply(encoding.encode_json(answer), encoding.JSON, result=result)

    def fits(self, request: Request) -> Reply:
        """Return a stored fit as `fit` has answered it, or forget it."""
        parse_options(NoOptions, request.query)
        fit_id = request.parameters["id"]
        model = encode_fit(self._load(fit_id))
        if request.verb == "DELETE":
            self._store.delete(fit_id)
            answer = {"id": fit_id, "deleted": True}
            return Reply(encoding.encode_json(answer), encoding.JSON)
        return Reply(add_facts(model, id=fit_id), encoding.JSON)

    def _load(self, fit_id: str) -> PcaModel:
        model = self._store.get(fit_id) if _FIT_ID.fullmatch(fit_id) else None
        if model is None:
            raise FitNotFound(
                "fit must be the id of a stored fit",
                got=repr(fit_id),
                remedy="call fit with the points again and use the id it answers",
            )
        return decode_fit(model)


def _refuse_beside_fit(options: FitOptions) -> None:
    chosen = options.model_dump(include={"k", "seed", "standardize"}, exclude_unset=True)
    if chosen:
        raise InvalidOption(
            "with fit=<id> the fit decides on k and standardize",
            got=f"{' and '.join(chosen)} as well",
            remedy="leave them out, or leave fit out",
        )


def _facts(fit: PcaModel, n: int) -> dict[str, Any]:
    """Return what the event of a result says: n observations met this fit."""
    ratio = fit.explained_variance_ratio[:_MOST_PUBLISHED].tolist()
    return {"n": n, "p": len(fit.names), "explained_variance_ratio": ratio}


def _encode_components(fit: PcaModel, media_type: str) -> bytes:
    """Return one row for each component."""
    names = ["component", "explained_variance", "explained_variance_ratio", *fit.names]
    columns = [
        decomposition.name_components(len(fit.components)),
        fit.explained_variance,
        fit.explained_variance_ratio,
        *fit.components.T,
    ]
    return encoding.encode_columns(names, columns, media_type)


def _encode_scores(
    scores: Array,
    table: Table,
    further: Diagnostics | None,
    named: Mapping[str, str],
    media_type: str,
) -> tuple[bytes, str]:
    """Return scores (n, k) and what is said about their observations, and the media type."""
    n, k = scores.shape
    if media_type != encoding.JSON:
        columns = {}
        if further:
            columns = {"t2": further.t2, "spe": further.spe, "outlier": further.outliers}
        names = decomposition.name_components(k)
        return encoding.encode_matrix(scores, names, table, media_type, **columns), media_type
    answer: dict[str, Any] = {
        **named,
        "n": n,
        "k": k,
        "scores": scores.tolist(),
        "filled": table.filled,
        "dropped": table.dropped,
    }
    answer |= {"labels": table.labels} if table.labels else {}
    answer |= {"groups": table.groups} if table.groups else {}
    if further:
        answer |= {
            "t2": further.t2.tolist(),
            "spe": further.spe.tolist(),
            "limits": asdict(further.limits),
            "outliers": further.outliers.tolist(),
            "cos2": further.cos2.tolist(),
            "contributions": further.contributions.tolist(),
        }
    return encoding.encode_json(answer), encoding.JSON
