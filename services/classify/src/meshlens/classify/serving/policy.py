"""Decides the next step in the life of the versions: one pure function.

It has the shape of TensorFlow Serving's AspiredVersionPolicy: snapshots of all versions in, at
most one action out, no memory between two calls. Whatever is decided about loading, unloading,
eviction, retries, the operator's overrides and the budget is decided here; `loader` executes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from meshlens.classify.serving.stages import LEAVING, LOADING, RESERVED, Stage
from meshlens.classify.serving.steps import (
    Action,
    Admit,
    Close,
    Evict,
    Forget,
    Key,
    Load,
    Refuse,
    Snapshot,
    Step,
    Unload,
    WaitUntil,
)
from meshlens.classify.serving.version_policy import VersionPolicy


class Mode(StrEnum):
    """Who decides which versions are wanted."""

    ON_CALL = "ON_CALL"
    """The operator alone: before the repository is started, and in a command."""
    AUTOMATIC = "AUTOMATIC"
    """The version policy and the operator."""
    STOPPED = "STOPPED"
    """No one: everything stays as it is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules from the settings.

    Attributes:
        versions: which versions of each model are wanted.
        budget: bytes that all loaded models may take; 0 for no limit.
        default: the model that is loaded first and evicted last.
        mode: who decides.
    """

    versions: VersionPolicy = field(default_factory=VersionPolicy)
    budget: int = 0
    default: str = ""
    mode: Mode = Mode.AUTOMATIC


def next_action(versions: Sequence[Snapshot], rules: Rules, now: float) -> Action | None:
    """Return what to do next, None to wait for a change.

    Args:
        versions: every version of every model.
        rules: the rules from the settings.
        now: the time, by the monotonic clock.

    Returns:
        a step, which always changes the state that decisions depend on, so that it is never
        repeated; or a time in the future.
    """
    if rules.mode is Mode.STOPPED:
        return None
    wanted = find_wanted(versions, rules)
    return (
        _finish(versions)
        or _retire(versions, wanted)
        or _make_room(versions, wanted, rules)
        or _load(versions, wanted, rules, now)
    )


def find_wanted(versions: Iterable[Snapshot], rules: Rules) -> frozenset[Key]:
    """Return which versions should be loaded.

    A version whose files are gone or replaced never should; then the operator's override decides,
    then the version policy.
    """
    there = [version for version in versions if not version.gone]
    numbers = defaultdict(list)
    for version in (version for version in there if not version.unusable):
        numbers[version.key.model].append(version.key.version)
    chosen = {
        (model, number)
        for model, known in numbers.items()
        for number in rules.versions.choose(model, known)
        if rules.mode is Mode.AUTOMATIC
    }
    return frozenset(
        version.key
        for version in there
        if version.override or (version.override is None and version.key[:2] in chosen)
    )


def _finish(versions: Sequence[Snapshot]) -> Step | None:
    """Return the final step for a version that is no longer used or whose files are gone."""
    for version in versions:
        if version.stage is Stage.DRAINING and not version.users:
            return Close(version.key)
        if version.stage is Stage.END and version.gone:
            return Forget(version.key)
    return None


def _retire(versions: Sequence[Snapshot], wanted: frozenset[Key]) -> Unload | None:
    """Return what to unload because it is not wanted.

    Unless the operator unloads it, a version serves until all wanted versions of its model can.
    """
    # An evicted version is reloaded on request, and none comes while another version answers in
    # its place.
    awaited = {
        version.key.model
        for version in versions
        if version.key in wanted and version.stage is not Stage.AVAILABLE and not version.evicted
    }
    for version in versions:
        if version.key in wanted:
            continue
        called = version.override is False
        match version.stage:
            case Stage.AVAILABLE if called or version.key.model not in awaited:
                return Unload(version.key)
            case Stage.START if called or version.gone:
                return Unload(version.key)
            case Stage.END if version.evicted:
                return Unload(version.key)
    return None


def _make_room(
    versions: Sequence[Snapshot], wanted: frozenset[Key], rules: Rules
) -> Admit | Refuse | Evict | None:
    """Return whether the fetched version may be opened, or which version to evict for it."""
    fetched = next((it for it in versions if it.stage is Stage.FETCHED), None)
    if fetched is None:
        return None
    reserved = sum(it.size for it in versions if it.stage in RESERVED)
    fits = not rules.budget or reserved + fetched.size <= rules.budget
    # Nothing makes room for what is not wanted any more.
    if fetched.gone or fetched.override is False or not (fits or fetched.key in wanted):
        return Refuse(fetched.key)
    if rules.budget and fetched.size > rules.budget:
        return Refuse(
            fetched.key,
            f"the model has {fetched.size} bytes, the budget {rules.budget}; raise MODEL_BUDGET",
        )
    leaving = sum(it.size for it in versions if it.stage in LEAVING)
    if fits:
        return Admit(fetched.key)
    serving = [it for it in versions if it.stage is Stage.AVAILABLE and it.size]
    if reserved - leaving + fetched.size <= rules.budget or not serving:
        return None  # there will be room once the LEAVING versions are closed
    # A version in use is being used now, however long ago its last request came.
    oldest = min(serving, key=lambda it: (it.key.model == rules.default, it.users > 0, it.used))
    return Evict(oldest.key, fetched.key)


def _load(
    versions: Sequence[Snapshot], wanted: frozenset[Key], rules: Rules, now: float
) -> Load | WaitUntil | None:
    """Return the next version to load, or the time at which to retry a failed one."""
    if any(version.stage in LOADING for version in versions):
        return None
    idle = [it for it in versions if it.key in wanted and it.stage in (Stage.START, Stage.END)]
    due = [version for version in idle if _is_due(version, rules, now)]
    if due:
        return Load(min(due, key=lambda version: _rank(version, rules)).key)
    retries = [version.retry_at for version in idle if version.failed]
    return WaitUntil(min(retries)) if retries and rules.mode is Mode.AUTOMATIC else None


def _is_due(version: Snapshot, rules: Rules, now: float) -> bool:
    if version.wished is not None:
        return True
    if version.failed:
        return rules.mode is Mode.AUTOMATIC and version.retry_at <= now
    return not version.evicted


def _rank(version: Snapshot, rules: Rules) -> tuple[bool, float, bool, str, int]:
    """Return the rank of a version among those to load; the lowest is loaded first.

    Versions that have not served yet come first, the default model before the others and newer
    versions before older ones. Evicted versions that are requested follow, in the order of the
    requests: such requests may never cease, so they must not delay the others.
    """
    model, number, _ = version.key
    since = version.wished if version.evicted and version.wished is not None else 0.0
    return version.evicted, since, model != rules.default, model, -int(number)
