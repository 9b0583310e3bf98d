"""What is served, and within which bounds."""

from dataclasses import dataclass

from meshlens.protocols.models import Models


@dataclass(frozen=True, slots=True)
class Offer:
    """What a service offers to clients of TensorFlow Serving.

    Attributes:
        models: the models.
        most_bytes: of one input, and of a body that is unpacked.
    """

    models: Models
    most_bytes: int
