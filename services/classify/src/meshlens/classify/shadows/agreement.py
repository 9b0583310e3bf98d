"""How far two models agree on one input: by labels, by boxes, or by tensors."""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.errors import WrongTask
from meshlens.classify.formats.labels import Label
from meshlens.classify.tasks.chain.answer import ChainAnswer
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.detection.boxes import Box
from meshlens.classify.tasks.detection.detector import DetectionAnswer
from meshlens.classify.tasks.lens import Answer
from meshlens.classify.tasks.tensors.nested_lists import read_words
from meshlens.classify.tasks.tensors.predictor import TensorsAnswer

FIRST = 5
# Of two boxes of one label that show the same thing, intersection over union.
LEAST_OVERLAP = 0.5
# Of numbers that are the same: |a - b| <= ABSOLUTE + RELATIVE * |a|.
RELATIVE, ABSOLUTE = 1e-3, 1e-5
# Probabilities whose sum is 1 but for this are those of a distribution.
_ROUNDING = 0.01

K = TypeVar("K", bound=Hashable)
_Numbers: TypeAlias = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Labels:
    """How far two classifications agree.

    Attributes:
        same: whether the first label is the same.
        among: whether the first label of the one is among the other's first five.
        first: difference of the probability of the first label.
        largest: largest difference of the probability of a label that the one lists.
        distance: total variation, 0 to 1, of all labels that the one lists, the others as one
            label; `largest` if the probabilities are those of no distribution.
    """

    same: bool
    among: bool
    first: float
    largest: float
    distance: float


@dataclass(frozen=True, slots=True)
class Boxes:
    """How far two detections agree.

    Attributes:
        matched: the label of each box of the one that the other has, too.
        missing: the label of each box of the one that the other has not.
        additional: the label of each box that only the other has.
        overlap: intersection over union of those that match, all together.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    additional: tuple[str, ...]
    overlap: float

    @property
    def distance(self) -> float:
        """1 less the share of the boxes that match (the F1 score): 0 if all do, 1 if none does."""
        total = 2 * len(self.matched) + len(self.missing) + len(self.additional)
        return 1 - 2 * len(self.matched) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Tensors:
    """How far two sets of outputs agree.

    Attributes:
        within: whether all numbers are the same but for the tolerance.
        absolute: largest difference of two numbers; inf if they cannot be compared.
        relative: largest difference of two numbers, as a share of that of the one; likewise.
        unlike: names of the outputs that only one has, of another shape, of other texts, or of
            texts in one and numbers in the other.
    """

    within: bool
    absolute: float
    relative: float
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two answers to one input agree, whatever the task.

    Attributes:
        agreed: same first label; same boxes; or all numbers the same but for the tolerance.
        distance: of probabilities, of boxes, or the largest difference of two numbers; inf if
            outputs have other shapes.
        classes: each label of the answer, and whether the other agrees with it.
        first: what the answer says in a word or two: its first label, or how many boxes.
        other: likewise, of the other.
        among: whether the first label is among the other's first five.
        matched: boxes that both have.
        missing: boxes that the other has not.
        additional: boxes that only the other has.
        overlap: intersection over union of the boxes that match, all together.
    """

    agreed: bool
    distance: float
    classes: tuple[tuple[str, bool], ...] = ()
    first: str = ""
    other: str = ""
    among: bool = False
    matched: int = 0
    missing: int = 0
    additional: int = 0
    overlap: float = 0.0


def compare(answer: Answer, other: Answer) -> Comparison:
    """Return how far `other` agrees with an answer to the same input.

    Args:
        answer: may list some labels only.
        other: of the same task; of a classification, all labels.

    Raises:
        WrongTask: it is of another task, or `answer` is that of a chain.
    """
    match answer, other:
        case ClassificationAnswer(), ClassificationAnswer():
            labels = compare_labels(_by_name(answer.labels), _by_name(other.labels))
            first = answer.labels[0].label
            return Comparison(
                labels.same,
                labels.distance,
                ((first, labels.same),),
                first,
                other.labels[0].label,
                among=labels.among,
            )
        case ChainAnswer(), _:
            # By a file of rollouts, since a call is refused.
            raise WrongTask(
                "a shadow must be compared with a model",
                got="a chain, which joins others",
                remedy="leave the shadow out, or shadow the models that the chain joins",
            )
        case DetectionAnswer(), DetectionAnswer():
            boxes = compare_boxes(answer.boxes, other.boxes)
            return Comparison(
                not boxes.missing and not boxes.additional,
                boxes.distance,
                (*((it, True) for it in boxes.matched), *((it, False) for it in boxes.missing)),
                _count_boxes(answer.boxes),
                _count_boxes(other.boxes),
                matched=len(boxes.matched),
                missing=len(boxes.missing),
                additional=len(boxes.additional),
                overlap=boxes.overlap,
            )
        case TensorsAnswer(), TensorsAnswer():
            if any(other.shapes.get(it, shape) != shape for it, shape in answer.shapes.items()):
                # Nested lists without an element do not show it.
                return Comparison(agreed=False, distance=math.inf)
            tensors = compare_tensors(answer.outputs, other.outputs)
            return Comparison(tensors.within, tensors.absolute)
        case _:
            raise WrongTask(
                "a shadow must have the task of the version that answers",
                got=type(other).__name__,
                remedy="shadow a version of the same task",
            )


