"""Which lens a task has. A new task is a module with its lens, and a line here."""

from collections.abc import Mapping
from typing import Any

from meshlens.classify.formats.card import Task
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.detection.detector import Detector
from meshlens.classify.tasks.lens import Lens
from meshlens.classify.tasks.tensors.predictor import Predictor

TASKS: Mapping[Task, type[Lens[Any, Any]]] = {
    Task.CLASSIFY: Classifier,
    Task.DETECT: Detector,
    Task.TENSOR: Predictor,
}
