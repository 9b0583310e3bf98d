"""The number of a class in a detector's output -> its name.

TFLite_Detection_PostProcess counts classes from 0 and has none for the background, while label
files for it often begin with one ("???" or "background"): then class 0 is the second line. The
TensorFlow Object Detection API counts from 1, as its label maps do. Other outputs are taken for
indices of the labels. In a card, `detection.first_class`, the number of the first label, overrides
all of this.
"""

from dataclasses import dataclass

from meshlens.classify.formats.labels import has_background


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of classes.

    Attributes:
        labels: their names, in order; empty if unknown.
        first: number of the class that the first label names.
    """

    labels: tuple[str, ...]
    first: int = 0

    def find(self, number: int) -> str:
        """Return the name of a class, its number if it has none."""
        index = number - self.first
        return (self.labels[index] if 0 <= index < len(self.labels) else "") or str(number)


def find_first_class(
    labels: tuple[str, ...], given: int | None, *, api: bool, separate: bool
) -> int:
    """Return the number of the class that the first of `labels` names.

    Args:
        labels: of the model.
        given: what the card says.
        api: whether the outputs are those of the TensorFlow Object Detection API.
        separate: whether classes have an output of their own.
    """
    if given is not None:
        return given
    lowest = 1 if api else 0
    return lowest - 1 if separate and has_background(labels) else lowest
