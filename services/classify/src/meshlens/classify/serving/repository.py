"""The models of one folder: listing, leasing, loading and unloading them."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

from meshlens.classify.engines.engine import OpenEngine
from meshlens.classify.errors import (
    ClassifyError,
    EngineGone,
    InvalidModel,
    InvalidRollout,
    NoModels,
)
from meshlens.classify.formats.card import Task
from meshlens.classify.serving.default import choose_default
from meshlens.classify.serving.joining import Find, join, list_members
from meshlens.classify.serving.loader import Loader, Loads, OnChange
from meshlens.classify.serving.opening import Loaded, Prepared, Vouch, trust
from meshlens.classify.serving.policy import Rules
from meshlens.classify.serving.registry import Preparation, Registry, is_coming
from meshlens.classify.serving.rollout import (
    NOBODY,
    VERSION_HEADER,
    Asking,
    Rollout,
    Shadow,
    check_tasks,
)
from meshlens.classify.serving.room import explain_excess
from meshlens.classify.serving.stages import Stage
from meshlens.classify.serving.version_policy import VersionPolicy
from meshlens.classify.serving.versions import Servable, Version
from meshlens.classify.storage.folder import find_models
from meshlens.classify.storage.places import ANYWHERE, Places
from meshlens.classify.storage.source import Fetch, Source, read_model
from meshlens.classify.tasks.chain.chain import Spread, one_by_one
from meshlens.faults import Place

OnLease: TypeAlias = Callable[[str, str], None]
# Called with a model, a version, the seconds that it was used by a request, and its failure.
OnOutcome: TypeAlias = Callable[[str, str, float, BaseException | None], None]

_log = logging.getLogger(__name__)


class Repository:
    """Loads the models of a folder and leases those that are AVAILABLE.

    Args:
        folder: the models.
        open_engine: makes an engine from the bytes of a model.
        default: name of the model for requests that name none. If empty, the classifier with the
            most labels; among equals the one with the largest file.
        policy: which versions are wanted, and their labels.
        budget: bytes of all loaded models, 0 for no limit. The least recently used one is
            unloaded to make room, and loaded again when a request names it.
        fetch: returns the bytes of a model.
        places: where the files of models may be.
        vouch: verifies who made a model.
        spread: does the parts of a chain's work.

    Raises:
        NoModels: the folder holds none.
        ModelNotFound: none of them is called `default`.

    Attributes:
        default: name of the model for requests that name none.
    """

    def __init__(
        self,
        folder: Path,
        open_engine: OpenEngine,
        *,
        default: str = "",
        policy: VersionPolicy | None = None,
        budget: int = 0,
        fetch: Fetch = read_model,
        places: Places = ANYWHERE,
        vouch: Vouch = trust,
        spread: Spread = one_by_one,
    ) -> None:
        self._spread = spread
        self._versions = Registry(policy or VersionPolicy(), budget)
        self._versions.update(find_models(folder, places))
        if not self._versions.names:
            raise NoModels(folder)
        usable = (self._versions.newest_usable(name).source for name in self._versions.names)
        self.default = default or choose_default(usable, folder)
        self._versions.look_up(self.default)
        self._on_lease: OnLease = lambda _model, _version: None
        self._on_outcome: OnOutcome = lambda _model, _version, _seconds, _error: None
        self._loader = Loader(
            self._versions,
            folder,
            open_engine,
            rules=Rules(self._versions.policy, budget, self.default),
            fetch=fetch,
            vouch=vouch,
        )

    # Listing

    def servables(self, name: str = "") -> tuple[Servable, ...]:
        """Return every version as it is now, the newest of a model first.

        Args:
            name: of a model; all of them if it is empty.

        Raises:
            ModelNotFound: there is none of that name.
        """
        with self._versions.changed:
            names = [name] if name else self._versions.names
            for each in names:
                self._versions.look_up(each)
            shown = [it for each in names for it in self._versions.servables(each)]
            return tuple(map(self._show, shown))

    @property
    def ready(self) -> bool:
        """Whether the default model answers, and nothing is still awaited for the first time.

        What changes later does not make a service unready that can answer, but for its end.
        """
        with self._versions.changed:
            return self._is_ready()

    def readiness(self) -> Mapping[str, bool]:
        """Return whether each model answers, and under the empty name whether `ready`.

        Whatever else shows a state of the models shows the same one.
        """
        with self._versions.changed:
            answers = {
                name: not (self._versions.leaving or self._versions.refuses(name))
                and any(version.available for version in self._versions.of(name))
                for name in self._versions.names
            }
            return {"": self._is_ready(), **answers}

    def _is_ready(self) -> bool:
        return (
            self._versions.complete
            and self._versions.rollouts is not None
            and self._versions.can_answer(self.default)
        )

    def describe(self, name: str, version: str = "") -> Servable:
        """Return a version as it is now, the one that would answer if `version` is empty.

        Raises:
            ModelNotFound: there is none.
        """
        with self._versions.changed:
            key = self._versions.find(name, version).key
            return self._show(self._versions.servable(*key[:2]))

    def warnings(self) -> Sequence[str]:
        """Return which labels and rollouts name what is not there, or is too much together."""
        with self._versions.changed:
            rollouts = self._versions.rollouts or {}
            labels = [
                f"MODEL_LABELS says {name}@{label}={number}, but there is no version {number} of"
                f" {name}; put it there or correct the setting"
                for name, labels in self._versions.policy.labels.items()
                for label, number in labels.items()
                if label not in (rollouts[name].labels if name in rollouts else {})
                and not self._versions.contents(name, number)
            ]
            missing = [
                f"the rollout of {name} names version {number}, which is not there; put it there or"
                " change the rollout"
                for name, rollout in rollouts.items()
                for number in sorted(rollout.versions, key=int)
                if not self._versions.contents(name, number)
            ]
            misfits = [
                self._versions.explain_misfit(name, excess)
                for name, excess in self._versions.misfits.items()
            ]
            mixed = filter(None, (self._explain_tasks(*each) for each in rollouts.items()))
            return [*labels, *missing, *misfits, *mixed]

    def _explain_tasks(self, name: str, rollout: Rollout) -> str:
        """Return why versions that a rollout names cannot stand for one another, if that is so.

        One of a file is not refused for it: its versions are loaded after it was read.
        """
        try:
            check_tasks(rollout, self._find_tasks(name))
        except InvalidRollout as error:
            return f"the rollout of {name} makes requests fail: {error}"
        return ""

    def labels(self, name: str) -> Mapping[str, str]:
        """Return the version that each label of a model stands for; it need not be there."""
        return self._versions.policy.labels.get(name, {})

    @property
    def evictions(self) -> int:
        """How many versions have been unloaded because of the budget."""
        return self._loader.evictions

    @property
    def loads(self) -> Mapping[tuple[str, str], Loads]:
        """What loading each version has taken so far, by model and number."""
        return {**self._loader.loads}

    # Requests

    def report_leases(self, on_lease: OnLease) -> None:
        """Call a function with the model and the number of each version that a request means.

        It is called whether the version answers or not.
        """
        self._on_lease = on_lease

    def report_outcomes(self, on_outcome: OnOutcome) -> None:
        """Call a function when a request has computed by a version, in whatever thread it did."""
        self._on_outcome = on_outcome

    @contextmanager
    def lease(
        self,
        name: str = "",
        version: str = "",
        asking: Asking = NOBODY,
        *,
        computes: bool = True,
    ) -> Iterator[Servable]:
        """Keep a version loaded for as long as it is used; a chain with all that it joins.

        Args:
            name: of the model; the default one if it is empty.
            version: its number or label; if empty, `Registry.find` says which.
            asking: who asks, which decides where a rollout shares out requests.
            computes: whether it is used for more than to show what it is; only then is told how
                that has ended.

        Raises:
            ModelNotFound: no model has that name, or not that version.
            ModelNotReady: it is not AVAILABLE yet.
            ModelFailed: it will not be AVAILABLE by waiting.
            InvalidModel: it is a chain whose members do not fit it, or the budget.
            EngineGone: its engine has died while it was used; it is loaded again.
        """
        changed = self._versions.changed
        with changed:
            found = self._versions.find(name or self.default, version, asking)
            self._on_lease(*found.key[:2])
            self._claim(found)
            now = found.now()
            members: Sequence[Version] = ()
            if found.source.card.chain:
                # Twice the same member is the same version, whatever is drawn.
                find = cache(partial(self._versions.find, asking=_ask_members(asking)))
                self._check_room(found, find)
                joined = join(
                    found,
                    find,
                    claim=self._claim,
                    using=self._using,
                    spread=self._spread,
                )
                now, members = replace(now, loaded=joined.loaded), joined.versions
            for each in (found, *members):
                each.users += 1
        began, failure = time.perf_counter(), None
        try:
            with self._using(found, now.loaded) if not members else nullcontext():
                yield now
        except BaseException as error:
            failure = error
            raise
        finally:
            if computes:
                self._on_outcome(*found.key[:2], time.perf_counter() - began, failure)
            with changed:
                for each in (found, *members):
                    each.users -= 1
                    if not each.users and not each.available:
                        changed.notify_all()  # it may be closed

    def _check_room(self, chain: Version, find: Find) -> None:
        """Check that what a chain joins can be loaded at the same time, as far as is known.

        Raises:
            InvalidModel: it cannot.
        """
        budget = self._versions.budget
        excess = explain_excess(list_members(chain, find), budget)
        if excess:
            raise InvalidModel(
                f"what the chain {chain.source.model} joins must be loaded together within"
                f" MODEL_BUDGET, {budget} bytes",
                got=excess,
                remedy="raise MODEL_BUDGET, or join smaller models",
            )

    def _claim(self, version: Version) -> None:
        """Note a request for a version, which must be AVAILABLE; the caller holds the lock."""
        version.request(time.monotonic())
        if not version.available:
            self._versions.changed.notify_all()  # the request may cause a reload
        version.check()

    @contextmanager
    def _using(self, version: Version, loaded: Loaded | None) -> Iterator[None]:
        """Load a version again if its engine dies in this context."""
        try:
            yield
        except EngineGone as error:
            self._loader.lose(version, loaded, str(error))
            raise

    def _show(self, servable: Servable) -> Servable:
        """Return a chain with its members, or a warning that says why a call would be refused."""
        source = servable.source
        if not source.card.chain or servable.loaded is None:
            return servable
        chain = self._versions.find(source.model, source.version)
        try:
            self._check_room(chain, self._versions.find)
            loaded = join(chain, self._versions.find).loaded
        except ClassifyError as error:
            warnings = (*source.warnings, f"calls are refused: {error}")
            return replace(servable, source=replace(source, warnings=warnings))
        return replace(servable, loaded=loaded)

    def find_rollout(self, name: str) -> Rollout | None:
        """Return what shares out the requests of a model now; None if nothing does."""
        with self._versions.changed:
            return self._versions.find_rollout(name)

    def may_answer(self, name: str, version: str) -> bool:
        """Return whether a version answers, or will once it is wanted."""
        with self._versions.changed:
            contents = self._versions.contents(name, version)
            return any(it.available or it.evicted for it in contents) or is_coming(contents)

    def list_headers(self) -> frozenset[str]:
        """Return the names of the headers by which versions are chosen now, in lower case."""
        with self._versions.changed:
            rollouts = self._versions.list_rollouts()
        return frozenset({VERSION_HEADER, *filter(None, (it.header for it in rollouts))})

    # Shadows

    def find_shadow(self, name: str) -> Shadow | None:
        """Return the shadow of a model by its rollout, None if it has none."""
        rollout = (self._versions.rollouts or {}).get(name)
        return rollout.shadow if rollout and name not in self._versions.misfits else None

    def find_source(self, name: str, version: str) -> Source:
        """Return where the newest content of a version comes from.

        Raises:
            ModelNotFound: there is none.
        """
        with self._versions.changed:
            return self._versions.find_newest(name, version).source

    def prepare_apart(self, source: Source) -> Prepared:
        """Return a version that is to be opened beside those which answer.

        Raises:
            InvalidModel: it cannot be used.
        """
        return self._loader.prepare_apart(source)

    # Changes

    def start(self, on_change: OnChange) -> None:
        """Load every version that the policy wants in the background, the default model first.

        Args:
            on_change: called with every new state, one at a time and in their order.
        """
        self._log_unusable(())
        self._loader.start(on_change)

    def stop(self) -> None:
        """Stop making changes; a model that is loading now stays LOADING.

        What answers does so until the process ends, and is shown as UNLOADING.
        """
        self._loader.stop()

    def load(self, name: str, version: str = "") -> Servable:
        """Load a version, whatever the policy says, and keep it loaded; a chain with its members.

        Returns:
            its resulting state; a failure is a state, not an exception.

        Raises:
            ModelNotFound: there is none.
            InvalidModel: it is a chain whose members do not fit the budget.
        """
        with self._versions.changed:
            found = self._versions.find_newest(name, version)
            self._check_room(found, self._versions.find_newest)
            found.call_up(time.monotonic())
            members = list_members(found, self._versions.find_newest)
            for member in members:
                member.call_up(time.monotonic())
        for each in (*members, found):
            self._await(each)
        with self._versions.changed:
            self._check_room(found, self._versions.find_newest)  # now that all sizes are known
        return self._now(found)

    def _await(self, found: Version) -> None:
        """Return when a version that was called up is loaded, or is not wanted any more."""
        self._loader.wait_for(
            lambda: (
                found.override is not True
                or found.gone
                or (found.stage in (Stage.AVAILABLE, Stage.END) and found.wished is None)
            )
        )

    def unload(self, name: str, version: str) -> Servable:
        """Unload a version, whatever the policy says, once no request uses it.

        Returns:
            its resulting state.

        Raises:
            ModelNotFound: there is none.
        """
        with self._versions.changed:
            found = self._versions.find_newest(name, version)
            contents = self._versions.contents(*found.key[:2])
            for content in contents:
                content.call_down()
        self._loader.wait_for(
            lambda: (
                found.override is not False
                or all(it.stage is Stage.END and not it.evicted for it in contents)
            )
        )
        return self._now(found)

    def roll_out(self, rollouts: Mapping[str, Rollout] | None) -> None:
        """Share out requests by these rollouts from now on; None while they are not known."""
        with self._versions.changed:
            self._versions.roll_out(rollouts)
            self._versions.note_completion(self.default)
            self._versions.changed.notify_all()

    @contextmanager
    def prepared(self, name: str, rollout: Rollout, seconds: float) -> Iterator[None]:
        """Load what a rollout names before it is set, and keep it loaded meanwhile.

        Raises:
            ModelNotFound: there is no model of that name.
            InvalidRollout: it names a version that is not there, or that does not answer in time;
                or more versions than fit the budget together, or beside what else is loaded; or
                it has a shadow beside a chain, or one of another task.
        """
        wanted = sorted(rollout.versions, key=int)
        with self._versions.changed:
            self._versions.look_up(name)
            missing = [it for it in wanted if not self._versions.contents(name, it)]
            if missing:
                known = ", ".join(it.source.version for it in self._versions.of(name))
                raise InvalidRollout(
                    f"a rollout of {name} may name its versions {known}",
                    got=", ".join(missing),
                    remedy="put the version there first, or name another",
                )
            if rollout.shadow:
                self._refuse_chains(name, wanted)
        preparation = Preparation(name, rollout.versions)
        try:
            with self._versions.changed:
                self._versions.prepare(preparation)
                self._refuse_excess(name, wanted)
                for version in wanted:
                    for newest in self._versions.contents(name, version)[:1]:
                        newest.request(time.monotonic())  # brings back what was evicted
                self._versions.changed.notify_all()
                self._versions.changed.wait_for(
                    lambda: (
                        not self._find_coming(name, wanted)
                        or self._versions.explain_excess(name, wanted)
                    ),
                    timeout=seconds,
                )
                self._refuse_excess(name, wanted)
                self._refuse_failing(name, wanted)
            check_tasks(rollout, self._find_tasks(name))
            yield
        finally:
            with self._versions.changed:
                self._versions.end_preparation(preparation)
                self._versions.changed.notify_all()

    def _refuse_excess(self, name: str, versions: Iterable[str]) -> None:
        excess = self._versions.explain_excess(name, versions)
        if excess:
            raise InvalidRollout(
                f"the versions that a rollout of {name} names must be loaded together within"
                f" MODEL_BUDGET, {self._versions.budget} bytes",
                got=excess,
                remedy="raise MODEL_BUDGET, or name fewer or smaller versions",
            )

    def _refuse_failing(self, name: str, versions: Iterable[str]) -> None:
        for version in versions:
            contents = self._versions.contents(name, version)
            answers = any(it.available for it in contents)
            if not answers and any(it.evicted for it in contents[:1]):
                # It would be loaded in place of what answers until the rollout begins.
                raise InvalidRollout(
                    f"the versions that a rollout of {name} names must be loaded within"
                    f" MODEL_BUDGET, {self._versions.budget} bytes, beside what answers now",
                    got=f"version {version}, which was unloaded to make room",
                    remedy="raise MODEL_BUDGET, or unload other models or versions first",
                )
            reason = self._explain_failure(name, version)
            if reason:
                raise InvalidRollout(
                    f"each version that a rollout of {name} names must answer",
                    got=f"version {version}: {reason}",
                    remedy="mend that version, or name another",
                )

    def _refuse_chains(self, name: str, versions: Iterable[str]) -> None:
        chains = [it for it in versions if self._versions.contents(name, it)[0].source.card.chain]
        if chains:
            # Its members would be asked once more, in the processes that answer.
            raise InvalidRollout(
                "a rollout with a shadow may name no chain",
                got=f"version {chains[0]}, which joins other models",
                remedy="leave the shadow out, or shadow the models that the chain joins",
                places=[Place(field="shadow")],
            )

    def _find_tasks(self, name: str) -> Mapping[str, Task]:
        """Return the task of each version of a model that is loaded, by its number."""
        with self._versions.changed:
            return {
                it.source.version: it.loaded.chosen.task
                for it in self._versions.of(name)
                if it.loaded
            }

    def _find_coming(self, name: str, versions: Iterable[str]) -> bool:
        return any(is_coming(self._versions.contents(name, version)) for version in versions)

    def _explain_failure(self, name: str, version: str) -> str:
        """Return why a version does not answer; empty if it does."""
        contents = self._versions.contents(name, version)
        if any(it.available for it in contents):
            return ""
        if not contents:
            return "its files are gone"
        return contents[0].error or f"it is {contents[0].now().state}"

    def refresh(self, sources: Iterable[Source]) -> None:
        """Add versions that are new and unload those that are gone.

        Args:
            sources: all versions that exist now.
        """
        changed = self._versions.changed
        with changed:
            known = [version.source for version in self._versions]
            before = {version.key for version in self._versions if version.gone}
            self._versions.update(sources)
            self._versions.note_completion(self.default)
            gone = [it.key for it in self._versions if it.gone and it.key not in before]
            changed.notify_all()
            replaced = [key for key in gone if self._versions.contents(*key[:2])[0].key != key]
        self._log_unusable(known)
        for key in gone:
            what = "has changed, and is loaded anew" if key in replaced else "is gone"
            _log.info("model %s version %s %s", key.model, key.version, what)

    def _log_unusable(self, known: Sequence[Source]) -> None:
        """Log the versions that cannot be loaded, but for those that are `known`."""
        with self._versions.changed:
            sources = [version.source for version in self._versions]
        for source in sources:
            if source.error and source not in known:
                _log.error("model %s version %s: %s", source.model, source.version, source.error)

    def _now(self, version: Version) -> Servable:
        with self._versions.changed:
            known = self._versions.contents(*version.key[:2])
            return self._versions.servable(*version.key[:2]) if known else version.now()


def _ask_members(asking: Asking) -> Asking:
    """Return who asks for the members of a chain, without a header that names its version."""
    headers = {name: value for name, value in asking.headers.items() if name != VERSION_HEADER}
    return replace(asking, headers=headers)
