"""The output of a classifier -> the probability of each class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from meshlens.classify.engines.engine import Tensor, TensorSpec
from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.card import Scores
from meshlens.classify.formats.producers import Numbers
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.faults import Place

# Floats of a softmax are off by less; of integers, each may be off by half a step.
_ROUNDING = 0.01
_SAY_TYPE = (
    "say output: {type: logits} or {type: probabilities} in a card if they are, else task: tensor"
)
_NO_CLASSES = {
    Numbers.INDICES: "the numbers of classes (of an argmax or a top-k)",
    Numbers.SORTED: "sorted scores without their classes (of a top-k)",
}


class ScoreOutput:
    """The output of a classifier, and how its numbers become probabilities.

    They are what the card says. If it says nothing, what the operators before them make: a softmax
    or a sigmoid makes probabilities. Of other operators, what comes out for a few pictures decides
    in `settle`: numbers from 0 to 1 with a sum of 1 are probabilities. Other reals are logits if
    there are labels, and so is a lone number that has both signs.

    A lone number is the probability of one label, or of the second of two.

    Args:
        spec: of the output, (1, ..., n), or (batch, ..., n).
        batch: how many pictures it answers; the first one counts.
        labels: how many labels there are, 0 if they are unknown.
        stated: what the card says that the numbers are, None if it does not.

    Raises:
        InvalidModel: it has no number for each class.

    Attributes:
        classes: how many there are.
        scores: what the numbers are taken for.
        settled: whether that is known without looking at what comes out.
        assumed: what of it is no more than likely; empty if nothing is.
    """

    def __init__(self, spec: TensorSpec, *, batch: int, labels: int, stated: Scores | None) -> None:
        self.spec = spec
        self._labelled = labels > 0
        self._numbers = _count_numbers(spec, batch)
        self._lone = self._numbers == 1
        self.classes = 2 if self._lone and labels != 1 else self._numbers
        if spec.numbers in _NO_CLASSES:
            raise self._refuse(_NO_CLASSES[spec.numbers], "serve it with task: tensor")
        self._distribution = spec.numbers is Numbers.DISTRIBUTION and stated is None
        if spec.numbers in (Numbers.DISTRIBUTION, Numbers.PROBABILITIES):
            stated = stated or Scores.PROBABILITIES
        elif stated is None and spec.dtype.kind in "iu" and not spec.quantization:
            raise self._refuse(f"integers of {spec.dtype} without a scale", _SAY_TYPE)
        self.settled = stated is not None
        self.scores = stated or Scores.LOGITS
        self.assumed = ""

    def settle(self, outputs: Sequence[Tensor]) -> None:
        """Decide by the `outputs` for some pictures what the numbers are.

        Raises:
            InvalidModel: they do not show it.
        """
        seen = np.array([self._reals(output) for output in outputs])
        seen = seen[np.isfinite(seen).all(axis=1)]
        within = bool(seen.size) and bool(((seen >= 0) & (seen <= 1)).all())
        if self._lone:
            self._settle_lone(seen, within=within)
        elif within and bool((np.abs(seen.sum(axis=1) - 1) <= self._tolerance).all()):
            self.scores, self._distribution = Scores.PROBABILITIES, True
        elif not self._labelled:
            raise self._refuse(
                f"{self._numbers} reals without labels: logits, a measure or an embedding",
                f"put a label file beside it, or {_SAY_TYPE}",
            )
        elif self.spec.numbers is Numbers.UNKNOWN:
            raise self._refuse("numbers of unknown operators whose sum is not 1", _SAY_TYPE)
        self.settled = True

    def _settle_lone(self, seen: NDArray[np.float64], *, within: bool) -> None:
        if self._labelled and self.spec.numbers is Numbers.REALS:
            return
        if not seen.size or within or seen.min() >= 0 or seen.max() <= 0:
            raise self._refuse("one number, which may be a logit or a measure", _SAY_TYPE)
        self.assumed = "its one number is the logit of class 1; output: {type: logits} says so"

    def read(self, output: Tensor) -> NDArray[np.float64]:
        """Return the probability of each class, (classes,).

        Raises:
            InvalidTensor: the model answers NaN or infinity.
            InvalidModel: the numbers are not what they are taken for.
        """
        real = self._reals(output)
        if np.isnan(real).any() or not np.isfinite(real.max()):
            raise InvalidTensor(
                "expected numbers from the model",
                got=f"{'NaN' if np.isnan(real).any() else 'infinity'} in {self.spec.name}",
                remedy="the model cannot judge this picture; check it with task: tensor",
                places=[Place(field=self.spec.name)],
            )
        if self.scores is Scores.LOGITS:
            real = _sigmoid(real) if self._lone else _softmax(real)
        else:
            self._check(real)
        if not self._lone or self.classes == 1:
            return real
        return np.array([1 - real[0], real[0]])

    def _check(self, real: NDArray[np.float64]) -> None:
        """Refuse what are no probabilities."""
        step = self.spec.quantization.scale if self.spec.quantization else 0.0
        low, high, total = real.min(), real.max(), real.sum()
        if low < -_ROUNDING - step or high > 1 + _ROUNDING + step:
            raise self._refuse(
                f"numbers from {low:.4g} to {high:.4g}",
                "say output: {type: logits} in a card if a softmax has to follow,"
                " else task: tensor",
            )
        if self._distribution and not self._lone and abs(total - 1) > self._tolerance:
            raise self._refuse(
                f"a softmax with a sum of {total:.4g}, which is not over the classes",
                "say output: {type: probabilities} in a card if each is one, else task: tensor",
            )

    @property
    def _tolerance(self) -> float:
        step = self.spec.quantization.scale if self.spec.quantization else 0.0
        return _ROUNDING + self._numbers * step / 2

    def _reals(self, output: Tensor) -> NDArray[np.float64]:
        """Return the numbers for the first picture, (n,)."""
        return dequantize(output, self.spec).reshape(-1)[: self._numbers]

    def _refuse(self, got: str, remedy: str) -> InvalidModel:
        return InvalidModel(
            f"expected {self.spec.name} to be a probability or a logit for each class",
            got=got,
            remedy=remedy,
            places=[Place(field="output.type")],
        )


def _softmax(real: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(real - real.max())
    probabilities: NDArray[np.float64] = powers / powers.sum()
    return probabilities


def _sigmoid(real: NDArray[np.float64]) -> NDArray[np.float64]:
    # Neither branch raises a large power of e.
    power = np.exp(-np.abs(real))
    share: NDArray[np.float64] = np.where(real >= 0, 1, power) / (1 + power)
    return share


def _count_numbers(spec: TensorSpec, batch: int) -> int:
    """Return how many numbers an output of shape (batch, 1, ..., 1, n) has for one picture."""
    *others, numbers = spec.shape or (0,)
    pictures, *ones = others or [1]
    if (
        numbers < 1
        or spec.dtype.kind not in "fiu"
        or pictures not in (batch, -1)
        or any(size not in (1, -1) for size in ones)
    ):
        raise InvalidModel(
            f"expected an output of shape ({batch}, classes)",
            got=f"{spec.name} of shape {spec.shape} and type {spec.dtype}",
            remedy="is this a classifier? If not, say task: tensor in a card",
            places=[Place(field=spec.name)],
        )
    return numbers
