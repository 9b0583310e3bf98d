"""A picture -> the bytes of an answer; in SVG, with how the table was read."""

import json
from typing import Any

from meshlens.pca.answers.reading import describe_reading
from meshlens.pca.answers.schemas import (
    Outweighing,
    PartsPictureMetadata,
    PictureMetadata,
    ReadCounts,
    ReadPartsAnswer,
)
from meshlens.pca.drawing import images
from meshlens.pca.drawing.captions import weigh_outweighing
from meshlens.pca.drawing.style import Style
from meshlens.pca.methods import PlotResult
from meshlens.pca.numbers.decomposition import PcaModel

_MOST_LISTED = 100
_MOST_LETTERS = 1000  # of a name or a note


def encode_picture(result: PlotResult, options: Style, media_type: str) -> bytes:
    """Return a picture as one of `images.TYPES`; SVG has a `PictureMetadata` in its metadata.

    Raises:
        NotOffered: nothing that converts pictures is installed.
    """
    metadata = ""
    if media_type == images.SVG:
        metadata = _encode(describe_picture(result))
    return images.encode_picture(
        result.svg, media_type, width=options.width, height=options.height, metadata=metadata
    )


def encode_parts_picture(svg: bytes, model: PcaModel, read: ReadPartsAnswer) -> bytes:
    """Return the SVG of a table in parts with a `PartsPictureMetadata` in its metadata.

    Args:
        svg: as it was drawn.
        model: of the table.
        read: how that was read.
    """
    metadata = PartsPictureMetadata(
        read=_shorten(read),
        n=model.n,
        explained_variance_ratio=model.explained_variance_ratio[:_MOST_LISTED].tolist(),
    )
    outweighing = weigh_outweighing(model)
    if outweighing:
        metadata["outweighing"] = Outweighing(variable=outweighing[0], share=outweighing[1])
    return images.add_metadata(svg, _encode(metadata))


def describe_picture(result: PlotResult) -> PictureMetadata:
    """Return how the table of a picture was read, with the first entries of long lists."""
    read = describe_reading(result.table, result.model)
    counts = ReadCounts(
        variables=len(read["variables"]),
        supplementary=len(read.get("supplementary", ())),
        left_out=len(read["left_out"]),
        skipped=sum(len(each["rows"]) for each in read["skipped"]),
        dropped=len(read["dropped"]),
        filled=len(read["filled"]),
        notes=len(read["notes"]),
    )
    metadata = PictureMetadata(
        read=_shorten(read),
        counts=counts,
        n=len(result.table.values),
        explained_variance_ratio=result.model.explained_variance_ratio[:_MOST_LISTED].tolist(),
    )
    outweighing = weigh_outweighing(result.model)
    if outweighing:
        metadata["outweighing"] = Outweighing(variable=outweighing[0], share=outweighing[1])
    marked = result.picture.marked
    if marked:
        metadata["axes"] = [*result.picture.axes]
        metadata["marked"] = [*marked]
        rows, numbers = result.table.rows, result.table.numbers
        if len(rows):
            kept = [number - 1 for number in numbers] or range(len(marked))
            metadata["rows"] = [int(rows[place]) for place in kept]
    return metadata


def _encode(metadata: PictureMetadata | PartsPictureMetadata) -> str:
    # Characters that are not ASCII, and those that XML forbids, are escaped as JSON has them.
    return json.dumps(metadata, separators=(",", ":"))


def _shorten(answer: Any) -> Any:  # noqa: ANN401 - any part of an answer
    """Return an answer whose lists and texts are not too long for a picture."""
    match answer:
        case dict():
            return {name: _shorten(part) for name, part in answer.items()}
        case list():
            return [_shorten(entry) for entry in answer[:_MOST_LISTED]]
        case str() if len(answer) > _MOST_LETTERS:
            return f"{answer[: _MOST_LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
        case _:
            return answer
