"""How a shadow is asked what another version was asked."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from meshlens.classify.errors import WrongTask
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.tasks.classification.classifier import ClassifyOptions
from meshlens.classify.tasks.lens import Answer, Payload
from meshlens.classify.tasks.tensors.predictor import Predictor

# Asks a version what another one was asked. It is sent by name: a function of a module.
Ask: TypeAlias = Callable[[Loaded, Payload, Any], Answer]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a shadow consists of.

    Attributes:
        content: digest of all that its answers depend on.
        labels: of a classifier; None of others.
    """

    content: str
    labels: tuple[str, ...] | None


def ask_lens(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - those of its lens
    """Return what it says of a picture; of a classifier, all labels.

    Raises:
        WrongTask: it has another task.
        ClassifyError: as `Lens.answer` does.
    """
    if not isinstance(options, loaded.lens.options):
        raise WrongTask(
            "a shadow must have the task of the version that answers",
            got=f"one that {loaded.lens.does}",
            remedy="shadow a version of the same task",
        )
    if isinstance(options, ClassifyOptions):
        options = options.model_copy(update={"top_k": sys.maxsize})
    answer: Answer = loaded.lens.answer(payload, options)
    return answer


def ask_tensors(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - `PredictOptions`
    """Return its outputs for the inputs in `payload`.

    Raises:
        ClassifyError: as `Predictor.answer` does.
    """
    return Predictor(loaded.model).answer(payload, options)


def ask_tensors_of_picture(loaded: Loaded, payload: Payload, options: Any) -> Answer:  # noqa: ANN401 - the same
    """Return its outputs for the picture in `payload`.

    Raises:
        ClassifyError: as `Predictor.answer_picture` does.
    """
    return Predictor(loaded.model).answer_picture(payload, options)
