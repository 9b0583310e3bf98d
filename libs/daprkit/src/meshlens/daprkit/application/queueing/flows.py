"""Flows: the requests of one caller for one model, which share a worker's time with other flows."""

from dataclasses import dataclass
from typing import Self

from meshlens.daprkit.messages import Request

# Two names are a caller's own beside its sidecar's: see `callers`.
_FORGED = ", "


@dataclass(frozen=True, slots=True)
class Flow:
    """Whose requests they are, and what for.

    Attributes:
        caller: the app id of who calls; empty for all callers without one.
        model: what they call: a model, or a method that has none.
    """

    caller: str = ""
    model: str = ""

    @classmethod
    def of(cls, caller: str, model: str) -> Self:
        """Return the flow of a request; who claims the name of another app has none."""
        return cls("" if _FORGED in caller else caller, model)


NO_FLOW = Flow()


def name_model(request: Request, method: str) -> str:
    """Return the model that a request names by its path or by an option; else its method."""
    return request.parameters.get("name") or request.query.get("model") or method
