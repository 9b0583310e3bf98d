"""The methods that show, set and end the rollout of a model."""

from collections.abc import Mapping, Sequence

from meshlens.classify.errors import (
    InvalidOption,
    InvalidRollout,
    ModelNotFound,
    RolloutChanged,
    RolloutFixed,
    RolloutsDamaged,
)
from meshlens.classify.requests.bodies import encode_json
from meshlens.classify.rollout_description import RolloutDescription
from meshlens.classify.rollouts.bases import check_base
from meshlens.classify.rollouts.board import Board, Decide
from meshlens.classify.rollouts.documents import RolloutBody, RolloutChange, Ruled, parse_body
from meshlens.classify.serving.repository import Repository
from meshlens.classify.serving.rollout import Rollout
from meshlens.classify.serving.versions import State
from meshlens.classify.shadows.shadows import Shadows
from meshlens.classify.tasks.lens import JSON
from meshlens.classify.tasks.options import NoOptions, parse_options
from meshlens.daprkit.application.lanes import Lane
from meshlens.daprkit.application.operation import Operation
from meshlens.daprkit.application.routing import Route
from meshlens.daprkit.errors import StoreUnavailable
from meshlens.daprkit.messages import Reply, Request
from meshlens.daprkit.reference.about import Announcement
from meshlens.faults import Place

# Seconds that setting a rollout waits for versions to be loaded, if its caller waits for longer.
LONGEST_LOAD = 300.0

CHANGES = Announcement(
    name="rollout",
    topic="rollouts",
    event_type="meshlens.rollout.v1",
    data=RolloutChange,
    summary="A rollout was set, has ended, or went back, by a call or by itself.",
    setting="ROLLOUT_TOPIC",
)

_PARAMETERS = {"name": "name of the model"}
_CHANGED = (
    InvalidOption,
    InvalidRollout,
    ModelNotFound,
    RolloutChanged,
    RolloutFixed,
    RolloutsDamaged,
    StoreUnavailable,
)
_ANSWERS = {JSON: RolloutDescription}
_SHOW = Operation(
    summary="Show how the requests of a model are shared out among its versions.",
    verb="GET",
    options=NoOptions,
    parameters=_PARAMETERS,
    answers=_ANSWERS,
    answer="The rollout, and what comes of it here and now.",
    faults=(InvalidOption, ModelNotFound),
)
_SET = Operation(
    summary="Share out the requests of a model once every version that is named answers.",
    options=NoOptions,
    parameters=_PARAMETERS,
    accepts={JSON: RolloutBody},
    body="the rollout; it replaces the one before it",
    answers=_ANSWERS,
    answer="The rollout, which every replica has within a second.",
    faults=_CHANGED,
)
_END = Operation(
    summary="End the rollout of a model.",
    verb="DELETE",
    options=NoOptions,
    parameters=_PARAMETERS,
    answers=_ANSWERS,
    answer="That there is none.",
    faults=_CHANGED,
)
_ROLL_BACK = Operation(
    summary="Send every request of a model back to the base version of its rollout.",
    options=NoOptions,
    parameters=_PARAMETERS,
    answers=_ANSWERS,
    answer="The rollout, which every replica has within a second.",
    faults=_CHANGED,
)


