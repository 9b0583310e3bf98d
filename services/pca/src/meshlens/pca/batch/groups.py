"""The stage of the groups: how many observations each has, and their mean."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from meshlens.batch.job import Failure, Fields, GoOn, Stage, encode
from meshlens.batch.objects import Objects
from meshlens.pca.batch.rows import Rows
from meshlens.pca.batch.scores import load
from meshlens.pca.batch.source import GroupedBlock, GroupedSource, Source
from meshlens.pca.errors import InvalidOption
from meshlens.pca.numbers.decomposition import project
from meshlens.pca.numbers.rotation import rotate_scores

Array: TypeAlias = npt.NDArray[np.float64]
# How many observations, and (p,) the sums of what is left of them after the shift.
Sums: TypeAlias = dict[str, tuple[int, Array]]

MOST_GROUPS = 1000
_NONE = ""  # observations without a group


def check_groups(source: Source, column: str) -> None:
    """Let a source pass whose observations can be grouped, or need not be.

    Raises:
        InvalidOption: it has no groups.
    """
    if column and not hasattr(source, "read_groups"):
        raise InvalidOption(
            "a source must have groups to be grouped",
            got=f"group={column!r} of one that has none",
            remedy=f"leave the column out by drop={column}",
            option="group",
        )


def sum_part(
    source: Source, part: Fields, rows: Rows, options: Fields, shift: Array, go_on: GoOn
) -> bytes:
    """Return the counts and sums of the groups of a part.

    Raises:
        PartFailed: the part cannot be worked on.
        InvalidOption: there are more than `MOST_GROUPS`.
    """
    column = options["group"]
    current: list[GroupedBlock] = []

    def blocks() -> Iterator[Array]:
        for block in cast("GroupedSource", source).read_groups(part, column):
            current[:] = [block]
            yield block.values

    sums: Sums = {}
    for observations in rows.select(blocks(), part, go_on):
        (block,) = current
        codes = block.codes if observations.kept is None else block.codes[observations.kept]
        labels = [*block.labels, _NONE]
        columns = observations.values.T - shift[:, np.newaxis]
        codes = np.where(codes < 0, len(block.labels), codes)
        counts = np.bincount(codes, minlength=len(labels))
        totals = np.stack([np.bincount(codes, x, len(labels)) for x in columns], axis=1)
        for code in np.flatnonzero(counts).tolist():
            _add(sums, labels[code], int(counts[code]), totals[code])
    return _pack(sums)


def merge_groups(pieces: Sequence[bytes]) -> bytes:
    """Return the counts and sums of neighbouring parts together."""
    merged: Sums = {}
    for piece in pieces:
        for label, (count, total) in _unpack(piece).items():
            _add(merged, label, count, total)
    return _pack(merged)


def keep_groups(stage: Stage, piece: bytes, failures: Sequence[Failure], objects: Objects) -> str:
    """Keep the counts and means of the groups, and the scores of the means; return the name."""
    model = load(objects, stage.inputs["model"])
    sums = _unpack(piece)
    shift = np.array(stage.inputs["shift"])
    groups: list[dict[str, Any]] = []
    for label in sorted(sums):
        count, total = sums[label]
        mean = shift + total / count
        scores = rotate_scores(model, project(model, mean[np.newaxis]))[0]
        groups.append(
            {"group": label, "n": count, "mean": mean.tolist(), "scores": scores.tolist()}
        )
    document = {
        "model": stage.inputs["model"],
        "column": stage.inputs["options"]["group"],
        "names": stage.inputs["names"],
        "groups": groups,
        "left_out": [failure.part for failure in failures],
    }
    objects.put("groups.json", encode(document))
    return "groups.json"


def _add(sums: Sums, label: str, count: int, total: Array) -> None:
    before, sum_ = sums.get(label, (0, np.zeros(len(total))))
    sums[label] = before + count, sum_ + total
    if len(sums) > MOST_GROUPS:
        raise InvalidOption(
            f"the column of the groups must have at most {MOST_GROUPS} of them",
            got=f"more, such as {label!r}",
            remedy="choose another column, or leave group out",
            option="group",
        )


def _pack(sums: Sums) -> bytes:
    return encode({label: [count, total.tolist()] for label, (count, total) in sums.items()})


def _unpack(piece: bytes) -> Sums:
    return {label: (count, np.array(total)) for label, (count, total) in json.loads(piece).items()}
