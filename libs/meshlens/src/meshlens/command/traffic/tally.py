"""What a replay has found, counted; and the words for it."""

from collections import Counter
from dataclasses import dataclass, field

from meshlens.command.traffic.answers.comparison import Comparison, Deviation, Difference
from meshlens.command.traffic.exchange import Exchange


@dataclass(slots=True)
class Tally:
    """Counts of a replay.

    Attributes:
        equal: requests with the same answers.
        different: requests with others.
        unanswered: requests that neither server answered.
        left_out: requests that were not sent.
        places: how many requests differ there.
        deviations: the largest ones, by place.
    """

    equal: int = 0
    different: int = 0
    unanswered: int = 0
    left_out: int = 0
    places: Counter[str] = field(default_factory=Counter)
    deviations: dict[str, Deviation] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether there was something to compare, and no difference."""
        return bool(self.equal) and not self.different and not self.unanswered

    def add(self, comparison: Comparison | None) -> None:
        """Count a request; None if neither server answered it."""
        if comparison is None:
            self.unanswered += 1
            return
        if comparison.differences:
            self.different += 1
            self.places.update({it.place for it in comparison.differences})
        else:
            self.equal += 1
        for place, deviation in comparison.deviations.items():
            self.deviations[place] = self.deviations.get(place, Deviation()).larger(deviation)

    def describe(self) -> str:
        """Return the summary, in lines."""
        counts = {
            "equal": self.equal,
            "different": self.different,
            "answered by neither": self.unanswered,
            "not sent": self.left_out,
        }
        lines = [", ".join(f"{count} {what}" for what, count in counts.items())]
        if self.places:
            places = ", ".join(f"{place} {count}" for place, count in self.places.most_common())
            lines.append(f"requests that differ in: {places}")
        lines += [
            f"numbers of {place} differ by at most {it.absolute:.3g}, relative {it.relative:.3g}"
            for place, it in sorted(self.deviations.items())
            if it.absolute
        ]
        return "\n".join(lines)


def describe_difference(exchange: Exchange, difference: Difference) -> str:
    """Return one difference, in a line."""
    request = exchange.request
    note = difference.note and f" ({difference.note})"
    return (
        f"line {exchange.line}, {request.method} {request.path}: {difference.place}{note}:"
        f" {difference.first} | {difference.second}"
    )
