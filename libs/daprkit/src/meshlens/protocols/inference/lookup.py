"""Which version of a model a request means, or Triton's refusal."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.errors import Unavailable, UnknownLabel, UnknownModel, UnknownVersion
from meshlens.protocols.inference.refusals import invalid
from meshlens.protocols.models import Model, Models, State

_COMING = (State.START, State.LOADING)


@contextmanager
def lease(
    models: Models, name: str, version: str = "", *, key: str = "", computes: bool = True
) -> Iterator[Model]:
    """Keep a version loaded for as long as it is used.

    Args:
        models: where it is.
        name: of the model.
        version: its number or label; empty to leave the choice to the service.
        key: what the service may choose by.
        computes: whether it is used for more than a description of it.

    Raises:
        Refused: there is none, or it does not answer now.
        Fault: the key cannot be used.
    """
    is_number = version.isdecimal()
    with ExitStack() as stack:
        try:
            model = stack.enter_context(
                models.lease(
                    name,
                    version=version if is_number else "",
                    label="" if is_number else version,
                    key=key,
                    computes=computes,
                )
            )
        except UnknownModel as error:
            raise unknown(f"'{name}' is not found") from error
        except UnknownVersion as error:
            # Where the request names none, what has chosen one is in the error.
            what = f"'{name}' version {version} is not found" if version else f"'{name}': {error}"
            raise unknown(what) from error
        except UnknownLabel as error:
            raise invalid(
                f"failed to get model version from specified version string '{version}'"
                " (details: stol), version should be an integral value > 0"
            ) from error
        except Unavailable as error:
            raise _unavailable(models, name, version, error) from error
        yield model


def unknown(what: str) -> Refused:
    """Return the refusal of a request for a model or a version that is not there."""
    return Refused(Status.NOT_FOUND, f"Request for unknown model: {what}")


def _unavailable(models: Models, name: str, version: str, error: Unavailable) -> Refused:
    """Return the refusal for a version that is there: a retry helps only if it is on its way."""
    try:
        states = {it.version: it.state for it in models.versions(name)}
    except UnknownModel:
        return unknown(f"'{name}' is not found")
    if not version:
        version = next((number for number in states if states[number] in _COMING), "")
        if State.AVAILABLE in states.values() or (error.comes and not version):
            # Something else than the request has chosen one, or is awaited.
            status = Status.UNAVAILABLE if error.comes else Status.NOT_FOUND
            return Refused(status, f"Request for unknown model: '{name}': {error}")
        if not version:
            return unknown(f"'{name}' has no available versions")
    return Refused(
        Status.UNAVAILABLE,
        f"Request for unknown model: '{name}' version {version} is not at ready state",
    )
