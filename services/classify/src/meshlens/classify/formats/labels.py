"""The names of a model's classes."""

from dataclasses import dataclass
from pathlib import Path

from meshlens.classify.errors import InvalidModel

# What the first line of a label file says where a model counts the background as a class.
_BACKGROUND = frozenset({"???", "background", "__background__"})


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


def find_label_file(model: Path) -> Path | None:
    """Return the file beside a model that holds its labels, None if none or several may.

    It has the model's name, or is the only one with `label` in its name.
    """
    own = model.with_suffix(".txt")
    beside = [own] if own.is_file() else sorted(model.parent.glob("*label*.txt"))
    return beside[0] if len(beside) == 1 else None


def decode_labels(data: bytes) -> tuple[str, ...]:
    """Return the labels in a file with one per line.

    Raises:
        InvalidLabels: it is not UTF-8.
    """
    text = decode_text(data).removesuffix("\n")
    return tuple(line.strip() for line in text.split("\n"))


def has_background(labels: tuple[str, ...]) -> bool:
    """Return whether the first of `labels` stands for the background."""
    return bool(labels) and labels[0].strip().lower() in _BACKGROUND


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

    Raises:
        InvalidLabels: there are labels, but not one for each class.
    """
    if not labels:
        return tuple(str(index) for index in range(classes))
    if len(labels) != classes:
        raise InvalidLabels(
            f"expected {classes} labels, one for each class",
            got=f"{len(labels)}",
            remedy="correct the label file",
        )
    return labels
