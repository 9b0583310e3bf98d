"""How sidecars find each other, and what a Configuration says of all of them."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import Form
from meshlens.command.diagnosis.values import read_seconds, read_truth

_LEAST_SLACK = 3.0
_USUAL_SLACK = 1.0


def _registries(scope: Scope) -> Iterator[tuple[Document, Node]]:
    for document in scope.of_kind("Configuration"):
        resolution = document.root.at("spec", "nameResolution")
        if resolution.at("component").text == "sqlite":
            yield document, resolution.at("configuration")


def _find_cleaning(scope: Scope) -> Iterator[Trouble]:
    for document, options in _registries(scope):
        node = options.at("cleanupInterval")
        if not node.given or read_seconds(node.text, bare=1.0) != 0:
            yield Trouble.at(document, node, '"0"')


def _find_renewals(scope: Scope) -> Iterator[Trouble]:
    for document, options in _registries(scope):
        node = options.at("timeout")
        slack = read_seconds(node.text, bare=1.0) if node.given else _USUAL_SLACK
        if slack is not None and slack < _LEAST_SLACK:
            yield Trouble.at(document, node, "10s, with an updateInterval of 15s")


def _find_multicast(scope: Scope) -> Iterator[Trouble]:
    sidecars = [it for it in scope.sidecars if it.form is Form.RUN_FILE]
    named = all(it.option("config").given for it in sidecars) and any(
        document.root.at("spec", "nameResolution").given
        for document in scope.of_kind("Configuration")
    )
    unnamed = len(sidecars) > 1 and scope.whole and not named
    for document in scope.of_kind("RunFile") if unnamed else ():
        node = document.root.at("common", "configFilePath")
        yield Trouble.at(document, node, "a Configuration with nameResolution")


def _find_series(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Configuration"):
        node = document.root.at("spec", "metrics", "http", "increasedCardinality")
        off = read_truth(document.root.at("spec", "metrics", "enabled").text) is False
        if not off and read_truth(node.text) is not False and _is_read(scope, document):
            yield Trouble.at(document, node, "false")


def _find_restarts(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Configuration") if scope.pods else ():
        features = document.root.at("spec", "features")
        off = any(
            it.at("name").text == "HotReload" and read_truth(it.at("enabled").text) is False
            for it in features.each()
        )
        if not off and _is_read(scope, document):
            yield Trouble.at(document, features, "{name: HotReload, enabled: false}")


def _find_watched(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("RunFile"):
        parts = (document.root.at("common"), *document.root.at("apps").each())
        paths = [it for part in parts for it in part.at("resourcesPaths").each()]
        paths += [part.at("resourcesPath") for part in parts]
        folders = {PurePosixPath(part.at("configFilePath").text or "-/-").parent for part in parts}
        for node in paths:
            if node.text and PurePosixPath(node.text) in folders:
                yield Trouble.at(document, node, "a folder without the Configuration")


def _find_collectors(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("Configuration"):
        otel = document.root.at("spec", "tracing", "otel")
        node = otel.at("isSecure")
        if otel.at("endpointAddress").given and read_truth(node.text) is None:
            yield Trouble.at(document, node, "true or false")


def _is_read(scope: Scope, document: Document) -> bool:
    """Whether a sidecar reads a Configuration, as far as it is known who reads what."""
    if not scope.pods:
        return True
    return any(it.option("config").text == document.name for it in scope.pods)


CHECKS = (
    Check(
        "names-cleanup",
        Severity.ERROR,
        "a registry of names that removes live sidecars",
        "cleanupInterval of nameResolution sqlite in a Configuration",
        "It is on by default, and in 1.18.3 its comparison is reversed: after an hour it deletes"
        " the names of live sidecars, which then shut down.",
        'Set cleanupInterval: "0".',
        _find_cleaning,
    ),
    Check(
        "names-renewal",
        Severity.WARNING,
        "names that vanish on a busy machine",
        "timeout and updateInterval of nameResolution sqlite in a Configuration",
        "A name counts while it is younger than updateInterval, and is renewed `timeout` before"
        " that: by default 1 s, so that a renewal late by tenths gives UNKNOWN (no host found with"
        " the given ID), which nobody retries.",
        "Set updateInterval: 15s and timeout: 10s.",
        _find_renewals,
    ),
    Check(
        "names-multicast",
        Severity.WARNING,
        "apps that find each other by multicast",
        "run files with several apps, and their Configuration",
        "The default is mDNS, which containers and many hosts block: no host found with the given"
        " ID.",
        "Name a Configuration with nameResolution sqlite, as dapr/config.yaml.",
        _find_multicast,
    ),
    Check(
        "metric-series",
        Severity.WARNING,
        "a series of metrics for each path",
        "metrics.http.increasedCardinality of a Configuration",
        "Every name of a model and a fit is a path: the sidecar's memory and Prometheus grow with"
        " what callers make up.",
        "Set spec.metrics.http.increasedCardinality: false.",
        _find_series,
    ),
    Check(
        "hot-reload",
        Severity.WARNING,
        "sidecars that all restart at the same time",
        "features of a Configuration on a cluster",
        "By default a changed Configuration, Resiliency or HTTPEndpoint restarts every sidecar of"
        " the namespace within seconds; calls fail meanwhile.",
        "Turn the feature HotReload off, and change by kubectl rollout restart.",
        _find_restarts,
    ),
    Check(
        "watched-configuration",
        Severity.WARNING,
        "a Configuration among the resources",
        "configFilePath and resourcesPaths of a run file",
        "Sidecars watch their resources: if config.yaml is in such a folder, a change of any file"
        " there restarts them, and calls fail meanwhile.",
        "Keep the resources in a folder of their own, as dapr/resources.",
        _find_watched,
    ),
    Check(
        "collector-security",
        Severity.WARNING,
        "a collector of traces, with or without TLS",
        "tracing.otel.isSecure of a Configuration",
        "The default is true: a collector without TLS gets nothing.",
        "Say which: isSecure: false inside a cluster.",
        _find_collectors,
    ),
)
