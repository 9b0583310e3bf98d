"""The lifecycle as a state machine: whatever comes in whatever order, its promises hold."""

from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from meshlens.classify.errors import ModelNotFound
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.policy import Rules, next_action
from meshlens.classify.serving.registry import Registry
from meshlens.classify.serving.stages import LEAVING, LOADING, RESERVED, Stage
from meshlens.classify.serving.steps import Evict, Forget, Key, Unload, WaitUntil
from meshlens.classify.serving.version_policy import parse_policy
from meshlens.classify.serving.versions import LAST_RETRY, Version
from meshlens.classify.storage.source import Source

MODELS = ("a", "b")
NUMBERS = ("1", "2", "3")
BUDGET = 6
# One version is larger than the budget.
SIZES = {
    Key(model, number): size
    for (model, number), size in zip(
        [(model, number) for model in MODELS for number in NUMBERS], (1, 2, 3, 2, 7, 4), strict=True
    )
}
KEYS = st.sampled_from(sorted(SIZES))


def first_content(version: Version) -> Key:
    return Key(version.source.model, version.source.version)


class Lifecycle(RuleBasedStateMachine):
    """Requests, the operator, the folder and the clock against the policy.

    What takes long, fetching, opening and closing, ends when a rule says so: the versions and
    their transitions are the real ones.
    """

    @initialize(
        policy=st.sampled_from(["latest", "latest:2", "all", "a@1,b@3"]),
        labels=st.sampled_from(["", "a@stable=1"]),
        budget=st.sampled_from([0, BUDGET]),
        there=st.sets(KEYS),
    )
    def begin(self, policy: str, labels: str, budget: int, there: set[Key]) -> None:
        parsed = parse_policy(policy, labels)
        self.registry = Registry(parsed)
        self.given = Rules(parsed, budget, default="a")
        self.now = 0.0
        self.contents = dict.fromkeys(SIZES, 0)
        self.leases: list[Version] = []
        self.evictions = 0
        self.look(there)

    # What comes from outside

    @rule(there=st.sets(KEYS))
    def look(self, there: set[Key]) -> None:
        """The folder holds these versions now."""
        self.there = there
        self.refresh()
        self.settle()

    @rule(key=KEYS)
    def change(self, key: Key) -> None:
        """The files of a version are replaced, and what answers goes on."""
        self.contents[key] += 1
        answered = [version for version in self.registry if version.available]
        self.refresh()
        assert answered == [version for version in self.registry if version.available]
        self.settle()

    def refresh(self) -> None:
        self.registry.update(
            Source(key.model, key.version, (), content=str(self.contents[key]))
            for key in sorted(self.there)
        )

    @rule(model=st.sampled_from(MODELS), number=st.sampled_from(["", *NUMBERS]))
    def request(self, model: str, number: str) -> None:
        try:
            version = self.registry.find(model, number)
        except ModelNotFound:
            return  # not in the folder now, or the one that is labelled stable is not
        version.request(self.now)
        if version.available:
            version.users += 1
            self.leases.append(version)
        self.settle()

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(self.leases))
        self.leases.remove(version)
        version.users -= 1
        self.settle()

    @rule(key=KEYS, up=st.booleans())
    def call(self, key: Key, up: bool) -> None:  # noqa: FBT001 - drawn by name
        """The operator calls load or unload."""
        if version := self.find(key):
            if up:
                version.call_up(self.now)
            else:
                version.call_down()
            self.settle()

    @rule(key=KEYS)
    def lose(self, key: Key) -> None:
        if (version := self.find(key)) and version.available:
            version.lost()
            self.settle()

    @rule(seconds=st.sampled_from([1.0, 5.0, LAST_RETRY]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.settle()

    # What takes long and ends

    @rule(well=st.booleans())
    def finish_load(self, well: bool) -> None:  # noqa: FBT001 - drawn by name
        for version in self.registry:
            if version.stage in (Stage.FETCHING, Stage.OPENING):
                if well:
                    self.go_on(version)
                else:
                    version.failed("it is damaged", self.now)
        self.settle()

    @rule()
    def finish_close(self) -> None:
        for version in self.registry:
            if version.stage is Stage.CLOSING:
                self.go_on(version)
        self.settle()

    def go_on(self, version: Version) -> None:
        """End what takes long, as it should."""
        match version.stage:
            case Stage.FETCHING:
                version.fetched(bytes(SIZES[first_content(version)]))
            case Stage.OPENING:
                assert len(version.take_data()) == version.size
                version.opened(cast("Loaded", object()))  # nobody looks into it
            case Stage.CLOSING:
                assert version.take_loaded() is not None
                version.ended()

    # What the policy makes of it

    def settle(self) -> None:
        """Take steps until there is nothing to do but wait."""
        # From one stage to the next until it has to wait, some for each version: never for ever.
        for _ in range(4 * (len(SIZES) + len(self.registry.snapshots()))):
            before = self.registry.snapshots()
            action = next_action(before, self.given, self.now)
            assert action == next_action(before, self.given, self.now)
            if action is None:
                return
            if isinstance(action, WaitUntil):
                assert action.time > self.now
                return
            version = self.registry[action.version]
            if isinstance(action, Evict):
                self.check_eviction(action)
            if isinstance(action, Unload):
                self.check_replacement(version)
            version.take(action, self.now)
            if isinstance(action, Forget):
                self.registry.remove(action.version)
            assert self.registry.snapshots() != before
            self.check_budget()
        raise AssertionError("the policy does not come to rest")

    def check_eviction(self, action: Evict) -> None:
        """Nothing is evicted that is leaving already, or while what leaves is enough."""
        assert self.registry[action.version].stage is Stage.AVAILABLE
        staying = sum(it.size for it in self.registry if it.stage in RESERVED - LEAVING)
        assert staying + self.registry[action.for_].size > BUDGET

    def check_replacement(self, version: Version) -> None:
        """What is unloaded because its files have changed has a successor that answers."""
        newest, *_ = self.registry.contents(*first_content(version)[:2])
        replaced = version is not newest and version.available and version.override is not False
        if replaced and newest in self.registry.wanted(version.source.model):
            assert newest.available or newest.evicted

    @invariant()
    def check_budget(self) -> None:
        reserved = sum(it.size for it in self.registry if it.stage in RESERVED)
        assert not self.given.budget or reserved <= self.given.budget

    @invariant()
    def one_at_a_time_is_loaded(self) -> None:
        assert sum(version.stage in LOADING for version in self.registry) <= 1

    @invariant()
    def what_is_used_is_loaded_and_what_is_available_answers(self) -> None:
        for version in self.registry:
            assert version.loaded is not None or not version.available
            assert not version.users or version.stage is not Stage.CLOSING

    def teardown(self) -> None:
        """What is wanted and fits is loaded in the end, and what is not wanted is not."""
        if not hasattr(self, "registry"):
            return
        for version in self.leases:
            version.users -= 1
        self.settle()
        for _ in range(10 * len(SIZES)):
            for version in list(self.registry):
                self.go_on(version)
            self.now += LAST_RETRY
            self.settle()
        for version in self.registry:
            wanted = self.registry.wanted(version.source.model)
            if version not in wanted:
                # It serves on instead of one that is larger than the budget.
                needed = not all(it.available or it.evicted for it in wanted)
                stays = version.available and version.override is not False and needed
                assert stays or version.stage in (Stage.START, Stage.END)
            elif self.given.budget and SIZES[first_content(version)] > self.given.budget:
                assert version.state == "END" or version.stage in LOADING
            elif version.evicted:
                assert version.stage is Stage.END
                assert version.wished is None
            else:
                assert version.stage is Stage.AVAILABLE

    def find(self, key: Key) -> Version | None:
        return next((it for it in self.registry if first_content(it) == key), None)


Lifecycle.TestCase.settings = settings(deadline=None, max_examples=50, stateful_step_count=40)
TestLifecycle = Lifecycle.TestCase
