"""The description of a classifier: how it sees pictures, and what its numbers are taken for."""

from pydantic import BaseModel, Field

from meshlens.classify.formats.card import Resampling, Resize, Scores
from meshlens.classify.tasks.descriptions import Description, FrameDescription


class ImagesDescription(FrameDescription):
    """What the images of a classifier are, and how they become numbers."""

    layout: str = Field(description="nhwc or nchw; empty for gray without an axis of channels")
    resize: Resize = Field(description="how an image of another aspect becomes one of theirs")
    resampling: Resampling = Field(description="how pixels are computed when it is scaled")
    numbers: str = Field(description="what pixels from 0 to 255 become")
    assumed: str = Field(description="what of it neither the model nor its card says")


class ScoresDescription(BaseModel):
    """What the numbers of a classifier are."""

    name: str = Field(description="of the output")
    type: Scores = Field(description="what its numbers are")
    assumed: str = Field(description="what of it is only likely")


class ClassifierDescription(Description):
    """What a classifier takes and answers."""

    classes: int = Field(description="how many there are")
    subject: str = Field(description="what the images should show, in one word")
    input: ImagesDescription = Field(description="the images, and how they become numbers")
    output: ScoresDescription = Field(description="where the scores are")
