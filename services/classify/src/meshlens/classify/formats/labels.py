"""The names of a model's classes."""

from dataclasses import dataclass

from meshlens.classify.errors import InvalidModel

# What the first line of a label file says where a model counts the background as a class.
BACKGROUND = "???"
_BACKGROUNDS = frozenset({BACKGROUND, "background", "__background__"})


class InvalidLabels(InvalidModel):
    """The labels cannot be read, or are not those of the model's classes."""


@dataclass(frozen=True, slots=True)
class Label:
    """One class that a picture may belong to.

    Attributes:
        index: of the class in the model's output.
        label: its name.
        probability: from 0 to 1.
    """

    index: int
    label: str
    probability: float


def decode_labels(data: bytes) -> tuple[str, ...]:
    """Return the labels in a file with one per line; empty lines at its end are none.

    Raises:
        InvalidLabels: it is not UTF-8, or empty.
    """
    lines = [line.strip() for line in decode_text(data).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InvalidLabels("expected labels, one per line", got="none", remedy="fill the file")
    return tuple(lines)


def has_background(labels: tuple[str, ...]) -> bool:
    """Return whether the first of `labels` stands for the background."""
    return bool(labels) and labels[0].strip().lower() in _BACKGROUNDS


def without_background(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return `labels` for a model that has no class for the background."""
    return labels[1:] if has_background(labels) else labels


def decode_text(data: bytes) -> str:
    """Return the text in a file beside a model.

    Raises:
        InvalidLabels: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidLabels(
            "expected labels and subject in UTF-8", got=str(error), remedy="convert the file"
        ) from error


def name_classes(labels: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """Return a name for each of the `classes` classes: its label, or its index if there are none.

    A first label that stands for the background is left out for a model that has no such class.

    Raises:
        InvalidLabels: there are labels, but not one for each class.
    """
    if not labels:
        return tuple(str(index) for index in range(classes))
    if len(labels) == classes + 1 and has_background(labels):
        return labels[1:]
    if len(labels) != classes:
        raise InvalidLabels(
            f"expected {classes} labels, one for each class",
            got=f"{len(labels)}",
            remedy="correct the label file: one line for each class, in the order of the output",
        )
    return labels