def compare_labels(answer: Mapping[K, float], other: Mapping[K, float]) -> Labels:
    """Return how far two classifications agree.

    Args:
        answer: probabilities by label, the most probable first; it need not list all.
        other: probabilities of all its labels, the most probable first. A label that it lacks has
            the probability 0 there.
    """
    first = next(iter(answer))
    best = list(islice(other, FIRST))
    differences = [abs(each - other.get(label, 0.0)) for label, each in answer.items()]
    largest = max(differences)
    distance = largest
    if abs(sum(other.values()) - 1) <= _ROUNDING and sum(answer.values()) <= 1 + _ROUNDING:
        listed = sum(other.get(label, 0.0) for label in answer)
        distance = min(1.0, (sum(differences) + abs(sum(answer.values()) - listed)) / 2)
    return Labels(best[0] == first, first in best, differences[0], largest, distance)


def compare_boxes(answer: Sequence[Box], other: Sequence[Box]) -> Boxes:
    """Return how far two detections agree.

    Boxes match if they have one label and overlap by `LEAST_OVERLAP`, those that overlap most
    first, and each box once.
    """
    overlaps = _overlap(_sides(answer), _sides(other))
    for row, box in enumerate(answer):
        for column, each in enumerate(other):
            if box.label != each.label:
                overlaps[row, column] = 0
    total, free, left = 0.0, set(range(len(other))), set(range(len(answer)))
    for place in np.argsort(-overlaps, axis=None, kind="stable"):
        row, column = divmod(int(place), len(other))
        if overlaps[row, column] < LEAST_OVERLAP:
            break
        if row in left and column in free:
            left.remove(row)
            free.remove(column)
            total += float(overlaps[row, column])
    return Boxes(
        tuple(box.label for row, box in enumerate(answer) if row not in left),
        tuple(answer[row].label for row in sorted(left)),
        tuple(other[column].label for column in sorted(free)),
        total,
    )


def compare_tensors(
    answer: Mapping[str, Any],
    other: Mapping[str, Any],
    *,
    rtol: float = RELATIVE,
    atol: float = ABSOLUTE,
) -> Tensors:
    """Return how far two sets of outputs agree.

    Args:
        answer: arrays or nested lists by name.
        other: likewise.
        rtol: share of a number by which the other may differ.
        atol: what the other may differ by besides.
    """
    unlike = list(answer.keys() ^ other.keys())
    within, absolute, relative = True, 0.0, 0.0
    for name in answer.keys() & other.keys():
        one, two = _read(answer[name]), _read(other[name])
        if one is None or two is None:
            if _differ(answer[name], other[name]):
                unlike.append(name)
            continue
        if one.shape != two.shape:
            unlike.append(name)
            continue
        difference = _subtract(one, two)
        size = np.abs(one.astype(np.float64))
        # What is infinite in one only is not the same, though a share of infinity is no bound.
        near = np.isfinite(difference) & (difference <= atol + rtol * size)
        within &= bool((near | (difference == 0)).all())
        absolute = max(absolute, float(difference.max(initial=0.0)))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            share = np.nan_to_num(difference / size, nan=math.inf, posinf=math.inf)
        relative = max(relative, float(np.where(difference == 0, 0.0, share).max(initial=0.0)))
    if unlike:
        return Tensors(
            within=False, absolute=math.inf, relative=math.inf, unlike=tuple(sorted(unlike))
        )
    return Tensors(within, absolute, relative)


def _subtract(one: _Numbers, two: _Numbers) -> NDArray[np.float64]:
    """Return how far numbers are apart: inf where only one of two is finite, or is a number."""
    if one.dtype.kind == two.dtype.kind != "f":
        # Integers beyond 2**53, which doubles would round: these bits are right, whatever the sign.
        larger, smaller = np.maximum(one, two), np.minimum(one, two)
        return (larger.astype(np.uint64) - smaller.astype(np.uint64)).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    return np.where(same, 0.0, np.where(np.isnan(apart), math.inf, apart))


def _by_name(labels: Iterable[Label]) -> Mapping[str, float]:
    """Return probabilities by name; of classes of one name, the most probable one."""
    named: dict[str, float] = {}
    for label in labels:
        named.setdefault(label.label, label.probability)
    return named


def _count_boxes(boxes: Sequence[Box]) -> str:
    return f"{len(boxes)} box" if len(boxes) == 1 else f"{len(boxes)} boxes"


def _sides(boxes: Sequence[Box]) -> NDArray[np.float64]:
    sides = [(box.x1, box.y1, box.x2, box.y2) for box in boxes]
    return np.array(sides, np.float64).reshape(-1, 4)


def _overlap(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union of each of n boxes with each of m, (n, m)."""
    lows = np.maximum(one[:, None, :2], two[None, :, :2])
    highs = np.minimum(one[:, None, 2:], two[None, :, 2:])
    shared = (highs - lows).clip(0).prod(axis=2)
    areas = [(sides[:, 2:] - sides[:, :2]).clip(0).prod(axis=1) for sides in (one, two)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    # What has no area overlaps with nothing but its like.
    like = (one[:, None] == two[None]).all(axis=2).astype(np.float64)
    overlap: NDArray[np.float64] = np.divide(shared, union, out=like, where=union > 0)
    return overlap


def _differ(one: object, two: object) -> bool:
    """Return whether two outputs that are no numbers differ."""
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return not np.array_equal(one, two)
    return bool(one != two)


def _read(output: object) -> _Numbers | None:
    """Return an output as numbers, None if it is of texts, even of those that look like numbers."""
    if isinstance(output, np.ndarray):
        if output.dtype.kind == "c":
            output = np.stack([output.real, output.imag], axis=-1)
        array = output
    else:
        try:
            array = np.asarray(output)
            if array.dtype.kind == "U":
                array = np.asarray(read_words(output))
        except ValueError:  # lists of unequal length
            return None
    if array.dtype.kind in "OSU":
        return None
    kept = array.dtype.kind in "iu"
    numbers: _Numbers = array if kept else array.astype(np.float64)
    return numbers
