"""Which task a model has: what its card says, else what its tensors are."""

from dataclasses import dataclass
from typing import Any

from meshlens.classify.errors import InvalidModel, InvalidTensor
from meshlens.classify.formats.card import OutputPart, Task
from meshlens.classify.formats.labels import InvalidLabels
from meshlens.classify.tasks.detection.reading import recognise_detector
from meshlens.classify.tasks.lens import Lens, OpenedModel
from meshlens.classify.tasks.table import TASKS


@dataclass(frozen=True, slots=True)
class Choice:
    """What a model is used for.

    Attributes:
        task: its task.
        lens: what performs it, warmed up.
        reason: why that task, where the card does not say; empty if it does.
    """

    task: Task
    lens: Lens[Any, Any]
    reason: str = ""


def choose_task(model: OpenedModel, likely: Task) -> Choice:
    """Return the lens for a model.

    A task in the card is followed or refused. Else a detector is recognised by its outputs, and
    whatever is no detector and, where `likely` says so, no classifier, is served as tensors.

    Args:
        model: an opened one.
        likely: its task as far as its files and its card suggest one.

    Raises:
        InvalidModel: it does not fit the card, or its labels do not fit it.
    """
    if model.card.task or model.card.detection.is_given:
        task = model.card.task or Task.DETECT
        return Choice(task, _prepare(task, model))
    if marks := recognise_detector(model):
        task, reason = Task.DETECT, f"served as a detector because {marks}"
    else:
        task, reason = likely, ""
    if task is not Task.TENSOR:
        try:
            return Choice(task, _prepare(task, model), reason)
        except InvalidLabels:
            raise
        except (InvalidModel, InvalidTensor) as error:
            if model.card.output != OutputPart():
                raise InvalidModel(
                    error.expected,
                    got=error.got,
                    remedy=f"{error.remedy}; or say task: tensor in the card to serve it as it is",
                    places=error.places,
                ) from error
            reason = f"it is no model that {TASKS[task].does}: {error}"
    else:
        reason = "neither a card nor its outputs say that it classifies or detects"
    lens = _prepare(Task.TENSOR, model)
    return Choice(Task.TENSOR, lens, f"served as tensors because {reason}")


def _prepare(task: Task, model: OpenedModel) -> Lens[Any, Any]:
    lens = TASKS[task](model)
    lens.warm_up()
    return lens
