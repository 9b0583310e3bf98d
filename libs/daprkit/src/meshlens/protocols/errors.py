"""The errors of the protocols.

    ProtocolFault
    |-- UnknownModel      no model has that name
    |-- UnknownVersion    the model has no such version
    |-- UnknownLabel      no version of the model has that label
    `-- Unavailable       the version is there and does not answer now

`Models` raises them, and each protocol answers with a `status.Refused` of its own words.
"""

from meshlens.faults import Fault


class ProtocolFault(Fault):
    """Base of every error that the protocols raise on purpose."""


class UnknownModel(ProtocolFault):
    """No model has that name."""


class UnknownVersion(ProtocolFault):
    """The model has no such version."""


class UnknownLabel(ProtocolFault):
    """No version of the model has that label."""


class Unavailable(ProtocolFault):
    """The version is there and does not answer now.

    Args:
        expected: as of any fault.
        got: likewise.
        remedy: likewise.
        comes: whether it will answer, so that trying again helps.
    """

    def __init__(
        self, expected: str, *, got: str = "", remedy: str = "", comes: bool = False
    ) -> None:
        self.comes = comes
        super().__init__(expected, got=got, remedy=remedy)
