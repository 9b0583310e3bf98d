"""What each method does: body and options -> result; shared by the service and the command."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from meshlens.pca.drawing.plot import Picture, draw
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.models import ModelStore, load_model
from meshlens.pca.numbers.decomposition import PcaModel, project, reconstruct
from meshlens.pca.numbers.diagnostics import CONFIDENCE, Diagnostics, diagnose
from meshlens.pca.numbers.rotation import Rotation, restore_scores, rotate_scores
from meshlens.pca.numbers.scaling import Scaling, undo_log
from meshlens.pca.numbers.supplementary import correlate
from meshlens.pca.options import (
    PARALLEL,
    FitOptions,
    InverseOptions,
    PictureOptions,
    PlotOptions,
    TransformOptions,
)
from meshlens.pca.tables.columns import quote
from meshlens.pca.tables.table import Table, check_matrix
from meshlens.timing import Phase, note, noted

Array: TypeAlias = npt.NDArray[np.float64]

# Options whose values a stored model has.
_FIXED_BY_FIT = {"k", "seed", "standardize", "scaling", "divisor", "log", "rotation"}


@dataclass(frozen=True, slots=True, eq=False)
class PlotResult:
    """Result of `plot`.

    Attributes:
        picture: what is drawn.
        model: whose axes it shows.
        table: the observations in it.
    """

    picture: Picture
    model: PcaModel
    table: Table

    @property
    def svg(self) -> bytes:
        """The picture as a document."""
        return self.picture.svg


@dataclass(frozen=True, slots=True, eq=False)
class FitResult:
    """Result of `fit`.

    Attributes:
        model: the principal components.
        table: the observations.
        supplementary: (k, s), correlations of the supplementary variables with the scores.
    """

    model: PcaModel
    table: Table
    supplementary: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TransformResult:
    """Result of `transform`.

    Attributes:
        values: (n, k), coordinates of the observations along the components.
        table: the observations.
        model: the model with these components.
        diagnostics: of the observations, if requested.
    """

    values: Array
    table: Table
    model: PcaModel
    diagnostics: Diagnostics | None = None


@dataclass(frozen=True, slots=True, eq=False)
class InverseResult:
    """Result of `inverse`.

    Attributes:
        values: (n, p), the observations that have the scores.
        table: the scores, with the groups and labels of the observations.
        model: the model whose components the scores refer to.
    """

    values: Array
    table: Table
    model: PcaModel


def plot(
    body: bytes, content_type: str, options: PlotOptions, model: PcaModel | None = None
) -> PlotResult:
    """Draw observations with their principal axes, or with those of an earlier model.

    Raises:
        PcaError: the body or an option is invalid, or the two do not fit together.
    """
    if model is not None:
        if model.rotation is not None:
            raise InvalidOption(
                "pictures show principal components, which are not rotated",
                got="a fit with rotation=varimax",
                remedy="fit again without rotation and use that id",
                option="fit",
            )
        table = options.read(body, content_type, variables=model.names, model=model)
        with note(Phase.COMPUTE):
            picture = draw(table, model, options, new=True)
        return PlotResult(picture, model, table)
    table = options.read(body, content_type)
    with note(Phase.COMPUTE):
        model = options.decompose_whole(table)
        chance = options.find_chance(model)
        kept = options.count_kept(model, chance)
        parallel = options.k == PARALLEL
        picture = draw(table, model, options, kept=kept, chance=chance, parallel=parallel)
    return PlotResult(picture, model, table)


def fit(body: bytes, content_type: str, options: FitOptions) -> FitResult:
    """Find the principal components of observations.

    Raises:
        PcaError: the body or an option is refused.
    """
    table = options.read(body, content_type)
    with note(Phase.COMPUTE):
        model = options.decompose(table)
    notes = (*table.reading.notes, *list_notes(model, options))
    table = replace(table, reading=replace(table.reading, notes=notes))
    correlations = None
    if table.supplementary:
        scores = rotate_scores(model, project(model, table.values))
        correlations = correlate(scores, table.supplementary.values)
    return FitResult(model, table, correlations)


def draw_fit(fitted: FitResult, options: FitOptions, style: PictureOptions) -> PlotResult:
    """Draw the observations of a fit with its components.

    Args:
        fitted: the fit.
        options: it was made with.
        style: of the picture.

    Raises:
        InvalidOption: the fit lacks a component that is to be drawn.
    """
    model, table = fitted.model, fitted.table
    refuse_few_components(len(model.components))
    # A picture has words of its own for what the fit has decided.
    own = {*list_notes(model, options)}
    notes = tuple(each for each in table.reading.notes if each not in own)
    table = replace(table, reading=replace(table.reading, notes=notes))
    with note(Phase.COMPUTE):
        return PlotResult(draw(table, model, style), model, table)


def refuse_few_components(k: int) -> None:
    """Refuse to draw a fit that has fewer components than a plane.

    Raises:
        InvalidOption: k of them are fewer.
    """
    if k < 2:  # noqa: PLR2004 - a plane has two directions
        raise InvalidOption(
            "a picture needs a fit of at least 2 components",
            got=f"{k}",
            remedy="fit 2 variables or more, with k=2 or more, or leave the picture out",
            option="picture",
        )


def refuse_undrawn(options: FitOptions) -> None:
    """Refuse to draw a fit whose options alone say that there is no picture of it.

    Raises:
        InvalidOption: its components are rotated, or there is one.
    """
    if options.k == 1:
        refuse_few_components(1)
    if options.rotation is not Rotation.NONE:
        raise InvalidOption(
            "pictures show principal components, which are not rotated",
            got=f"rotation={options.rotation} and a picture",
            remedy="leave one of them out",
            option="rotation",
        )


def transform(
    body: bytes, content_type: str, options: TransformOptions, model: PcaModel | None = None
) -> TransformResult:
    """Project observations on their own components, or on those of an earlier model.

    Raises:
        PcaError: the body or an option is refused.
    """
    if model is None:
        fitted = fit(body, content_type, options)
        table, model = fitted.table, fitted.model
    else:
        table = options.read(body, content_type, variables=model.names, model=model)
    return project_table(table, model, options.confidence if options.diagnostics else None)


def transform_matrix(values: Array, model: PcaModel) -> TransformResult:
    """Project observations that need no reading, with their diagnostics.

    Args:
        values: (n, p), the variables in the order of the model.
        model: of an earlier fit.

    Raises:
        InvalidTable: there is no observation, or a number cannot be used.
    """
    return project_table(check_matrix(values, names=model.names, log=model.log), model, CONFIDENCE)


def inverse(
    body: bytes, content_type: str, options: InverseOptions, model: PcaModel
) -> InverseResult:
    """Return the points that have the scores in a body.

    Raises:
        PcaError: the body or an option is refused.
    """
    table = options.read(body, content_type, variables=model.component_names)
    with note(Phase.COMPUTE), np.errstate(over="ignore"):
        points = undo_log(reconstruct(model, restore_scores(model, table.values)), model.log)
    if not np.isfinite(points).all():
        raise InvalidTable(
            "points must be finite", got="scores too large", remedy="send smaller ones"
        )
    return InverseResult(points, table, model)


@noted(Phase.COMPUTE)
def project_table(table: Table, model: PcaModel, confidence: float | None) -> TransformResult:
    """Return the scores of observations, with diagnostics unless their confidence is None.

    Raises:
        InvalidTable: scores or distances are not finite.
    """
    diagnostics = None
    # What overflows is reported below.
    with np.errstate(over="ignore", invalid="ignore"):
        scores = project(model, table.values)
        if confidence is not None:
            diagnostics = diagnose(model, table.values, scores, confidence=confidence)
        rotated = rotate_scores(model, scores)
    distances = (diagnostics.t2, diagnostics.spe) if diagnostics else ()
    if not all(np.isfinite(numbers).all() for numbers in (rotated, *distances)):
        raise InvalidTable(
            "scores, and their squares if diagnostics are computed, must be finite",
            got="numbers too large",
            remedy="send smaller ones, or use a fit of such numbers",
        )
    return TransformResult(rotated, table, model, diagnostics)


def list_notes(model: PcaModel, options: FitOptions) -> Iterator[str]:
    """Yield what a fit has decided by itself, a sentence each."""
    if model.constant:
        scaled = "" if model.scaling is Scaling.NONE else ", and therefore not scaled"
        yield f"Constant, but for rounding{scaled}: {quote(model.constant)}."
    most = min(model.n, len(model.names))
    if options.k is None and len(model.components) < most:
        yield (
            f"The first {len(model.components)} of {most} components are kept, as usual for so many"
            " variables; k=<number> keeps as many as it says."
        )


def find_model(store: ModelStore, options: PlotOptions | TransformOptions) -> PcaModel | None:
    """Return the stored model that options name, None if they name none.

    Raises:
        FitNotFound: there is no such model.
        InvalidOption: other options set what the stored model already fixes.
    """
    if not options.fit:
        return None
    refuse_fixed(options)
    return load_model(store, options.fit)


def refuse_fixed(options: PlotOptions | TransformOptions) -> None:
    """Refuse options that an earlier model already fixes.

    Raises:
        InvalidOption: one of them is given.
    """
    chosen = options.model_dump(include=_FIXED_BY_FIT, exclude_unset=True)
    if chosen:
        raise InvalidOption(
            "with fit=<id> the fit decides on k, scaling and rotation",
            got=f"{' and '.join(chosen)} as well",
            remedy="leave them out, or leave fit out",
            option=next(iter(chosen)),
        )
