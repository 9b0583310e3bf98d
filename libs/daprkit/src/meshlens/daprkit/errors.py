"""The errors of daprkit.

    DaprkitError
    |-- CannotListen          the port cannot be bound
    |-- WrongToken            the caller does not know the app's token
    |-- NotAdministrator      the caller may not change what is served
    |-- ForeignPage           a page of another site has sent the request
    |-- InvalidRequest        the request cannot be understood: query, verb, time limit
    |   |-- WrongVerb         the method is called by another verb
    |   `-- HeadTooLarge      the headers by HTTP have too many bytes
    |-- BodyTooLarge          more bytes than MAX_BODY
    |-- TooManyBytes          the bodies of all requests have too many bytes together
    |-- SlowBody              the body did not come in time
    |-- AnswerTooLarge        an answer with more bytes than MAX_BODY
    |-- MethodNotFound        no route has that path
    |-- Stopping              the service is shutting down and takes no calls any more
    |-- Busy                  every place in the queue is taken; carries the delay before a retry
    |-- CallerGone            the caller went away before work on its request began
    |-- TimeLimitExceeded     the request's own time is over
    |-- EventsNotShown        the service keeps no events to show
    |-- IdempotencyKeyReused  another request has come with the same key
    |-- OutboxUnusable        the folder of the outbox cannot be written to
    |-- EventNotRecorded      the event of a result is not where it is promised to be
    |   |-- EventNotConfirmed the broker has not accepted it
    |   |-- OutboxFull        too many wait for the broker
    |   `-- OutboxUnavailable the outbox cannot be written
    |-- StoreUnavailable      the state store does not answer
    `-- InputUnavailable      the bytes at an address of the mesh cannot be read

Exceptions carry facts; `status` maps each to a status code.
"""

from meshlens.faults import Fault, name_reason


class DaprkitError(Fault):
    """Base of every error that daprkit raises on purpose."""


class CannotListen(DaprkitError):
    """The port cannot be bound."""


class WrongToken(DaprkitError):
    """The caller does not know the app's token."""


class NotAdministrator(DaprkitError):
    """The caller may not change what is served."""


class ForeignPage(DaprkitError):
    """A page of another site has sent the request, which may be an attack on this host."""


class InvalidRequest(DaprkitError):
    """The request cannot be understood."""


class WrongVerb(InvalidRequest):
    """The method is called by another verb.

    Attributes:
        allowed: the verbs it is called by.
    """

    def __init__(self, expected: str, *, got: str, remedy: str, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(expected, got=got, remedy=remedy)

    @property
    def reason(self) -> str:
        """That of its base: HTTP alone tells the two apart."""
        return name_reason(InvalidRequest)


class HeadTooLarge(InvalidRequest):
    """The path, the query and the headers have too many bytes."""


class BodyTooLarge(DaprkitError):
    """The body has more bytes than the service takes."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"body must have at most {limit} bytes",
            got=f"{size}",
            remedy="send less or raise MAX_BODY, which the sidecars' limits follow",
        )


class TooManyBytes(DaprkitError):
    """The bodies of all requests have too many bytes together.

    Attributes:
        retry_after: seconds before a retry.
    """

    def __init__(self, limit: int) -> None:
        self.retry_after = 1.0
        super().__init__(
            f"the bodies on their way must have at most {limit} bytes together",
            got="more",
            remedy="retry after a second",
        )


class SlowBody(DaprkitError):
    """The body did not come in time."""


class AnswerTooLarge(DaprkitError):
    """The answer has more bytes than the service sends."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"the answer must have at most {limit} bytes",
            got=f"{size}",
            remedy="request less at once, or raise MAX_BODY, which the sidecars' limits follow",
        )


class MethodNotFound(DaprkitError):
    """No route has the path that was called."""


class Stopping(DaprkitError):
    """The service is shutting down and takes no calls any more."""


class Busy(DaprkitError):
    """The queue is full.

    Attributes:
        limit: requests that may wait or run.
        retry_after: seconds before a retry.
    """

    def __init__(self, limit: int, retry_after: float) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(
            "the queue must have a free place",
            got=f"{limit} requests waiting or running",
            remedy=f"retry after {retry_after:.2f} s",
        )

    def __str__(self) -> str:
        return f"the queue is full ({self.got}); {self.remedy}"


class CallerGone(DaprkitError):
    """The caller went away before work on its request began."""


class TimeLimitExceeded(DaprkitError):
    """The request's own time is over."""


class EventsNotShown(DaprkitError):
    """The service keeps no events to show."""


class IdempotencyKeyReused(DaprkitError):
    """Another request has come with the same idempotency-key."""


class OutboxUnusable(DaprkitError):
    """The folder of the outbox cannot be written to."""


class EventNotRecorded(DaprkitError):
    """The event of a result is not where it is promised to be, so the result is withheld."""


class EventNotConfirmed(EventNotRecorded):
    """The broker has not accepted the event of a result, so the result is withheld."""


class OutboxFull(EventNotRecorded):
    """Too many events wait for the broker, so no further request is admitted."""


class OutboxUnavailable(EventNotRecorded):
    """The event of a result cannot be written to the outbox, so the result is withheld."""


class StoreUnavailable(DaprkitError):
    """The state store does not answer."""


class InputUnavailable(DaprkitError):
    """The bytes at an address of the mesh cannot be read."""
