"""What can go wrong with points, options and fits.

    PcaError
    |-- InvalidTable     the body cannot be read as a table of finite numbers
    |-- InvalidOption    an option is unknown, out of range or contradicts the table
    |-- NoVariance       the table is fine, but principal components are not defined for it
    `-- FitNotFound      no fit is kept under that id

Exceptions carry facts. Which status code each becomes is the business of `service`.
"""


class PcaError(Exception):
    """Base of every error that pca raises on purpose.

    Args:
        expected: what would have been right, as a clause ("rows must have equal length").
        got: what was there instead, with its place; rows and columns count from 1.
        remedy: what the caller can do about it.
    """

    def __init__(self, expected: str, *, got: str, remedy: str) -> None:
        self.expected = expected
        self.got = got
        self.remedy = remedy
        super().__init__(f"{expected}, got {got}; {remedy}")


class InvalidTable(PcaError):
    """The body cannot be read as a table of finite numbers."""


class InvalidOption(PcaError):
    """An option is unknown, out of range or contradicts the table."""


class NoVariance(PcaError):
    """The table is fine, but principal components are not defined for it."""


class FitNotFound(PcaError):
    """No fit is kept under that id."""
