"""Finds the versions that a chain joins, all at one moment; hold `Registry.changed` meanwhile."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TypeAlias

from meshlens.classify.errors import InvalidModel, ModelFailed, ModelNotFound, ModelNotReady
from meshlens.classify.formats.card import ChainPart
from meshlens.classify.serving.opening import Loaded
from meshlens.classify.serving.versions import Version
from meshlens.classify.tasks.chain.answer import Role
from meshlens.classify.tasks.chain.chain import Chain, Member, Members, Spread, one_by_one
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.detection.detector import Detector
from meshlens.faults import Place

# How many chains may join one another: each asks about its boxes once more.
DEEPEST = 3

# Returns the version that a name and a number or a label mean, or raises ModelNotFound.
Find: TypeAlias = Callable[[str, str], Version]
Claim: TypeAlias = Callable[[Version], None]
Using: TypeAlias = Callable[[Version, Loaded], AbstractContextManager[None]]

_WANTED = {Role.DETECT: (Detector, Chain), Role.CLASSIFY: (Classifier,)}


@dataclass(frozen=True, slots=True)
class Joined:
    """A chain that can be called.

    Attributes:
        loaded: the chain; its content is another one if that of a member is.
        versions: what it joins, which must stay loaded for as long as it is called.
    """

    loaded: Loaded
    versions: Sequence[Version]


def join(
    chain: Version,
    find: Find,
    *,
    claim: Claim = Version.check,
    using: Using = lambda *_: nullcontext(),
    spread: Spread = one_by_one,
    path: Sequence[Version] = (),
) -> Joined:
    """Return a chain with the versions that it joins.

    Args:
        chain: an AVAILABLE version.
        find: finds versions.
        claim: checks that a version answers, and may note that a request needs it.
        using: returns a context for each call of a version.
        spread: does the parts of its work.
        path: the chains that have led here.

    Raises:
        InvalidModel: a member is not there, has another task, leads back here, or is too deep.
        ModelNotReady, ModelFailed: a member does not answer.
    """
    part, loaded = _chain_of(chain)
    path = (*path, chain)
    members: dict[Role, Member] = {}
    contents, versions = [loaded.content], []
    faults: list[ModelNotReady | ModelFailed] = []
    for role, target in zip(Role, part.members, strict=True):
        found = _find(path, role, target, find)
        try:
            claim(found)
            own = Joined(_loaded(found), ())
            if found.source.card.chain:
                own = join(found, find, claim=claim, using=using, spread=spread, path=path)
        except (ModelNotReady, ModelFailed) as fault:
            faults.append(fault)  # the other is claimed as well, so that both are loaded
            continue
        members[role] = _make_member(path, role, found, own.loaded, using)
        contents.append(own.loaded.content)
        versions += [found, *own.versions]
    if faults:
        raise faults[0]
    lens = Chain(part, Members(members[Role.DETECT], members[Role.CLASSIFY], spread))
    content = hashlib.sha256(json.dumps(contents).encode()).hexdigest()
    chosen = replace(loaded.chosen, lens=lens)
    answerer = replace(loaded.answerer, content=content)
    return Joined(replace(loaded, chosen=chosen, answerer=answerer), versions)


def list_members(version: Version, find: Find, depth: int = DEEPEST) -> list[Version]:
    """Return those that are there of what a chain joins, each once; none of any other model."""
    part = version.source.card.chain
    found: dict[int, Version] = {}
    for target in part.members if part and depth else ():
        name, _, wanted = target.partition("@")
        try:
            member = find(name, wanted)
        except ModelNotFound:  # its calls say so
            continue
        found |= {id(it): it for it in (member, *list_members(member, find, depth - 1))}
    found.pop(id(version), None)
    return list(found.values())


def _find(path: Sequence[Version], role: Role, target: str, find: Find) -> Version:
    """Return the version that a chain calls `target`, if that is no chain of `path`."""
    name, _, version = target.partition("@")
    try:
        found = find(name, version)
    except ModelNotFound as error:
        raise _unfit(path, role, "a model that is there", error.name) from error
    if found in path:
        raise _unfit(path, role, "a model that does not lead back to it", _call(found))
    if found.source.card.chain and len(path) == DEEPEST:
        raise _unfit(path, role, f"no chain, as the last of {DEEPEST}", _call(found))
    return found


def _make_member(
    path: Sequence[Version], role: Role, found: Version, loaded: Loaded, using: Using
) -> Member:
    lens = loaded.lens
    if not isinstance(lens, _WANTED[role]):
        does = f"{_call(found)}, which {lens.does}"
        raise _unfit(path, role, f"a model that {_WANTED[role][0].does}", does)
    answerer, own = loaded.answerer, _loaded(found)
    return Member(
        answerer.model, answerer.version, answerer.sha256, lens, lambda: using(found, own)
    )


def _unfit(path: Sequence[Version], role: Role, expected: str, got: str) -> InvalidModel:
    way = " -> ".join(map(_call, path))
    return InvalidModel(
        f"chain.{role} of {way} must name {expected}",
        got=got,
        remedy="correct its card, or put that model there",
        places=[Place(field=f"chain.{role}")],
    )


def _call(version: Version) -> str:
    return f"{version.source.model}@{version.source.version}"


def _chain_of(version: Version) -> tuple[ChainPart, Loaded]:
    part = version.source.card.chain
    assert part is not None, "only chains join"  # noqa: S101 - for the type checker
    return part, _loaded(version)


def _loaded(version: Version) -> Loaded:
    assert version.loaded is not None, "what was claimed is loaded"  # noqa: S101 - for the type checker
    return version.loaded
