"""Resiliency policies, which may do more harm than the outage."""

from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import SERVICES
from meshlens.command.diagnosis.values import read_seconds, read_whole

# The codes of an app that is away, stops (CANCELLED) or is busy; others come again and again.
_WORTH = frozenset({"1", "8", "14"})
_USUAL_TIMEOUT = 30.0
_BUILT_IN = ("Dapr", "Default")
_KINDS = {"retry": "retries", "timeout": "timeouts", "circuitBreaker": "circuitBreakers"}


def _policies(document: Document) -> Node:
    return document.root.at("spec", "policies")


def _targets(document: Document) -> Iterator[tuple[str, Node]]:
    """Yield each target with the kind of what it is for: apps, inbound, outbound or actors."""
    targets = document.root.at("spec", "targets")
    for app in targets.at("apps").values():
        yield "apps", app
    for component in targets.at("components").values():
        for way in ("inbound", "outbound"):
            yield way, component.at(way)
    for actor in targets.at("actors").values():
        yield "actors", actor


def _used(document: Document, kind: str, *ways: str) -> Iterator[tuple[Node, Node]]:
    """Yield where a target names a policy, and the policy."""
    for way, target in _targets(document):
        name = target.at(kind)
        if name.text and (not ways or way in ways):
            yield name, _policies(document).at(_KINDS[kind], name.text)


def _find_blind(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Resiliency"):
        seen = set()
        for _, policy in _used(document, "retry", "apps", "inbound"):
            codes = policy.at("matching", "gRPCStatusCodes")
            if policy.given and policy.path not in seen and not _matches_worth(codes.text):
                seen.add(policy.path)
                yield Trouble.at(
                    document, codes, "only codes of an app that is away or busy: 1, 8, 14"
                )


def _matches_worth(codes: str) -> bool:
    parts = [part.strip() for part in codes.split(",")]
    return bool(codes) and all(part in _WORTH for part in parts)


def _find_endless(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Resiliency"):
        seen = set()
        for _, policy in _used(document, "retry"):
            most = policy.at("maxRetries")
            number = read_whole(most.text)
            if policy.given and policy.path not in seen and (number is None or number < 0):
                seen.add(policy.path)
                yield Trouble.at(document, most, "a number that ends within a minute")


def _find_multiplied(scope: Scope) -> Iterator[Trouble]:
    of_apps = [
        policy
        for document in scope.of_kind("Resiliency")
        for _, policy in _used(document, "retry", "apps")
        if policy.given
    ]
    if not of_apps:
        return
    calls = max((read_whole(it.at("maxRetries").text) or 0) + 1 for it in of_apps)
    for document in scope.of_kind("Resiliency"):
        for name, policy in _used(document, "retry", "outbound"):
            tries = (read_whole(policy.at("maxRetries").text) or 0) + 1
            got = f"{name.text}, {tries} tries within each of {calls}: {tries * calls}"
            yield Trouble.at(document, name, "retries at one place: of the call", got=got)


def _find_breakers(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Resiliency"):
        for name, _ in _used(document, "circuitBreaker", "apps"):
            yield Trouble.at(document, name, "no circuit breaker on an app")


def _find_short(scope: Scope) -> Iterator[Trouble]:
    longest = read_seconds(scope.setting("REQUEST_TIMEOUT") or "", bare=1.0) or _USUAL_TIMEOUT
    for document in scope.of_kind("Resiliency"):
        apps = document.root.at("spec", "targets", "apps")
        for app, target in apps.items():
            name = target.at("timeout")
            limit = _policies(document).at("timeouts", name.text)
            seconds = read_seconds(limit.text, bare=1.0)
            if app in SERVICES and seconds is not None and seconds < longest:
                expected = f"{longest:g}s or more, which a request may take"
                yield Trouble.at(document, limit, expected)


def _find_unknown(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Resiliency"):
        for kind, section in _KINDS.items():
            policies = ", ".join(name for name, _ in _policies(document).at(section).items())
            for name, policy in _used(document, kind):
                if not policy.given and not name.text.startswith(_BUILT_IN):
                    expected = f"one of the policies: {policies or 'none'}"
                    yield Trouble.at(document, name, expected)


def _find_unreadable(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Resiliency"):
        policies = _policies(document)
        durations = [
            *policies.at("timeouts").values(),
            *(it.at("duration") for it in policies.at("retries").values()),
            *(it.at("maxInterval") for it in policies.at("retries").values()),
            *(it.at("timeout") for it in policies.at("circuitBreakers").values()),
        ]
        for node in durations:
            if node.given and read_seconds(node.text, bare=1.0) is None:
                yield Trouble.at(document, node, "a duration such as 200ms")


CHECKS = (
    Check(
        "retry-matching",
        Severity.ERROR,
        "retries of calls and events that cannot succeed",
        "matching.gRPCStatusCodes of retries for apps and inbound events in a Resiliency",
        "Without codes every failure is tried again: a wrong input waits for 5.08 s instead of 4"
        " ms, and one call was computed 26 times.",
        'Match what passes: "1,14" (CANCELLED, UNAVAILABLE) for apps, "8,14" for events.',
        _find_blind,
    ),
    Check(
        "endless-retry",
        Severity.ERROR,
        "retries without an end",
        "maxRetries of retries that a Resiliency uses",
        "Without it Dapr tries for ever: callers hang until their deadline, and an event that"
        " cannot be taken never reaches the dead-letter topic.",
        "Set maxRetries: 25 times 200ms for apps, 120 times 500ms for events.",
        _find_endless,
    ),
    Check(
        "multiplied-retries",
        Severity.ERROR,
        "retries within retries",
        "outbound retries of components beside retries of apps in a Resiliency",
        "Each try of the call waits for all tries of the component. With 26 tries of a call, which"
        " were measured, three of the component make 78.",
        "Retry the call only; the services retry events themselves, behind the answer.",
        _find_multiplied,
    ),
    Check(
        "circuit-breaker",
        Severity.WARNING,
        "a circuit breaker on an app",
        "circuitBreaker of apps in a Resiliency",
        "It goes on refusing calls when the app is back: a crash cost 730 errors in 2.0 s instead"
        " of 320 in 1.0 s, as UNKNOWN.",
        "Remove it; the services refuse by themselves what they cannot take.",
        _find_breakers,
    ),
    Check(
        "short-timeout",
        Severity.ERROR,
        "a time limit of the sidecar below that of the service",
        "timeout of pca and classify in a Resiliency, and REQUEST_TIMEOUT",
        "The caller gets an error while the service works on; with a retry it works twice.",
        "Remove it, since callers set deadlines, or set it above REQUEST_TIMEOUT.",
        _find_short,
    ),
    Check(
        "unknown-policy",
        Severity.ERROR,
        "a policy that is not there",
        "names of policies in the targets of a Resiliency",
        "Dapr goes on without the policy.",
        "Use the name of a policy of the same document.",
        _find_unknown,
    ),
    Check(
        "unreadable-policy",
        Severity.ERROR,
        "a policy with a duration that is none",
        "durations of timeouts, retries and circuit breakers in a Resiliency",
        "Dapr writes a line to its log, and goes on without the policies of the document.",
        "Write a number with a unit: 200ms, 5s.",
        _find_unreadable,
    ),
)
