"""What callers must know of each method: its options, bodies, answers and faults."""

from collections.abc import Mapping
from functools import reduce
from operator import or_

from meshlens.classify.answers import (
    AnyModel,
    BatchFacts,
    ChainDetection,
    Classification,
    Classifications,
    Detection,
    Detections,
    Models,
    Prediction,
    Shapes,
)
from meshlens.classify.errors import (
    EngineCrashed,
    EngineGone,
    ImageTooLarge,
    InvalidBody,
    InvalidImage,
    InvalidModel,
    InvalidOption,
    InvalidTensor,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
    ModelTooSlow,
    NotEnoughMemory,
    OutputTooLarge,
    RequestOver,
    WrongTask,
)
from meshlens.classify.formats.card import Task
from meshlens.classify.requests.batches import MOST_IMAGES, ImagesBody
from meshlens.classify.requests.bodies import ImageBody
from meshlens.classify.requests.forms import MULTIPART
from meshlens.classify.shadows.report import Report, Reports
from meshlens.classify.tasks.chain.answer import ChainAnswer
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.descriptions import FrameDescription
from meshlens.classify.tasks.detection.detector import DetectionAnswer
from meshlens.classify.tasks.lens import JSON, Answer
from meshlens.classify.tasks.options import ModelOptions, NoOptions
from meshlens.classify.tasks.table import TASKS
from meshlens.classify.tasks.tensors.predictor import PredictBody, PredictOptions
from meshlens.daprkit.application.operation import BodyType, FileForm, Operation
from meshlens.daprkit.errors import InputUnavailable
from meshlens.daprkit.reference.about import Announcement
from meshlens.daprkit.sidecar.referenced import URI_LIST

_FILE: Mapping[str, BodyType] = {
    "image/*": bytes,
    "application/octet-stream": bytes,
    URI_LIST: str,  # its address
}
_PICTURES: Mapping[str, BodyType] = {
    **_FILE,
    "application/x-www-form-urlencoded": bytes,  # what curl --data-binary says it sends
    JSON: ImageBody | ImagesBody,
    MULTIPART: FileForm("image", MOST_IMAGES),
}
_OF_PICTURES = (InvalidImage, ImageTooLarge, InvalidBody, InvalidOption, InputUnavailable)
_OF_MODELS = (ModelNotFound, ModelNotReady, ModelFailed, InvalidModel, WrongTask)
_OF_ENGINES = (
    InvalidTensor,
    NotEnoughMemory,
    OutputTooLarge,
    EngineGone,
    EngineCrashed,
    ModelTooSlow,
    RequestOver,
)
OF_TENSORS = (InvalidImage, ImageTooLarge, InvalidOption, *_OF_ENGINES)
_FAULTS = (*_OF_PICTURES, *_OF_MODELS, *_OF_ENGINES)
_NAME = "name of the model; name@label or name@version for one of its versions"
_PATH = {"name": "name of the model", "version": "number of the version"}


def _answer(
    task: Task,
    summary: str,
    one: type[Answer],
    several: type[Answer],
    result: BodyType,
    *others: type[Answer],
) -> Operation:
    """Return the operation of a task that takes images."""
    return Operation(
        summary=summary,
        options=TASKS[task].options,
        accepts=_PICTURES,
        body="a picture as its file has it, or in base64; or up to"
        f" {MOST_IMAGES} pictures as a form or as JSON, which are answered one by one",
        answers={
            name: reduce(or_, others, one | several)
            if name == JSON
            else str
            if name.startswith("text/")
            else bytes
            for name in one.media_types
        },
        answer="The answer for one picture, or the list of answers for a form or a list.",
        faults=_FAULTS,
        result=result,
    )


ANSWER: Mapping[Task, Operation] = {
    Task.CLASSIFY: _answer(
        Task.CLASSIFY,
        "Say what a picture shows.",
        Classification,
        Classifications,
        ClassificationAnswer | BatchFacts,
    ),
    Task.DETECT: _answer(
        Task.DETECT,
        "Find things in a picture.",
        Detection,
        Detections,
        DetectionAnswer | ChainAnswer | BatchFacts,
        ChainDetection,
    ),
}
PREVIEW = Operation(
    summary="Show a picture as the model sees it: its size, its colours or gray, upright.",
    options=ModelOptions,
    accepts={**_PICTURES, JSON: ImageBody, MULTIPART: FileForm("image")},
    body="a picture as its file has it, or in base64",
    answers={"image/png": bytes},
    answer="The picture that goes into the model.",
    faults=(*_OF_PICTURES, *_OF_MODELS),
    result=FrameDescription,
)
PREDICT = Operation(
    summary="Compute the outputs of any model from its named inputs, or from a picture.",
    options=PredictOptions,
    parameters={**_PATH, "name": _NAME},
    accepts={JSON: PredictBody | ImageBody, **_FILE},
    body="the inputs of a function of the model as nested lists, or a picture",
    answers={JSON: Prediction},
    answer="The outputs of the function.",
    faults=_FAULTS,
    result=Shapes,
)
MODELS = Operation(
    summary="List every version of every model, loaded or not.",
    verb="GET",
    options=NoOptions,
    answers={JSON: Models},
    answer="The versions and their states.",
    faults=(InvalidOption,),
)
MODEL = Operation(
    summary="Describe a model, or one version of it: its state, and how to call it.",
    verb="GET",
    options=NoOptions,
    parameters={**_PATH, "name": _NAME},
    answers={JSON: AnyModel},
    answer="The version; its inputs and outputs once it is loaded.",
    faults=(InvalidOption, ModelNotFound),
)
AGREEMENT = Announcement(
    name="agreement",
    topic="agreement",
    event_type="meshlens.agreement.v1",
    data=Report,
    summary="How far a shadow agreed with a version that answers, since the last such event: at"
    " most one a minute for each.",
    setting="AGREEMENT_TOPIC",
)
SHADOW = tuple(
    Operation(
        summary=summary,
        verb=verb,
        options=NoOptions,
        parameters={"name": _PATH["name"]},
        answers={JSON: Reports},
        answer="What was compared of each version that has answered.",
        faults=(InvalidOption, ModelNotFound),
    )
    for verb, summary in (
        ("GET", "Say how far the shadow of a model agrees with the versions that answer."),
        ("DELETE", "Begin to count anew how far the shadow of a model agrees; answers what was."),
    )
)
LOAD = Operation(
    summary="Load a version, whatever the settings say, and keep it loaded.",
    options=NoOptions,
    parameters=_PATH,
    answers={JSON: AnyModel},
    answer="The version in its resulting state: AVAILABLE, or END with an error.",
    faults=(InvalidOption, ModelNotFound, InvalidModel),
)
UNLOAD = Operation(
    summary="Unload a version once no request uses it.",
    options=NoOptions,
    parameters=_PATH,
    answers={JSON: AnyModel},
    answer="The version in its resulting state.",
    faults=(InvalidOption, ModelNotFound),
)
