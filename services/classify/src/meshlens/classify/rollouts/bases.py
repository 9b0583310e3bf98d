"""Whether requests can go back to the base version of a rollout."""

from collections.abc import Callable

from meshlens.classify.errors import InvalidRollout
from meshlens.classify.serving.rollout import Rollout
from meshlens.faults import Place

# Returns whether a version of a model answers, or will once it is wanted.
MayAnswer = Callable[[str, str], bool]


def check_base(model: str, rollout: Rollout, may_answer: MayAnswer) -> None:
    """Let pass who sends every request to the base version of a rollout, if it can answer.

    Raises:
        InvalidRollout: it cannot, so that every request would fail.
    """
    if rollout.target and not may_answer(model, rollout.target):
        raise InvalidRollout(
            f"expected the version {rollout.target} of {model} to go back to to answer",
            got="one whose files are gone, that cannot be loaded, or that was unloaded",
            remedy="mend it, or set a rollout with another base",
            places=[Place(field="base")],
        )
