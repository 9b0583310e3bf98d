"""What is counted of a shadow; it takes no more memory however many inputs there are."""

import heapq
import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from meshlens.classify.shadows.agreement import Comparison

# The upper bounds of the distances that are counted apart; beyond the last one is the rest.
BOUNDS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
MOST_CLASSES = 1000
MOST_WORST = 10


@dataclass(slots=True)
class Seconds:
    """Times that have been taken.

    Attributes:
        total: all together.
        longest: the longest.
    """

    total: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.total += seconds
        self.longest = max(self.longest, seconds)


@dataclass(frozen=True, order=True, slots=True)
class Worst:
    """An input on which both differ much.

    Attributes:
        distance: how much; inf if they cannot be compared.
        number: of the comparison.
        sha256: of its bytes.
        answer: what the version that answers says, in a word or two.
        shadow: what the shadow says.
    """

    distance: float
    number: int
    sha256: str = field(compare=False)
    answer: str = field(compare=False)
    shadow: str = field(compare=False)


@dataclass(slots=True)
class Tally:
    """The counts, of one version that answers and one shadow.

    Attributes:
        offered: inputs that were drawn for the shadow.
        dropped: inputs that it never saw, by why.
        failed: inputs that it saw and did not answer, by the reason.
        compared: inputs that both have answered.
        agreed: of these, those on which they agree.
        among: of these, those with the first label among the shadow's first five.
        matched: boxes that both have.
        missing: boxes that the shadow has not.
        additional: boxes that only the shadow has.
        overlap: of the boxes that match, all together.
        distances: how many distances are up to each of `BOUNDS`, and beyond the last one.
        mean: of all finite distances.
        finite: how many there are of those.
        largest: the largest finite distance.
        seen: labels in the answers, at most `MOST_CLASSES`; the others are under the empty one.
        same: of these, those on which the shadow agrees.
        worst: the inputs with the largest distances, as a heap, if anything differs.
        answering: the seconds that the answers took.
        shadowing: those that the shadow took.
    """

    offered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    agreed: int = 0
    among: int = 0
    matched: int = 0
    missing: int = 0
    additional: int = 0
    overlap: float = 0.0
    distances: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    mean: float = 0.0
    finite: int = 0
    largest: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    worst: list[Worst] = field(default_factory=list)
    answering: Seconds = field(default_factory=Seconds)
    shadowing: Seconds = field(default_factory=Seconds)

    def add(self, found: Comparison, sha256: str, answering: float, shadowing: float) -> None:
        """Count a comparison.

        Args:
            found: how far both agree.
            sha256: of the input.
            answering: seconds that the answer took.
            shadowing: seconds that the shadow took.
        """
        self.compared += 1
        self.agreed += found.agreed
        self.among += found.among
        self.matched += found.matched
        self.missing += found.missing
        self.additional += found.additional
        self.overlap += found.overlap
        self.distances[bisect_left(BOUNDS, found.distance)] += 1
        if math.isfinite(found.distance):
            self.finite += 1
            # Not of their sum, which may be infinite.
            self.mean += (found.distance - self.mean) / self.finite
            self.largest = max(self.largest, found.distance)
        for label, agreed in found.classes:
            known = label if label in self.seen or len(self.seen) < MOST_CLASSES else ""
            self.seen[known] += 1
            self.same[known] += agreed
        if found.distance > 0:
            self._keep(Worst(found.distance, -self.compared, sha256, found.first, found.other))
        self.answering.add(answering)
        self.shadowing.add(shadowing)

    def _keep(self, worst: Worst) -> None:
        if len(self.worst) < MOST_WORST:
            heapq.heappush(self.worst, worst)
        else:
            heapq.heappushpop(self.worst, worst)
