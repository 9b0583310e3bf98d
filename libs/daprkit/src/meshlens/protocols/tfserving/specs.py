"""Which model a request names, and which of its functions."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from meshlens.daprkit.application.status import Refused, Status
from meshlens.protocols.errors import (
    ProtocolFault,
    Unavailable,
    UnknownLabel,
    UnknownModel,
    UnknownVersion,
)
from meshlens.protocols.models import Function, Model, Models, State
from meshlens.protocols.tfserving.refusals import invalid, refuse

DEFAULT_SIGNATURE = "serving_default"
_SOON = (State.START, State.LOADING)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a request names.

    Attributes:
        name: of the model.
        version: its number, which may be 0; None if the service chooses.
        label: stands for a version; None without one.
        signature: of the function; the default one if empty.
        key: what the service may choose a version by; empty without one.
    """

    name: str
    version: int | None = None
    label: str | None = None
    signature: str = ""
    key: str = ""

    @property
    def wanted(self) -> str:
        """The version, as texts name it."""
        if self.version is None:
            return f"Latest({self.name})"
        return f"Specific({self.name}, {self.version})"


@contextmanager
def lease(models: Models, spec: ModelSpec, *, computes: bool = True) -> Iterator[Model]:
    """Keep the version that a request names loaded for as long as it is used.

    Args:
        models: where it is.
        spec: what the request names.
        computes: whether it is used for more than a description of it.

    Raises:
        Refused: there is none (NOT_FOUND; INVALID_ARGUMENT for a label), or it is on its way
            (UNAVAILABLE: the original does not listen until it has loaded its models).
        Fault: the key cannot be used.
    """
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    if spec.label == "":  # no request for whatever version answers
        raise _unknown_label(spec)
    version = "" if spec.version is None else str(spec.version)
    with ExitStack() as stack:
        try:
            model = stack.enter_context(
                models.lease(
                    spec.name,
                    version=version,
                    label=spec.label or "",
                    key=spec.key,
                    computes=computes,
                )
            )
        except (UnknownModel, UnknownVersion, UnknownLabel) as error:
            if spec.label is not None:
                raise _unknown_label(spec) from error
            if isinstance(error, UnknownVersion) and not version:
                raise _not_found(spec, error) from error
            raise _not_found(spec) from error
        except Unavailable as error:
            raise _explain(models, spec, version, error) from error
        yield model


def choose(model: Model, name: str) -> tuple[str, Function] | None:
    """Return a function of a model and its name, the default one for none; None if unknown."""
    name = name or next(iter(model.functions), DEFAULT_SIGNATURE)
    function = model.functions.get(name)
    return None if function is None else (name, function)


def _unknown_label(spec: ModelSpec) -> Refused:
    return invalid(f"Unrecognized servable version label: {spec.label}")


def _not_found(spec: ModelSpec, error: ProtocolFault | None = None) -> Refused:
    """Return the refusal; with an error where something else than the request has chosen."""
    why = f": {error}" if error else ""
    comes = isinstance(error, Unavailable) and error.comes
    status = Status.UNAVAILABLE if comes else Status.NOT_FOUND
    return refuse(status, f"Servable not found for request: {spec.wanted}{why}")


def _explain(models: Models, spec: ModelSpec, version: str, error: Unavailable) -> Refused:
    """Return why a version that is there does not answer."""
    versions = models.versions(spec.name)
    soon = [each for each in versions if each.state in _SOON and version in ("", each.version)]
    answers = any(each.state is State.AVAILABLE for each in versions)
    if not version and (answers or (error.comes and not soon)):
        # Something else than a number has chosen one, or is awaited.
        return _not_found(spec, error)
    if not soon:
        return _not_found(spec)
    return refuse(
        Status.UNAVAILABLE,
        f"Servable not found for request: {spec.wanted}: version {soon[0].version} is"
        f" {soon[0].state}; try again in a moment",
    )
