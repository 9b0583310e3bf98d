"""Two models of the same classes: how their answers to pictures differ, and what they take."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from meshlens.classify.engines.engine import Elsewhere
from meshlens.classify.model_files.errors import NotBetter
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.shadows.agreement import FIRST, compare_labels
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.lens import Payload

_ROUNDS = 7
# So many answers of each model a round, at least: a clock of CPU has steps.
_LEAST_RUNS = 20
_MOST_RUNS = 40
# A file that is smaller by less is not smaller.
_SMALLER = 0.95


@dataclass(frozen=True, slots=True)
class Answers:
    """How the answers of a new model differ from those of an old one.

    Attributes:
        pictures: how many there were.
        same: for how many the first label is the same.
        among: for how many the old first label is among the new first five.
        mean: difference of the probability of the old first label, on average.
        largest: difference of the probability of any label of any picture.
    """

    pictures: int
    same: int
    among: int
    mean: float
    largest: float

    @property
    def agreement(self) -> float:
        """The share of the pictures with the same first label."""
        return self.same / self.pictures


@dataclass(frozen=True, slots=True)
class Costs:
    """What both models take.

    Attributes:
        old: milliseconds of CPU for a picture that is decoded already, the median of the rounds.
        new: likewise.
        ratios: of new to old in each round, in ascending order.
        old_bytes: of the old file or folder.
        new_bytes: of the new file.
    """

    old: float
    new: float
    ratios: tuple[float, ...]
    old_bytes: int
    new_bytes: int

    @property
    def faster(self) -> bool:
        """Whether the new one took less in every round."""
        return self.ratios[-1] < 1

    @property
    def smaller(self) -> bool:
        """Whether the new file is smaller."""
        return self.new_bytes <= self.old_bytes * _SMALLER


def compare_answers(
    old: Classifier, new: Classifier, pictures: Sequence[Path], max_pixels: int
) -> Answers:
    """Return how answers differ.

    Args:
        old: the model as it was.
        new: another one of the same classes.
        pictures: files.
        max_pixels: largest picture that is decoded.
    """
    same = among = 0
    differences: list[float] = []
    largest = 0.0
    for path in pictures:
        payload = Payload(path.read_bytes(), max_pixels)
        found = compare_labels(*(_answer(lens, payload) for lens in (old, new)))
        same += found.same
        among += found.among
        differences.append(found.first)
        largest = max(largest, found.largest)
    mean = sum(differences) / len(differences)
    return Answers(len(pictures), same, among, mean, largest)


def compare_costs(old: Loaded, new: Loaded, pictures: Sequence[Path], max_pixels: int) -> Costs:
    """Return what both take; in each round one computes after the other."""
    payloads = [Payload(path.read_bytes(), max_pixels) for path in pictures[:_MOST_RUNS]]
    runs = max(_LEAST_RUNS, len(payloads))
    taken: dict[int, list[float]] = {0: [], 1: []}
    sides = [
        (loaded, [loaded.lens.see(payload).pixels for payload in payloads]) for loaded in (old, new)
    ]
    for _ in range(_ROUNDS):
        for side, (loaded, shown) in enumerate(sides):
            lens = loaded.lens
            assert isinstance(lens, Classifier)  # noqa: S101 - for the type checker
            began = _cpu(loaded)
            for number in range(runs):
                lens.classify(shown[number % len(shown)], top_k=1)
            taken[side].append((_cpu(loaded) - began) / runs * 1000)
    ratios = sorted(after / before for before, after in zip(taken[0], taken[1], strict=True))
    return Costs(median(taken[0]), median(taken[1]), tuple(ratios), old.size, new.size)


def judge(answers: Answers, costs: Costs, least: float) -> None:
    """Refuse a new model that answers otherwise than the old one, or gains nothing.

    Args:
        answers: how they differ.
        costs: what both take.
        least: share of the pictures whose first label must be the same.

    Raises:
        NotBetter: so it is.
    """
    if answers.agreement < least:
        raise NotBetter(
            f"the first label must be the same for {least:.1%} of the pictures",
            got=f"{answers.agreement:.1%}",
            remedy="add pictures such as the model gets, or try --to float16; nothing was written",
            option="--least-agreement",
        )
    if not costs.faster and not costs.smaller:
        raise NotBetter(
            "the new model must be faster in every round, or its file smaller",
            got=f"{costs.ratios[0]:.2f} to {costs.ratios[-1]:.2f} of the CPU and"
            f" {costs.new_bytes / costs.old_bytes:.2f} of the bytes",
            remedy="keep the old one; nothing was written",
        )


def report(answers: Answers, costs: Costs) -> str:
    """Return lines about both, for people."""
    low, *_, high = costs.ratios
    share = f"{answers.agreement:.1%}"
    return (
        f"same first label: {answers.same} of {answers.pictures} pictures, {share}\n"
        f"old first label among the new first {FIRST}: {answers.among}\n"
        f"probabilities differ by at most {answers.largest:.3f}; that of the first label by"
        f" {answers.mean:.3f} on average\n"
        f"CPU for a picture: {costs.old:.2f} ms before, {costs.new:.2f} ms now; ratio"
        f" {median(costs.ratios):.2f}, {low:.2f} to {high:.2f} in {len(costs.ratios)} rounds\n"
        f"bytes: {costs.old_bytes} before, {costs.new_bytes} now; ratio"
        f" {costs.new_bytes / costs.old_bytes:.2f}"
    )


def _answer(lens: Classifier, payload: Payload) -> dict[int, float]:
    """Return the probability of each class by its index, the most probable first."""
    labels = lens.classify(lens.see(payload).pixels, top_k=len(lens.labels))
    return {label.index: label.probability for label in labels}


def _cpu(loaded: Loaded) -> float:
    """Return the seconds of CPU that have been taken by this process and the one of a model."""
    engine = loaded.engine
    # The number of the CPU clock of another process, as clock_getcpuclockid(3) makes it.
    other = time.clock_gettime(~engine.pid << 3 | 2) if isinstance(engine, Elsewhere) else 0.0
    return time.process_time() + other
