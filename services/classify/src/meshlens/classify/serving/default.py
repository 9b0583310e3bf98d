"""Which model answers requests that name none."""

from collections.abc import Iterable
from pathlib import Path

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.card import Kind
from meshlens.classify.formats.tflite import count_labels
from meshlens.classify.storage.source import Source
from meshlens.classify.tasks.table import TASKS


def choose_default(sources: Iterable[Source], folder: Path) -> str:
    """Return the name of the classifier with the most labels, of the largest among equals.

    Of each file only what names the labels is read, so that a service with gigabytes of models
    listens at once.

    Args:
        sources: one version of each model.
        folder: the models.
    """
    known = tuple(sources)
    if len(known) == 1:
        return known[0].model
    return max(known, key=lambda source: _measure_breadth(source, folder)).model


def _measure_breadth(source: Source, folder: Path) -> tuple[bool, int, int]:
    """Return whether a model classifies, how many labels it has, and the bytes of its file."""
    try:
        classifies, labels = TASKS[source.likely_task].names_classes, len(source.labels(folder))
        if source.kind is not Kind.TFLITE or not source.path.is_file():
            return classifies, labels, 0
        inside = 0 if source.card.output.label else count_labels(source.path)
        return classifies, inside or labels, source.path.stat().st_size
    except (InvalidModel, OSError):
        return False, 0, 0