class RolloutCalls:
    """Answers the methods about rollouts.

    Args:
        board: knows the rollouts.
        repository: the models.
        shadows: knows how far shadows agree; if not given, that is left out.
        keeps_answers: whether answers are kept, which take no version any time.
    """

    def __init__(
        self,
        board: Board,
        repository: Repository,
        shadows: Shadows | None = None,
        *,
        keeps_answers: bool = False,
    ) -> None:
        self._shadows = shadows
        self._keeps_answers = keeps_answers
        self._board = board
        self._repository = repository

    def routes(self) -> Sequence[Route]:
        """Return which method answers which path."""
        return (
            Route(
                "models/<name>/rollout",
                self.answer,
                verbs=("GET", "POST", "PUT", "DELETE"),
                lanes=dict.fromkeys(("POST", "PUT", "DELETE"), Lane.ADMIN),
                operations=(_SHOW, _SET, _END),
            ),
            Route(
                "models/<name>/rollout/back",
                self.roll_back,
                lane=Lane.ADMIN,
                operations=(_ROLL_BACK,),
            ),
        )

    def answer(self, request: Request) -> Reply:
        """Show, set or end a rollout, by the verb."""
        match request.verb:
            case "POST" | "PUT":
                return self._set(request)
            case "DELETE":
                return self._end(_name(request))
            case _:
                return self._show(_name(request))

    def roll_back(self, request: Request) -> Reply:
        """Send every request to the base version, which need not be loaded for it."""
        name = _name(request)

        def go_back(rollout: Rollout | None) -> Rollout:
            if rollout is None or rollout.target is None:
                raise InvalidRollout(
                    f"expected a rollout of {name} with weights",
                    got="none to go back from",
                    remedy="set one",
                )
            check_base(name, rollout, self._repository.may_answer)
            return rollout.roll_back()

        return self._change(request, go_back)

    def _set(self, request: Request) -> Reply:
        name, body = _name(request), parse_body(request.body)
        self._board.check(name)
        if self._keeps_answers and body.judge and body.judge.latency is not None:
            raise InvalidRollout(
                "expected ANSWER_CACHE=0 where latency is judged",
                got="answers that are kept, of one version more than of another",
                remedy="judge errors or agreement, or keep no answers",
                places=[Place(field="judge.latency")],
            )
        rollout = Rollout.model_validate(body.model_dump(exclude={"revision"}))
        with self._repository.prepared(name, rollout, min(request.time_limit, LONGEST_LOAD)):
            return self._change(request, lambda _: rollout, body.revision)

    def _end(self, name: str) -> Reply:
        # That of a model whose files are gone can be ended, too; else it would hold for ever.
        if self._board.find(name)[0].rollout is None:
            self._repository.servables(name)
        self._board.change(name, lambda _: None)
        return self._show(name)

    def _change(self, request: Request, decide: Decide, revision: int | None = None) -> Reply:
        name = _name(request)
        self._repository.servables(name)
        self._board.change(name, decide, revision)
        return self._show(name)

    def _show(self, name: str) -> Reply:
        return Reply(
            encode_json(self.describe(name).model_dump(mode="json", exclude_none=True)), JSON
        )

    def warnings(self) -> Sequence[str]:
        """Return why what holds is not what was last said."""
        return self._board.warnings()

    def find(self, name: str) -> RolloutDescription | None:
        """Return how the requests of a model are shared out now; None without a rollout."""
        described = self.describe(name)
        return described if described.rollout else None

    def find_all(self) -> Mapping[str, RolloutDescription]:
        """Return how the requests of each model that is there and has a rollout are shared out."""
        there = {it.source.model for it in self._repository.servables()}
        return {
            name: described
            for name in sorted(there & self._board.held().keys())
            if (described := self.find(name))
        }

    def describe(self, name: str) -> RolloutDescription:
        """Return how the requests of a model are shared out now.

        Raises:
            ModelNotFound: there is none of that name, and it has had no rollout.
        """
        ruled, source = self._board.find(name)
        try:
            states = {it.source.version: it.state for it in self._repository.servables(name)}
        except ModelNotFound:
            if ruled == Ruled():
                raise
            states = {}
        held = self._repository.find_rollout(name)
        described = _describe(name, ruled, source, states, held)
        if self._shadows and ruled.rollout and ruled.rollout.shadow:
            described.agreement = self._shadows.sum_up(name)
        return described


def _name(request: Request) -> str:
    parse_options(NoOptions, request.query)
    return request.parameters["name"]


def _describe(
    name: str, ruled: Ruled, source: str, states: Mapping[str, State], held: Rollout | None
) -> RolloutDescription:
    rollout = ruled.rollout
    if rollout is None:
        return RolloutDescription(model=name, source=source, revision=ruled.revision)
    weights = {
        version: weight
        for version, weight in (held.weights if held else {}).items()
        if weight and states.get(version) is State.AVAILABLE
    }
    if not weights and held and held.target and states.get(held.target) is State.AVAILABLE:
        weights = {held.target: 100.0}  # it answers in place of those that cannot
    total = sum(weights.values())
    named = sorted(rollout.versions, key=int)
    return RolloutDescription(
        model=name,
        source=source,
        revision=ruled.revision,
        rollout=rollout,
        reason=ruled.reason,
        shares={version: round(100 * weight / total, 2) for version, weight in weights.items()},
        states={version: states[version] for version in named if version in states},
        missing=[version for version in named if version not in states],
    )
