"""Every version of every model, and which of them a request means."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from meshlens.classify.errors import ModelFailed, ModelNotFound, ModelNotReady
from meshlens.classify.serving.joining import list_members
from meshlens.classify.serving.policy import Rules, find_wanted
from meshlens.classify.serving.rollout import Asking, Rollout, choose
from meshlens.classify.serving.room import explain_excess
from meshlens.classify.serving.stages import Stage
from meshlens.classify.serving.steps import Key, Snapshot
from meshlens.classify.serving.version_policy import STABLE, VersionPolicy
from meshlens.classify.serving.versions import Servable, State, Version
from meshlens.classify.storage.source import Source

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """Versions that are wanted for a rollout that has yet to begin; each is one of its own.

    Attributes:
        model: the name of their model.
        versions: their numbers.
    """

    model: str
    versions: frozenset[str]


class Registry:
    """The versions by model and number. Hold `changed` to read or to change one.

    Args:
        policy: which versions the settings want, and their labels.
        budget: bytes of all loaded models, 0 for no limit.

    Attributes:
        policy: the same, and what the rollouts add.
        rollouts: by model; None while they are not known.
        budget: bytes of all loaded models, 0 for no limit.
        misfits: the bytes of what rollouts name, by model, where that is more than the budget:
            these do not take effect.
        changed: the lock; notified of every change that the lifecycle must react to.
        leaving: whether the service is about to end: what answers is shown as UNLOADING, since it
            will not for long.
        complete: whether there has been a moment in which nothing was awaited and the default
            model answered.
    """

    def __init__(self, policy: VersionPolicy, budget: int = 0) -> None:
        self._settings = self.policy = policy
        self.budget = budget
        self.rollouts: Mapping[str, Rollout] | None = {}
        self.misfits: Mapping[str, str] = {}
        self._preparations: set[Preparation] = set()
        # What shares out the requests of a model until the versions of its rollout answer.
        self._former: dict[str, Rollout | None] = {}
        # The versions that have been here, by model and number.
        self._seen: set[tuple[str, str]] = set()
        # The models whose rollout has begun with all that it names.
        self._begun: set[str] = set()
        self.changed = threading.Condition()
        self.leaving = False
        self.complete = False
        self._models: dict[str, dict[Key, Version]] = {}

    @property
    def names(self) -> list[str]:
        """The models' names, sorted."""
        return sorted(self._models)

    def __iter__(self) -> Iterator[Version]:
        return (version for name in self.names for version in self.of(name))

    def __getitem__(self, key: Key) -> Version:
        return self._models[key.model][key]

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return every version as it is now, by model, the newest first."""
        return tuple(version.snapshot() for version in self)

    def of(self, name: str) -> list[Version]:
        """Return the versions of the model called `name`, the newest first; [] if unknown."""
        versions = self._models.get(name, {}).values()
        return sorted(versions, key=lambda it: (-int(it.source.version), -it.content))

    def contents(self, name: str, number: str) -> list[Version]:
        """Return the contents of one version, the newest first; [] if unknown."""
        return [version for version in self.of(name) if version.source.version == number]

    def newest_usable(self, name: str) -> Version:
        """Return the newest version that may be loaded, the newest one if none may."""
        versions = self.of(name)
        return next((version for version in versions if not version.source.error), versions[0])

    def servables(self, name: str) -> list[Servable]:
        """Return each version of a model as callers see it now, the newest first."""
        numbers = dict.fromkeys(version.source.version for version in self.of(name))
        return [self.servable(name, number) for number in numbers]

    def servable(self, name: str, number: str) -> Servable:
        """Return a version as callers see it now: the content that answers, else the newest."""
        newest, *_ = contents = self.contents(name, number)
        answering = next((version for version in contents if version.available), newest)
        shown = answering.now()
        if self.leaving and answering.available:
            shown = replace(shown, state=State.UNLOADING)
        return shown if answering is newest else replace(shown, replacement=newest.now())

    def can_answer(self, name: str) -> bool:
        """Return whether a model answers, or has been evicted and comes back when it is named."""
        return not (self.leaving or self.refuses(name)) and any(
            it.available or (it.evicted and not it.error) for it in self.of(name)
        )

    def note_completion(self, default: str) -> None:
        """Note whether everything wanted is there, or has failed; to be called at each change.

        Rollouts begin here, too.
        """
        self._follow_rollouts()
        self.complete = self.complete or (
            self.can_answer(default)
            and not any(it.on_its_way for name in self.names for it in self.wanted(name))
        )

    def update(self, sources: Iterable[Source]) -> None:
        """Replace the versions with `sources`; removed versions stay until unloaded.

        A version whose files have changed while it is in use is gone, too: another version of
        that number takes its place once it answers.
        """
        there = {(source.model, source.version): source for source in sources}
        for version in self:
            newest = self.contents(*version.key[:2])[0]
            version.gone = version.key[:2] not in there or version is not newest
        for (model, number), source in there.items():
            known = next(iter(self.contents(model, number)), None)
            if known is None:
                self._add(Version(source))
            elif known.source != source:
                if known.stage in (Stage.START, Stage.END):
                    known.renew(source)
                    _reject_unusable(known)
                else:
                    self._add(known.replace(source))

    def roll_out(self, rollouts: Mapping[str, Rollout] | None) -> None:
        """Let requests be shared out by these rollouts, None while they are not known.

        A rollout begins once the versions that it shares requests out to, and those of its labels,
        answer, or cannot: until then, what holds already holds on. So it does while none of the
        former was ever here: they may yet be found, as by the replica that has set the rollout. A
        rollout whose versions are more than the budget together does not begin.
        """
        before, self.rollouts = self.rollouts, rollouts
        for name, rollout in (rollouts or {}).items():
            if before is not None and before.get(name) == rollout:
                continue
            self._begun.discard(name)
            if before is None or not self.complete or self.refuses(name):
                self._former.pop(name, None)
            else:
                self._former.setdefault(name, before.get(name))
        self._former = {it: was for it, was in self._former.items() if it in (rollouts or {})}
        self._begun &= (rollouts or {}).keys()
        self._follow_rollouts()
        self._renew_policy()

    def find_rollout(self, name: str) -> Rollout | None:
        """Return what shares out the requests of a model now; None if nothing does."""
        if name in self._former:
            return self._former[name]
        return None if name in self.misfits else (self.rollouts or {}).get(name)

    def list_rollouts(self) -> list[Rollout]:
        """Return the rollouts that share out requests now or are about to."""
        return [*(self.rollouts or {}).values(), *filter(None, self._former.values())]

    def explain_excess(self, name: str, numbers: Iterable[str]) -> str:
        """Return the bytes of versions of a model and of what they join, if that is too much.

        Returns:
            the same as `room.explain_excess`.
        """
        found: dict[Key, Version] = {}
        for number in sorted(numbers, key=int) if self.budget else ():
            for version in self.contents(name, number)[:1]:
                for each in (version, *list_members(version, self.find_newest)):
                    found[each.key] = each
        return explain_excess(found.values(), self.budget)

    def refuses(self, name: str) -> bool:
        """Return whether nothing says what answers a request that names no version of a model."""
        return name in self.misfits and name not in self._former

    def _may_begin(self, name: str, rollout: Rollout) -> bool:
        weighted = {it for it, weight in rollout.weights.items() if weight}
        found = not weighted or any((name, it) in self._seen for it in weighted)
        asked = [self.contents(name, it) for it in weighted.union(rollout.labels.values())]
        named = [self.contents(name, it) for it in rollout.versions if self.budget]
        return (
            found
            and not any(map(is_coming, asked))
            and all(any(it.known_size for it in each) or not is_coming(each) for each in named)
        )

    def _follow_rollouts(self) -> None:
        """Begin the rollouts whose versions answer by now, and note those that do not fit."""
        coming = {it: its for it, its in (self.rollouts or {}).items() if it not in self._begun}
        excess = {it: self.explain_excess(it, its.versions) for it, its in coming.items()}
        misfits = {it: reason for it, reason in excess.items() if reason}
        for name in misfits.keys() - self.misfits.keys():
            _log.error("%s", self.explain_misfit(name, misfits[name]))
        began = {it for it, its in coming.items() if it not in misfits and self._may_begin(it, its)}
        self._begun |= began
        for name in began:
            self._former.pop(name, None)
        renewed = began or misfits != self.misfits or self._preparations
        self.misfits = misfits
        if renewed:
            self._renew_policy()

    def explain_misfit(self, name: str, excess: str) -> str:
        """Return why the rollout of a model does not take effect."""
        return (
            f"the rollout of {name} does not take effect: the versions that it names must be"
            f" loaded together within MODEL_BUDGET, {self.budget} bytes, they have {excess}; raise"
            " MODEL_BUDGET, or name fewer or smaller versions"
        )

    def prepare(self, preparation: Preparation) -> None:
        """Want versions of a model for a rollout that has yet to begin, if they fit together."""
        self._preparations.add(preparation)
        self._renew_policy()

    def end_preparation(self, preparation: Preparation) -> None:
        """Want them for this preparation no more; another that names them still does."""
        self._preparations.discard(preparation)
        self._renew_policy()

    def _renew_policy(self) -> None:
        known = {
            name: rollout
            for name, rollout in (self.rollouts or {}).items()
            if name not in self.misfits
        }
        former = {name: was for name, was in self._former.items() if was}
        named = [(name, rollout.versions) for name, rollout in (*known.items(), *former.items())]
        named += [
            (it.model, it.versions)
            for it in self._preparations
            if not self.explain_excess(it.model, it.versions)
        ]
        wanted: dict[str, frozenset[str]] = {}
        for name, versions in named:
            wanted[name] = wanted.get(name, frozenset()) | versions
        labels = {
            name: {**self._settings.labels.get(name, {}), **rollout.labels}
            for name in self.rollouts or {}
            if (rollout := self.find_rollout(name))
        }
        self.policy = replace(
            self._settings, labels={**self._settings.labels, **labels}, named=wanted
        )

    def _add(self, version: Version) -> None:
        self._models.setdefault(version.source.model, {})[version.key] = version
        self._seen.add(version.key[:2])
        _reject_unusable(version)

    def remove(self, key: Key) -> None:
        """Remove a version."""
        del self._models[key.model][key]
        if not self._models[key.model]:
            del self._models[key.model]

    def look_up(self, name: str) -> list[Version]:
        """Return the versions of the model called `name`, the newest first.

        Raises:
            ModelNotFound: there is none of that name.
        """
        if name not in self._models:
            raise ModelNotFound(name, self.names)
        return self.of(name)

    def find(self, name: str, version: str, asking: Asking | None = None) -> Version:
        """Return the version that a request means.

        Args:
            name: of the model.
            version: its number or label; if empty the one that a header names, else one by the
                weights of a rollout, else the one labelled stable, else the newest that is
                AVAILABLE, else the one that will be.
            asking: who asks; None for what is no request: it gets the version to go back to, and
                another one of the rollout if that is not there.

        Raises:
            ModelNotFound: no model has that name, or not that version.
            ModelNotReady: the rollouts are not known yet.
            ModelFailed: the model has a rollout, and none of its versions is there.
        """
        versions = self.look_up(name)
        labelled = self.policy.labels.get(name, {})
        if not version and asking:
            version = asking.version or self._share_out(name, versions, asking)
        elif not version and (rollout := self.find_rollout(name)):
            version = self._go_back(name, rollout)
        if not version and STABLE in labelled:
            version = STABLE
        number = labelled.get(version, version)
        if number:
            contents = self.contents(name, number)
            if not contents:
                raise ModelNotFound(f"{name}@{version}", self._targets(name))
            return next((version for version in contents if version.available), contents[0])
        for available in versions:
            if available.available:
                return available
        wanted = self.wanted(name)
        coming = [version for version in wanted if version.on_its_way]
        return next(iter(coming or wanted or versions))

    def _share_out(self, name: str, versions: Iterable[Version], asking: Asking) -> str:
        """Return the version of a rollout with weights that a request gets, empty without one.

        Raises:
            ModelNotReady: the rollouts are not known yet.
            ModelFailed: none of its versions is there, or they do not fit.
        """
        if self.rollouts is None:
            raise ModelNotReady(name, "waiting for its rollout, which cannot be read yet")
        if self.refuses(name):
            raise ModelFailed(
                name, "without a version", self.explain_misfit(name, self.misfits[name])
            )
        rollout = self.find_rollout(name)
        if rollout is None or not rollout.weights:
            return ""
        able = set()
        for version in versions:
            if version.available:
                able.add(version.source.version)
            elif version.evicted and rollout.weights.get(version.source.version):
                if version.wished is None:
                    self.changed.notify_all()
                version.request(time.monotonic())  # others answer until it is back
        chosen = choose(name, rollout, able, asking) or self._go_back(name, rollout)
        if not chosen:
            named = ", ".join(rollout.weights)
            raise ModelFailed(name, "without a version", f"its rollout shares out {named}")
        # If none can answer, the one to go back to says why.
        return chosen

    def _go_back(self, name: str, rollout: Rollout) -> str:
        """Return the version to go back to, or the next that gets requests; empty without one."""
        weighted = sorted((it for it, weight in rollout.weights.items() if weight), key=int)
        among = filter(None, (rollout.target, *weighted))
        return next((it for it in among if self.contents(name, it)), "")

    def find_newest(self, name: str, version: str) -> Version:
        """Return the newest content of the version that a request means.

        Raises:
            ModelNotFound: no model has that name, or not that version.
        """
        return self.contents(*self.find(name, version).key[:2])[0]

    def _targets(self, name: str) -> list[str]:
        """Return what a request may name of a model: its versions, and labels that lead to one."""
        numbers = {version.source.version: None for version in self.of(name)}
        labels = self.policy.labels.get(name, {})
        return [
            f"{name}@{target}"
            for target in (*numbers, *(label for label in labels if labels[label] in numbers))
        ]

    def wanted(self, name: str) -> list[Version]:
        """Return the versions of one model that should be loaded, the newest first."""
        versions = self.of(name)
        wanted = find_wanted((version.snapshot() for version in versions), Rules(self.policy))
        return [version for version in versions if version.key in wanted]


def is_coming(contents: Iterable[Version]) -> bool:
    """Return whether a version of these contents does not answer yet, but will if it is wanted."""
    known = tuple(contents)
    return not any(it.available for it in known) and any(it.coming for it in known)


def _reject_unusable(version: Version) -> None:
    """End a version whose source says why it cannot be loaded."""
    if version.source.error:
        version.reject()
