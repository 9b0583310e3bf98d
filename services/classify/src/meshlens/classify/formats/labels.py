"""The names of a model's classes."""

from dataclasses import dataclass

from meshlens.classify.errors import InvalidModel


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
    """Return the labels in a file with one per line.

    Raises:
        InvalidModel: it is not UTF-8.
    """
    text = decode_text(data).removesuffix("\n")
    return tuple(line.strip() for line in text.split("\n"))


def decode_text(data: bytes) -> str:
    """Return the text in a file beside a model.

    Raises:
        InvalidModel: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidModel(
            "expected labels and subject in UTF-8", got=str(error), remedy="convert the file"
        ) from error


def name_classes(labels: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """Return a name for each of the `classes` classes: its label, or its index if there are none.

    Raises:
        InvalidModel: there are labels, but not one for each class.
    """
    if not labels:
        return tuple(str(index) for index in range(classes))
    if len(labels) != classes:
        raise InvalidModel(
            f"expected {classes} labels, one for each class",
            got=f"{len(labels)}",
            remedy="correct the label file",
        )
    return labels
