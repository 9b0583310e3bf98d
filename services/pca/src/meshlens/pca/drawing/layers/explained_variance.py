"""The shares of the variance that the components explain, as bars in the legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from meshlens.pca.drawing.layer import Layer
from meshlens.pca.drawing.layout.legend import Section, bar
from meshlens.pca.drawing.scenes.plane import Plane

_MOST_BARS = 5


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedVariance(Layer[Plane]):
    """Bars of the first components in the legend; the two that are drawn in words."""

    plane: Plane

    @classmethod
    def of(cls, scene: Plane) -> Self:
        """Return the bars, which every picture of a plane has."""
        return cls(scene)

    def legend(self) -> Sequence[Section]:
        """Return a bar for each of the first components."""
        shares = self.plane.subject.model.explained_variance_ratio[:_MOST_BARS].tolist()
        bars = tuple(
            bar(f"PC {place + 1}", share, self.plane.component_class(place))
            for place, share in enumerate(shares)
        )
        return (Section("Explained variance", bars, elastic=True, repeats=True),)

    def spoken(self) -> Sequence[str]:
        """Return what the two components that are drawn explain."""
        ratio = self.plane.subject.model.explained_variance_ratio
        return [
            f"PC {place + 1} explains {100 * ratio[place]:.1f} % of the variance"
            for place in self.plane.components
        ]
