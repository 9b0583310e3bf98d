"""What callers must know of each method: its options, bodies, answers and faults."""

from collections.abc import Mapping, Sequence

from meshlens.daprkit.application.operation import BodyType, FileForm, Operation
from meshlens.daprkit.errors import InputUnavailable, StoreUnavailable
from meshlens.daprkit.sidecar.referenced import URI_LIST
from meshlens.faults import Fault
from meshlens.pca.answers import encoding
from meshlens.pca.answers.schemas import (
    DeletedAnswer,
    ModelAnswer,
    PointsAnswer,
    ScoresAnswer,
    Summary,
)
from meshlens.pca.drawing import images
from meshlens.pca.errors import FitNotFound, InvalidOption, InvalidTable, NotOffered, NoVariance
from meshlens.pca.options import (
    FitOptions,
    InverseOptions,
    NoOptions,
    PlotOptions,
    TransformOptions,
)
from meshlens.pca.tables.formats import CONTENT_TYPES

_TEXT = ("text/", "image/svg")
_TABLE: Mapping[str, BodyType] = {
    **{name: str if name.startswith("text/") else bytes for name in CONTENT_TYPES},
    "multipart/form-data": FileForm("file"),
    URI_LIST: str,
}
_BODY = (
    "a table: a row for each observation, a column for each variable; of text, JSON, a spreadsheet,"
    " Arrow, Parquet or .npy, found by its first bytes where they say. It may be compressed, by"
    " Content-Encoding: gzip too. In a form its file is the table, and other fields are options. A"
    " text/uri-list is the address of the table."
)
_ID = {"id": "id of a stored fit, which fit has answered"}


def _offer(media_types: tuple[str, ...], answer: BodyType) -> Mapping[str, BodyType]:
    """Return the types of an answer that JSON describes, and that other media types hold too."""
    return {
        name: answer if name == encoding.JSON else str if name.startswith(_TEXT) else bytes
        for name in media_types
    }


PLOT = Operation(
    summary="Draw observations with their principal components.",
    options=PlotOptions,
    accepts=_TABLE,
    body=_BODY,
    answers=_offer(images.TYPES, bytes),
    answer="The picture; in SVG, its element metadata says how the table was read.",
    faults=(
        InvalidTable,
        InvalidOption,
        NoVariance,
        NotOffered,
        FitNotFound,
        InputUnavailable,
        StoreUnavailable,
    ),
    result=Summary,
)
FIT = Operation(
    summary="Find the principal components of observations, and store them.",
    options=FitOptions,
    accepts=_TABLE,
    body=_BODY,
    answers=_offer(encoding.MODEL_TYPES, ModelAnswer),
    answer="The PCA model under its id; as CSV or Arrow, a row for each component.",
    faults=(InvalidTable, InvalidOption, NoVariance, InputUnavailable, StoreUnavailable),
    result=Summary,
)
TRANSFORM = Operation(
    summary="Return the scores of observations on their own components, or on those of a fit.",
    options=TransformOptions,
    accepts=_TABLE,
    body=_BODY,
    answers=_offer(encoding.MATRIX_TYPES, ScoresAnswer),
    answer="The scores; as CSV, Arrow or .npy, a row for each observation.",
    faults=(
        InvalidTable,
        InvalidOption,
        NoVariance,
        FitNotFound,
        InputUnavailable,
        StoreUnavailable,
    ),
    result=Summary,
)
INVERSE = Operation(
    summary="Return the points that have the given scores.",
    options=InverseOptions,
    accepts=_TABLE,
    body="a table of scores, a column for each component, as any table is written",
    answers=_offer(encoding.MATRIX_TYPES, PointsAnswer),
    answer="The points; as CSV, Arrow or .npy, a row for each.",
    faults=(InvalidTable, InvalidOption, FitNotFound, InputUnavailable, StoreUnavailable),
    result=Summary,
)
FITS = (
    Operation(
        verb="GET",
        summary="Return a stored fit.",
        options=NoOptions,
        parameters=_ID,
        answers={encoding.JSON: ModelAnswer},
        answer="The PCA model, without how its table was read.",
        faults=(InvalidOption, FitNotFound, StoreUnavailable),
    ),
    Operation(
        verb="DELETE",
        summary="Forget a stored fit.",
        options=NoOptions,
        parameters=_ID,
        answers={encoding.JSON: DeletedAnswer},
        answer="That it is forgotten.",
        faults=(InvalidOption, FitNotFound, StoreUnavailable),
    ),
)
# What a fit ends with that is called as a model of another server.
OF_TENSORS: Sequence[type[Fault]] = (InvalidTable, StoreUnavailable)
