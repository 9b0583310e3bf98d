"""What can go wrong around a domain.

    DaprkitError
    |-- CannotListen          the port is not to be had
    |-- WrongToken            the caller does not know the app's token
    |-- InvalidRequest        the request cannot be understood: query, verb, time limit
    |-- BodyTooLarge          more bytes than MAX_BODY
    |-- MethodNotFound        no route has that path
    |-- Busy                  every place in the queue is taken; carries the delay before a retry
    |-- CallerGone            the caller went away before its request was worked on
    |-- TimeLimitExceeded     the request's own time is over
    |-- EventNotConfirmed     the broker has not accepted the event of a result
    |-- StoreUnavailable      the state store does not answer
    `-- InputUnavailable      an address of the mesh does not give what it should

Exceptions carry facts. Which status code each becomes is the business of `status`.
"""


class DaprkitError(Exception):
    """Base of every error that daprkit raises on purpose."""


class CannotListen(DaprkitError):
    """The port is not to be had."""


class WrongToken(DaprkitError):
    """The caller does not know the app's token."""


class InvalidRequest(DaprkitError):
    """The request cannot be understood."""


class BodyTooLarge(DaprkitError):
    """The body has more bytes than the service takes."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"body must have at most {limit} bytes, got {size}; "
            "send less or raise MAX_BODY, which the sidecars' limits follow"
        )


class MethodNotFound(DaprkitError):
    """No route has the path that was called."""


class Busy(DaprkitError):
    """Every place in the queue is taken."""

    def __init__(self, limit: int, retry_after: float) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(
            f"at most {limit} requests may wait or run, and so many do; "
            f"retry after {retry_after:.2f} s"
        )


class CallerGone(DaprkitError):
    """The caller went away before its request was worked on."""


class TimeLimitExceeded(DaprkitError):
    """The request's own time is over."""


class EventNotConfirmed(DaprkitError):
    """The broker has not accepted the event of a result, so the result is not answered."""


class StoreUnavailable(DaprkitError):
    """The state store does not answer."""


class InputUnavailable(DaprkitError):
    """What stands at an address of the mesh is not to be had."""
