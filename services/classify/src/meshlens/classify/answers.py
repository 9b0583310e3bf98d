"""The answers in JSON as callers get them: those of the lenses, with the model that gave them.

Nothing makes these objects: an answer is written as the parts it has. They describe it, and tests
compare the two.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from meshlens.classify.methods import ModelDescription, ModelList
from meshlens.classify.requests.batches import BatchAnswer, BatchItem
from meshlens.classify.tasks.chain.answer import ChainAnswer, ChainDescription
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.classification.description import ClassifierDescription
from meshlens.classify.tasks.detection.detector import DetectionAnswer, DetectorDescription
from meshlens.classify.tasks.lens import ImageError
from meshlens.classify.tasks.tensors.predictor import TensorsAnswer, TensorsDescription


class Described(BaseModel):
    """An answer that pydantic looks at when a reference does; a start would have dozens of them."""

    model_config = ConfigDict(defer_build=True)


class OfModel(Described):
    """The model that has answered."""

    model: str = Field(description="its name")
    version: str = Field(description="its number")


class Classification(ClassificationAnswer, OfModel):
    """What an image shows, and which model says so."""


class Detection(DetectionAnswer, OfModel):
    """Where things are in an image, and which model says so."""


class ChainDetection(ChainAnswer, OfModel):
    """Where things are in an image and what each shows, and which chain of models says so."""


class Prediction(TensorsAnswer, OfModel):
    """The outputs of a model."""


class FailedImage(BatchItem, Described):
    """An image that was not answered."""

    error: ImageError = Field(description="why it was not")


class ClassifiedImage(ClassificationAnswer, BatchItem, Described):
    """What one image of several shows."""


class DetectedImage(DetectionAnswer, BatchItem, Described):
    """Where things are in one image of several."""


class ChainedImage(ChainAnswer, BatchItem, Described):
    """Where things are in one image of several, and what each shows."""


class Classifications(BatchAnswer, OfModel):
    """What each of several images shows, in the order of the request."""

    answers: Sequence[ClassifiedImage | FailedImage] = Field(description="one for each image")


class Detections(BatchAnswer, OfModel):
    """Where things are in each of several images, in the order of the request."""

    answers: Sequence[ChainedImage | DetectedImage | FailedImage] = Field(
        description="one for each image"
    )


class LoadedClassifier(ClassifierDescription, ModelDescription, Described):
    """A version of a model that classifies, loaded."""


class LoadedDetector(DetectorDescription, ModelDescription, Described):
    """A version of a model that detects, loaded."""


class LoadedChain(ChainDescription, ModelDescription, Described):
    """A chain of models, loaded."""


class LoadedPredictor(TensorsDescription, ModelDescription, Described):
    """A version of a model of any inputs and outputs, loaded."""


AnyModel = LoadedClassifier | LoadedDetector | LoadedChain | LoadedPredictor | ModelDescription


class Models(ModelList, Described):
    """Every version of every model."""

    models: Sequence[AnyModel] = Field(description="loaded or not")


class Refusal(Described):
    """Why an image was not answered, without what quotes it."""

    code: str = Field(description="name of the status code")


class RefusedImage(Described):
    """What an event says of an image that was not answered."""

    error: Refusal = Field(description="why it was not")


class BatchFacts(Described):
    """What the event of a request with several images says."""

    count: int = Field(description="how many images there were")
    failed: int = Field(description="how many of them have an error instead of an answer")
    answers: Sequence[ClassificationAnswer | ChainAnswer | DetectionAnswer | RefusedImage] = Field(
        description="one for each image"
    )


class Shapes(Described):
    """What the event of a prediction says."""

    shapes: dict[str, list[int]] = Field(description="of the outputs, by name")
