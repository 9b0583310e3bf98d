"""What is served, and within which bounds."""

from dataclasses import dataclass

from meshlens.protocols.models import Models


@dataclass(frozen=True, slots=True)
class Offer:
    """What a service offers to clients of TensorFlow Serving.

    Attributes:
        models: the models.
        most_bytes: of one input, and of a body that is unpacked.
        admin: whether callers may choose which models are loaded.
    """

    models: Models
    most_bytes: int
    admin: bool = False
