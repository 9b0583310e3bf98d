"""What a caller may choose about a picture; every choice has a default."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from meshlens.pca.errors import InvalidOption

Kind: TypeAlias = Literal["scores", "biplot", "loadings", "scree"]
EllipseKind: TypeAlias = Literal["none", "normal", "t", "confidence"]
Theme: TypeAlias = Literal["auto", "light", "dark"]
Aspect: TypeAlias = Literal["equal", "free"]
# How many of the outermost observations are labelled, or by what rule.
LabelRule: TypeAlias = Literal["auto", "outliers", "all", "none"]
Labels: TypeAlias = LabelRule | int
LABEL_RULES: tuple[LabelRule, ...] = get_args(LabelRule)


@dataclass(frozen=True, slots=True)
class Style:
    """Choices about a picture.

    Attributes:
        kind: scores are observations in the plane of two components, or two variables as they are.
        components: the two that are drawn, counted from 1; None is the first two, and the
            variables themselves where there are two of them.
        alpha: of a biplot: how much of the variance goes into the arrows.
        ellipse: drawn for each group, or for all observations.
        level: of the ellipse, between 0 and 1.
        labels: which observations are labelled; auto is outliers, and all of a few with names.
        arrows: the most that are drawn.
        kept: of a scree plot: the components that would be kept.
        theme: auto follows the reader's preference.
        aspect: equal makes one unit as long on either axis.
        title: above the picture.
        width: pixels, 320 or more.
        height: pixels, 320 or more.
    """

    kind: Kind = "scores"
    components: tuple[int, int] | None = None
    alpha: float = 1.0
    ellipse: EllipseKind = "none"
    level: float = 0.95
    labels: Labels = "auto"
    arrows: int = 12
    kept: int | None = None
    theme: Theme = "auto"
    aspect: Aspect = "equal"
    title: str = ""
    width: int = 640
    height: int = 480

    def choose_components(self, k: int) -> tuple[int, int]:
        """Return the places of the two components among the k that a model has.

        Raises:
            InvalidOption: the model has no such component, or the two are one.
        """
        first, second = self.components or (1, 2)
        if first == second or not 1 <= min(first, second) <= max(first, second) <= k:
            raise InvalidOption(
                f"components must be two different numbers from 1 to {k}",
                got=f"{first},{second}",
                remedy="choose two that there are, or leave the option out for the first two",
                option="components",
            )
        return first - 1, second - 1
