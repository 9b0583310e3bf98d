"""What can go wrong between a picture and its labels.

    ClassifyError
    |-- InvalidImage      not an image, or one that cannot be decoded completely
    |-- ImageTooLarge     more pixels than MAX_PIXELS
    |-- InvalidOption     an unknown option, or a value out of range
    |-- InvalidBody       a content type or JSON body without an image
    |-- InvalidTensor     a model input with the wrong name, shape or type
    |-- NotEnoughMemory   model inputs for which there is not enough memory
    |-- WrongTask         a request for a task that is not the model's
    |-- ModelNotFound     no model, or no version of it, has that name
    |-- NoModels          the folder contains no models
    |-- ModelNotReady     the model is not AVAILABLE yet: a retry helps
    |-- ModelFailed       the model could not be loaded, or is unloaded: a retry does not help
    |-- InvalidModel      a model file that cannot be used: the reason of a failed load
    |-- InvalidRollout    a rollout that could not take effect
    |   `-- RolloutsDamaged   what the state store keeps of them cannot be read
    |-- RolloutChanged    a rollout that another has changed meanwhile
    |-- RolloutFixed      a rollout that calls may not change
    |-- RequestOver       nobody waited for a request any more when its model would have begun
    |-- OutputTooLarge    an answer with more numbers than can be sent
    |-- EngineGone        what ran the model has died: a retry helps
    |   |-- EngineCrashed     it has died of these inputs: a retry does not help
    |   `-- ModelTooSlow      it was ended because a call took too long
    |-- InvalidCatalogue  a catalogue that cannot be read
    `-- DownloadError     a model of the catalogue that did not arrive
        |-- OriginUnreachable   no answer from its origin
        |-- OriginRefused       an answer, but not the file
        `-- WrongDigest         a file, but not the one the catalogue names

Exceptions carry facts. Which status code each becomes is the business of `service`.
"""

from collections.abc import Iterable
from pathlib import Path

from meshlens.faults import Fault


class ClassifyError(Fault):
    """Base of every error that classify raises on purpose."""


class InvalidImage(ClassifyError):
    """The bytes are not an image that can be decoded completely."""


class ImageTooLarge(ClassifyError):
    """The picture has more pixels than may be decoded.

    Attributes:
        limit: pixels that are allowed.
    """

    def __init__(self, actual: str, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"picture must have at most {limit} pixels",
            got=actual,
            remedy="send a smaller one or raise MAX_PIXELS",
        )


class InvalidOption(ClassifyError):
    """An option is unknown, or its value is out of range."""


class InvalidBody(ClassifyError):
    """The content type or the JSON around the picture cannot be understood."""


class InvalidTensor(ClassifyError):
    """An input of a model is missing, unknown, or of another shape or type."""


class NotEnoughMemory(ClassifyError):
    """A model needs more memory for its inputs than there is."""


class WrongTask(ClassifyError):
    """The model is for another task."""


class ModelNotFound(ClassifyError):
    """No model, or no version of it, has that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(
            f"expected one of the models {', '.join(known)}",
            got=repr(name),
            remedy="check the name",
            option="model",
        )


class NoModels(ClassifyError):
    """The model folder contains no models."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"expected models (.tflite, .pb, SavedModels, cards) in {folder}, found none",
            remedy="set MODELS to a folder that has some",
        )


class ModelNotReady(ClassifyError):
    """The model is not AVAILABLE yet.

    Attributes:
        name: of the model.
        state: the state it is in.
    """

    def __init__(self, name: str, state: str) -> None:
        self.name = name
        self.state = state
        super().__init__(
            f"model {name} must be AVAILABLE", got=state, remedy="try again in a moment"
        )

    def __str__(self) -> str:
        return f"{self.expected}, it is {self.got}; {self.remedy}"


class ModelFailed(ClassifyError):
    """The model is not AVAILABLE, and waiting does not help.

    Attributes:
        name: of the model.
        state: where it has stopped.
        cause: why, if loading it failed.
    """

    def __init__(self, name: str, state: str, cause: str) -> None:
        self.name = name
        self.state = state
        self.cause = cause
        super().__init__(
            f"model {name} must be AVAILABLE",
            got=f"{state}: {cause}",
            remedy="use another model or version, or fix this one",
        )

    def __str__(self) -> str:
        return f"{self.expected}, it is {self.got}; {self.remedy}"


class InvalidModel(ClassifyError):
    """A model file cannot be used."""


class InvalidRollout(ClassifyError):
    """A rollout could not take effect as it is."""


class RolloutsDamaged(InvalidRollout):
    """What the state store keeps of rollouts cannot be read, whatever a caller sends."""


class RolloutChanged(ClassifyError):
    """A rollout has been changed by another since its caller has read it."""


class RolloutFixed(ClassifyError):
    """A rollout cannot be changed by calls here."""


class EngineGone(ClassifyError):
    """The engine that ran the model has died; the model is loaded again."""


class EngineCrashed(EngineGone):
    """The engine has died while it computed with these inputs and no others."""


class ModelTooSlow(EngineGone):
    """The engine was ended because it computed longer than the request may take."""


class RequestOver(ClassifyError):
    """Nobody waited for a request any more when a model would have begun with it."""


class OutputTooLarge(ClassifyError):
    """The outputs of a model have more numbers than an answer may have."""


class InvalidCatalogue(ClassifyError):
    """A catalogue cannot be read."""


class DownloadError(ClassifyError):
    """A model of the catalogue did not arrive."""


class OriginUnreachable(DownloadError):
    """The origin of the model does not answer."""


class OriginRefused(DownloadError):
    """The origin answers, but not with the file."""


class WrongDigest(DownloadError):
    """The downloaded file is not the one that the catalogue names.

    Attributes:
        actual: SHA-256 of the downloaded file.
    """

    def __init__(self, url: str, expected: str, actual: str) -> None:
        self.actual = actual
        super().__init__(
            f"{url} must have sha256 {expected}",
            got=actual,
            remedy="it was thrown away, try again or correct the catalogue",
        )
