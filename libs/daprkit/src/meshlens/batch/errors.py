"""What can go wrong with a job.

BatchError
|-- PartFailed      a part of the input cannot be worked on
|-- InputChanged    the input is no longer what the plan has seen
|-- ObjectsFailed   the place of the objects cannot be read or written
`-- Cancelled       somebody has cancelled the job
"""

from meshlens.faults import Fault


class BatchError(Fault):
    """Base of every error of a job that is raised on purpose."""


class PartFailed(BatchError):
    """A part of the input cannot be worked on, however often it is tried."""


class InputChanged(BatchError):
    """The input is no longer what the plan has seen, so that the parts would not fit together."""


class ObjectsFailed(BatchError):
    """The place of the objects cannot be read or written; trying again may help."""


class Cancelled(BatchError):
    """Somebody has cancelled the job; what is done is kept."""
