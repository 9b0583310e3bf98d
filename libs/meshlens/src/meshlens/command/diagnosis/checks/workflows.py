"""Workflows: where they are kept, for how long, and who works for them."""

import re
from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.values import read_truth

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-[\w.-]+)?")
# The last one with the fault.
_WEDGED = (1, 18, 3)


def _find_actor_stores(scope: Scope) -> Iterator[Trouble]:
    stores = [
        (component, node)
        for component in scope.components("state.")
        for node in (component.option("actorStateStore"),)
        if read_truth(node.text) is True
    ]
    for sidecar in scope.sidecars:
        loaded = [(it, node) for it, node in stores if it.serves(sidecar.app)]
        for component, node in loaded[1:]:
            expected = f"one store of actors for {sidecar.app or 'an app'}"
            yield Trouble.at(component.document, node, expected)


def _find_kept_history(scope: Scope) -> Iterator[Trouble]:
    stores = [
        it
        for it in scope.components("state.")
        if read_truth(it.option("actorStateStore").text) is True
    ]
    # Configurations of pods that have no workflows, such as a gateway, keep nothing.
    kept = {
        pod.option("config").text
        for pod in scope.pods
        if any(store.serves(pod.app) for store in stores)
    }
    others = {pod.option("config").text for pod in scope.pods} - kept
    for document in scope.of_kind("Configuration"):
        node = document.root.at("spec", "workflow", "stateRetentionPolicy")
        if stores and document.name not in others and not node.given:
            yield Trouble.at(document, node, "{completed: 24h, failed: 168h, terminated: 168h}")


def _find_lone_workers(scope: Scope) -> Iterator[Trouble]:
    for document in scope.metadata:
        workers = document.root.at("workflows", "connectedWorkers")
        version = _VERSION.fullmatch(document.root.at("runtimeVersion").text)
        known = version and tuple(map(int, version.groups())) <= _WEDGED
        if known and workers.text == "1":
            yield Trouble.at(document, workers, "2 or more workers at a sidecar")


CHECKS = (
    Check(
        "actor-stores",
        Severity.ERROR,
        "two stores of actors for one app",
        "actorStateStore of state stores, and their scopes",
        "A sidecar takes one of them; workflows that the other holds do not go on.",
        "Leave one, or separate them by scopes.",
        _find_actor_stores,
    ),
    Check(
        "workflow-history",
        Severity.WARNING,
        "histories of workflows that stay for ever",
        "workflow.stateRetentionPolicy of a Configuration beside a store of actors",
        "Nothing is removed by itself: two rows and 540 bytes for each activity.",
        "Set spec.workflow.stateRetentionPolicy.",
        _find_kept_history,
    ),
    Check(
        "lone-worker",
        Severity.WARNING,
        "one worker of workflows at a sidecar",
        "connectedWorkers in the metadata of a live sidecar",
        "SIGKILL of the only worker wedges daprd 1.18.3, in 15 of 18 trials for good: no workflow"
        " goes on until the sidecar is restarted.",
        "Run two worker processes beside a sidecar, or restart it together with its worker.",
        _find_lone_workers,
    ),
)
