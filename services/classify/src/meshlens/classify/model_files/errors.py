"""Why a model is not converted, or not kept, besides `meshlens.classify.errors`.

Fault
|-- TooFewPictures   there are not enough to convert with, and to compare answers
|-- NotConverted     the model cannot be converted
`-- NotBetter        the new one answers otherwise, or is neither faster nor smaller
"""

from meshlens.faults import Fault


class TooFewPictures(Fault):
    """There are not enough pictures to convert with, and to compare answers."""


class NotConverted(Fault):
    """The model cannot be converted."""


class NotBetter(Fault):
    """The new model answers otherwise, or is neither faster nor smaller: it is not kept."""
