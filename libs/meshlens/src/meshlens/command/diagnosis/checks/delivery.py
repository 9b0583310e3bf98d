"""Events on their way to subscribers: pub/sub components and subscriptions."""

from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.scopes import Component, Scope
from meshlens.command.diagnosis.sidecars import JOBS
from meshlens.command.diagnosis.values import read_seconds, read_truth, read_whole

_REDIS = "pubsub.redis"
_MEMORY = "pubsub.in-memory"
_MILLISECOND = 1e-3
_USUAL_TIMEOUT = 30.0


def _find_timeouts(scope: Scope) -> Iterator[Trouble]:
    longest = read_seconds(scope.setting("REQUEST_TIMEOUT") or "", bare=1.0) or _USUAL_TIMEOUT
    for component in scope.components(_REDIS):
        node = component.option("processingTimeout")
        if not node.given or "processingTimeout" in component.sources:
            continue  # the default is 60 s
        seconds = read_seconds(node.text, bare=_MILLISECOND)
        if seconds is None or seconds <= longest:
            got = node.shown
            if read_whole(node.text) is not None:
                got += " (a bare number is milliseconds)"
            expected = f"more than {longest:g}s, which a request may take"
            yield Trouble.at(component.document, node, expected, got=got)


def _find_lengths(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components(_REDIS):
        node = component.option("maxLenApprox")
        if "maxLenApprox" not in component.sources and (read_whole(node.text) or 0) < 1:
            yield Trouble.at(component.document, node, "a number of events, such as 100000")


def _find_readers(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components(_REDIS):
        apps = [app.text for app in component.document.root.at("scopes").each()]
        node = component.option("readTimeout")
        if apps == [JOBS] or "readTimeout" in component.sources:
            continue
        seconds = read_seconds(node.text, bare=_MILLISECOND) if node.given else 0.0
        if seconds is None or seconds <= 0:
            yield Trouble.at(component.document, node, "some seconds, such as 3s")


def _find_dead_letters(scope: Scope) -> Iterator[Trouble]:
    expected = "the name of a topic"
    for document in scope.of_kind("Subscription"):
        node = document.root.at("spec", "deadLetterTopic")
        if not node.text:
            yield Trouble.at(document, node, expected)
    for document in scope.metadata:
        for subscription in document.root.at("subscriptions").each():
            node = subscription.at("deadLetterTopic")
            if not node.text and subscription.at("type").text != "STREAMING":
                topic = subscription.at("topic").text
                yield Trouble.at(document, node, expected, got=f"none for {topic}")


def _find_bulk(scope: Scope) -> Iterator[Trouble]:
    grpc = [it.app for it in scope.sidecars if it.option("app-protocol").text == "grpc"]
    for document in scope.of_kind("Subscription"):
        node = document.root.at("spec", "bulkSubscribe", "enabled")
        scopes = [each.text for each in document.root.at("scopes").each()]
        concerned = not scopes or any(app in scopes for app in grpc)
        if grpc and concerned and read_truth(node.text) is True:
            yield Trouble.at(document, node, "false for apps that speak gRPC")


def _find_memory(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components(_MEMORY):
        node = component.document.root.at("spec", "type")
        yield Trouble.at(component.document, node, "a broker that all sidecars share")


def _find_groups(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components("pubsub."):
        node = component.option("consumerID")
        fixed = node.text and "{" not in node.text
        if fixed and _serves_several(component):
            yield Trouble.at(component.document, node, "none, so that each app id has its own")


def _serves_several(component: Component) -> bool:
    scopes = list(component.document.root.at("scopes").each())
    return len(scopes) != 1


def _find_unretried(scope: Scope) -> Iterator[Trouble]:
    if not scope.whole or not scope.sidecars:
        return
    retried = {
        name
        for document in scope.of_kind("Resiliency")
        for name, target in document.root.at("spec", "targets", "components").items()
        if target.at("inbound", "retry").text
    }
    for component in scope.components("pubsub.redis"):
        apps = [app.text for app in component.document.root.at("scopes").each()]
        if apps != [JOBS] and component.document.name not in retried:
            yield Trouble.at(
                component.document,
                component.document.root.at("metadata", "name"),
                "an inbound retry of this component in a Resiliency",
            )


CHECKS = (
    Check(
        "processing-timeout",
        Severity.ERROR,
        "events that are delivered again while they are worked on",
        "processingTimeout of pubsub.redis, and REQUEST_TIMEOUT of the services",
        "Another replica takes over an event that is not acknowledged in time, and does the same"
        " work beside the first. 0 turns delivery after a crash off. A number without a unit is"
        " milliseconds.",
        "Set it to twice REQUEST_TIMEOUT: 60s.",
        _find_timeouts,
    ),
    Check(
        "stream-length",
        Severity.ERROR,
        "a stream of Redis that grows without end",
        "maxLenApprox of pubsub.redis",
        "Acknowledged events are kept, until Redis runs out of memory and refuses all. In one"
        " report a stream held 95 % of the memory.",
        'Set maxLenApprox: "100000", about 100 MB of results.',
        _find_lengths,
    ),
    Check(
        "read-timeout",
        Severity.ERROR,
        "a sidecar that loses a connection to Redis with each restart of its service",
        "readTimeout of pubsub.redis",
        "Without one the reader of a subscription that has ended keeps its connection until the"
        " next event, and takes that. There are ten connections for each core: on two cores the"
        " sidecar published nothing any more after 20 restarts of the service beside it.",
        "Set readTimeout: 3s.",
        _find_readers,
    ),
    Check(
        "dead-letter-topic",
        Severity.ERROR,
        "a subscription without a dead-letter topic",
        "Subscription, and the subscriptions in the metadata of a live sidecar",
        "Since Dapr 1.17 pubsub.redis acknowledges an event whose delivery has failed: without a"
        " dead-letter topic it is lost.",
        "Name a deadLetterTopic, and subscribe to it.",
        _find_dead_letters,
    ),
    Check(
        "bulk-subscribe",
        Severity.ERROR,
        "bulk subscription of an app that speaks gRPC",
        "bulkSubscribe of a Subscription",
        "Dapr 1.18 drops data_base64 on this way: binary events arrive empty.",
        "Turn it off.",
        _find_bulk,
    ),
    Check(
        "in-memory-broker",
        Severity.ERROR,
        "a broker inside one sidecar",
        "components of type pubsub.in-memory",
        "It reaches the apps of that sidecar only, persists nothing and delivers nothing again.",
        "Take pubsub.redis; meshlens up starts a server for it.",
        _find_memory,
    ),
    Check(
        "consumer-id",
        Severity.WARNING,
        "apps that share one consumer group",
        "consumerID of a pub/sub component for several apps",
        "By default each app id is a group, and gets every event. With one name for all, each"
        " event reaches one of the apps.",
        "Remove it, or scope the component to one app.",
        _find_groups,
    ),
    Check(
        "inbound-retry",
        Severity.ERROR,
        "events that are delivered once, whatever the answer",
        "pubsub.redis components, and inbound retries in a Resiliency that the same sidecars load",
        "An app that is busy or not ready answers RETRY; since Dapr 1.17 pubsub.redis acknowledges"
        " the event all the same, unless a policy at the sidecar retries.",
        "Add targets.components.<name>.inbound.retry.",
        _find_unretried,
    ),
)
