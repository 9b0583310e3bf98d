"""Which versions of a model the settings want loaded, and their labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

STABLE = "stable"


@dataclass(frozen=True, slots=True)
class VersionPolicy:
    """Which versions should be loaded.

    Attributes:
        latest: how many, counted from the newest; 0 for all.
        specific: these versions and no others, for the models named.
        labels: {model: {label: version}}; labelled versions are wanted too.
        named: versions that are wanted too, for the models named: those of rollouts.
    """

    latest: int = 1
    specific: Mapping[str, frozenset[str]] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def choose(self, model: str, versions: Iterable[str]) -> frozenset[str]:
        """Return which of `versions` of `model` are wanted."""
        there = sorted(versions, key=int, reverse=True)
        specific = self.specific.get(model)
        newest = there[: self.latest] if self.latest else there
        chosen = specific if specific is not None else frozenset(newest)
        also = self.labelled(model) | self.named.get(model, frozenset())
        return (chosen | also) & frozenset(there)

    def labelled(self, model: str) -> frozenset[str]:
        """Return the versions of `model` that have a label."""
        return frozenset(self.labels.get(model, {}).values())


def parse_policy(versions: str, labels: str) -> VersionPolicy:
    """Return the policy that two settings describe.

    Args:
        versions: `latest`, `latest:2`, `all`, or `digits@1,digits@3` for these models, and the
            latest of the others.
        labels: `digits@stable=1,digits@canary=2`.

    Raises:
        ValueError: one of them does not have that form.
    """
    named: dict[str, dict[str, str]] = {}
    for part in filter(None, (part.strip() for part in labels.split(","))):
        target, _, version = part.partition("=")
        model, _, label = target.rpartition("@")
        if not model or not label or label.isdecimal() or not version.isdecimal():
            raise ValueError(f"expected model@label=version such as digits@canary=2, got {part!r}")
        number = str(int(version))
        if named.setdefault(model, {}).setdefault(label, number) != number:
            raise ValueError(f"expected one version for each label, got {model}@{label} twice")
    head, _, count = versions.strip().partition(":")
    if head == "all" and not count:
        return VersionPolicy(0, labels=named)
    if head == "latest" and (not count or (count.isdecimal() and int(count))):
        return VersionPolicy(int(count or 1), labels=named)
    specific: dict[str, set[str]] = {}
    for part in versions.split(","):
        model, _, version = part.strip().rpartition("@")
        if not model or not version.isdecimal():
            raise ValueError(
                f"expected latest, latest:2, all or digits@1,digits@3, got {versions!r}"
            )
        specific.setdefault(model, set()).add(str(int(version)))
    return VersionPolicy(specific={k: frozenset(v) for k, v in specific.items()}, labels=named)
