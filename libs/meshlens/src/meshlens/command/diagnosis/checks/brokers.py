"""What Redis keeps, and whose clock is right."""

from collections.abc import Iterator, Mapping

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope

_SERVERS = ("redis-server", "valkey-server")
_MOST_SECONDS = 5.0


def _find_forgetful(scope: Scope) -> Iterator[Trouble]:
    expected = "appendonly yes"
    for broker in scope.brokers:
        if (got := _describe_persistence(broker.settings)) and broker.settings:
            node = Node(None, f"CONFIG GET at {broker.address}")
            yield Trouble.at(broker.document, node, expected, got=got)
    for document, node, settings in _servers(scope):
        if got := _describe_persistence(settings):
            yield Trouble.at(document, node, expected, got=got)


def _describe_persistence(settings: Mapping[str, str]) -> str:
    """Return what is wrong with what a Redis keeps; empty if nothing is."""
    if settings.get("appendonly", "no") != "yes":
        save = settings.get("save", "3600 1 300 100 60 10000")
        return f"appendonly no, save {save!r}" if save else "appendonly no, save nothing"
    if settings.get("appendfsync", "everysec") == "no":
        return "appendfsync no"
    return ""


def _find_evicting(scope: Scope) -> Iterator[Trouble]:
    for broker in scope.brokers:
        policy = broker.settings.get("maxmemory-policy", "noeviction")
        if policy != "noeviction":
            node = Node(None, f"CONFIG GET at {broker.address}")
            yield Trouble.at(broker.document, node, "maxmemory-policy noeviction", got=policy)
    for document, node, settings in _servers(scope):
        policy = settings.get("maxmemory-policy", "noeviction")
        if policy != "noeviction":
            yield Trouble.at(document, node, "maxmemory-policy noeviction", got=policy)


def _servers(scope: Scope) -> Iterator[tuple[Document, Node, dict[str, str]]]:
    """Yield the containers that start a Redis, with the settings of their command lines."""
    for document in scope.documents:
        pod = document.root.at("spec", "template", "spec")
        for container in pod.at("containers").each():
            node = container.at("command")
            words = [it.text for part in ("command", "args") for it in container.at(part).each()]
            starts = [at for at, word in enumerate(words) if word.rpartition("/")[2] in _SERVERS]
            if starts:
                yield document, node, read_settings(words[starts[0] + 1 :])


def read_settings(words: list[str]) -> dict[str, str]:
    """Return the settings of a command line of Redis."""
    settings: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--").lower()
            settings.setdefault(name, [])
        elif name:
            settings[name].append(word)
    return {name: " ".join(values) for name, values in settings.items()}


def _find_wrong_clocks(scope: Scope) -> Iterator[Trouble]:
    expected = f"at most {_MOST_SECONDS:g} s away from this host's clock"
    for document in scope.metadata:
        ahead = (scope.ahead or {}).get(document.file, 0.0)
        if abs(ahead) > _MOST_SECONDS:
            node = Node(None, "clock of the sidecar")
            yield Trouble.at(document, node, expected, got=_describe_clock(ahead))
    for broker in scope.brokers:
        if abs(broker.ahead) > _MOST_SECONDS:
            node = Node(None, f"TIME at {broker.address}")
            got = _describe_clock(broker.ahead)
            yield Trouble.at(broker.document, node, expected, got=got)


def _describe_clock(ahead: float) -> str:
    return f"{abs(ahead):.1f} s {'ahead' if ahead > 0 else 'behind'}"


CHECKS = (
    Check(
        "broker-persistence",
        Severity.WARNING,
        "a broker that forgets what it has accepted",
        "CONFIG GET of the Redis of a live sidecar; command lines of Redis in manifests",
        "An event that the broker has accepted is removed from the outbox. Without appendonly it"
        " is gone at the broker's next restart, and so are fits and cached models.",
        "Start Redis with appendonly yes and appendfsync everysec (the last second may be lost) or"
        " always.",
        _find_forgetful,
    ),
    Check(
        "broker-eviction",
        Severity.ERROR,
        "a broker that drops keys to make room",
        "maxmemory-policy, in the same places",
        "Streams of events and fits are keys: under pressure Redis removes them without a word.",
        "Set maxmemory-policy noeviction, under which it refuses instead.",
        _find_evicting,
    ),
    Check(
        "clock",
        Severity.WARNING,
        "clocks that disagree",
        "the Date of a live sidecar's answer, TIME of its Redis",
        "Times of events and the age of names in a shared registry are compared between hosts:"
        " names vanish, events seem out of order, certificates of mTLS are not yet valid.",
        "Run NTP on every host.",
        _find_wrong_clocks,
    ),
)
