"""What can go wrong with points, options and fits.

    PcaError
    |-- InvalidTable     the body cannot be read as a table of finite numbers
    |-- InvalidOption    an option is unknown, out of range or contradicts the table
    |-- NoVariance       the table is fine, but principal components are not defined for it
    |-- NotOffered       an answer of that type is not offered, or not installed
    `-- FitNotFound      no fit is kept under that id

Exceptions carry facts; `service` maps each to a status code.
"""

from meshlens.faults import Fault


class PcaError(Fault):
    """Base of every error that pca raises on purpose."""


class InvalidTable(PcaError):
    """The body cannot be read as a table of finite numbers."""


class InvalidOption(PcaError):
    """An option is unknown, out of range or contradicts the table."""


class NoVariance(PcaError):
    """The table is fine, but principal components are not defined for it."""


class NotOffered(PcaError):
    """An answer of that type is not offered, or what makes it is not installed."""


class FitNotFound(PcaError):
    """No fit is kept under that id."""
