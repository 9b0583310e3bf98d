"""The sidecar's version, and how apps and sidecars call each other."""

import re
from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import Form, service_container
from meshlens.command.diagnosis.values import read_truth, read_whole

_OLDEST = (1, 18, 3)
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-[\w.-]+)?")
_IMAGES = ("daprd", "dapr")
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")

_STREAMS = re.compile(
    r"\b(ModelStreamInfer|start_stream|async_stream_infer|stream_infer|StreamInfer)\s*\("
)
_THROUGH_SIDECAR = "dapr-app-id"
_MARK = "dapr-stream"


def _find_versions(scope: Scope) -> Iterator[Trouble]:
    for document in scope.metadata:
        yield from _check_version(document, document.root.at("runtimeVersion"))
    for sidecar in scope.pods:
        image = sidecar.option("sidecar-image")
        yield from _check_version(sidecar.document, image, image.text.rpartition(":")[2])
    for document in scope.documents:
        pod = document.root.at("spec", "template", "spec")
        for container in pod.at("containers").each():
            image = container.at("image")
            name, _, tag = image.text.rpartition("/")[2].partition(":")
            if name in _IMAGES:
                yield from _check_version(document, image, tag)


def _check_version(document: Document, node: Node, text: str = "") -> Iterator[Trouble]:
    found = _VERSION.fullmatch(text or node.text)
    if found and tuple(map(int, found.groups())) < _OLDEST:
        yield Trouble.at(document, node, "1.18.3 or newer")


def _find_concurrency(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.sidecars:
        limit = sidecar.option("app-max-concurrency")
        protocol = sidecar.option("app-protocol").text
        speaks_grpc = protocol.startswith("grpc") or sidecar.serves
        if speaks_grpc and (read_whole(limit.text) or 0) > 0:
            yield Trouble.at(sidecar.document, limit, "no limit at the sidecar")


def _find_protocols(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        protocol = sidecar.option("app-protocol")
        if protocol.text != "grpc":
            yield Trouble.at(sidecar.document, protocol, "grpc")


def _find_ports(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        if sidecar.form is not Form.POD:
            continue
        port, listens = sidecar.option("app-port"), sidecar.setting("APP_PORT")
        if listens and port.text != listens:
            yield Trouble.at(sidecar.document, port, f"{listens}, the service's APP_PORT")


def _find_addresses(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        container = service_container(sidecar)
        probes = ("startupProbe", "livenessProbe", "readinessProbe")
        if sidecar.form is Form.POD and any(container.at(it).given for it in probes):
            address = sidecar.setting("LISTEN_ADDRESS")
            if address in _LOOPBACK:
                node = sidecar.env.get("LISTEN_ADDRESS") or container.at("env")
                yield Trouble.at(sidecar.document, node, "an address of all", got=address)


def _find_health_checks(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        switch = sidecar.option("enable-app-health-check")
        if read_truth(switch.text) is not True:
            yield Trouble.at(sidecar.document, switch, "true")


def _find_thresholds(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services:
        threshold = sidecar.option("app-health-threshold")
        if (number := read_whole(threshold.text)) is not None and number < 2:  # noqa: PLR2004 - one failure
            yield Trouble.at(sidecar.document, threshold, "3 failed probes")


def _find_schedulers(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("RunFile"):
        parts = (document.root.at("common"), *document.root.at("apps").each())
        for part in parts:
            address = part.at("schedulerHostAddress")
            if address.value == "":
                yield Trouble.at(document, address, "one space", got="an empty string")


def _find_unmarked(scope: Scope) -> Iterator[Trouble]:
    for document, text in scope.texts:
        if _THROUGH_SIDECAR in text and _MARK not in text and (call := _STREAMS.search(text)):
            line = text.count("\n", 0, call.start()) + 1
            yield Trouble(document, f"line {line}", f"{call[1]} without it", "dapr-stream: true")


CHECKS = (
    Check(
        "runtime-version",
        Severity.ERROR,
        "a version of Dapr that loses calls and events",
        "metadata of a live sidecar; images of daprd, dapr.io/sidecar-image",
        "1.18.0 to 1.18.2 lose deliveries and calls to gRPC apps (use of closed network"
        " connection); older ones are not tested with the services.",
        "Install Dapr 1.18.3 or newer.",
        _find_versions,
    ),
    Check(
        "app-max-concurrency",
        Severity.ERROR,
        "app-max-concurrency on a gRPC app",
        "appMaxConcurrency, dapr.io/app-max-concurrency, metadata of a live sidecar",
        "daprd 1.18.3 takes the place once and returns it twice: with 1 it deadlocks; and it"
        " makes callers wait where the service would refuse them.",
        "Remove it; the services bound their work by WORKERS and QUEUE_PER_WORKER.",
        _find_concurrency,
    ),
    Check(
        "app-protocol",
        Severity.ERROR,
        "a service that its sidecar does not call by gRPC",
        "appProtocol, dapr.io/app-protocol of pca and classify",
        "Dapr's default is http, which the services' port does not speak; dapr run -f -k writes no"
        " annotation for it.",
        "Set it to grpc.",
        _find_protocols,
    ),
    Check(
        "app-port",
        Severity.ERROR,
        "a sidecar that looks for its service at another port",
        "dapr.io/app-port and APP_PORT",
        "The sidecar waits for the port forever, and all calls fail.",
        "Give both the same port.",
        _find_ports,
    ),
    Check(
        "listen-address",
        Severity.ERROR,
        "probes from outside the pod at a service that listens on loopback",
        "LISTEN_ADDRESS where a pod has probes",
        "By default the services listen on 127.0.0.1, where the kubelet's probes do not arrive:"
        " the pod never becomes ready.",
        "Set LISTEN_ADDRESS to 0.0.0.0, or [::].",
        _find_addresses,
    ),
    Check(
        "health-check",
        Severity.ERROR,
        "a service without the health check of its sidecar",
        "enableAppHealthCheck, dapr.io/enable-app-health-check, metadata of a live sidecar",
        "It is off by default. Calls and events then go to an app that is not there: after an"
        " outage of 15 s traffic came back after 16 to 26 s instead of 15.5 to 16.",
        "Set it to true, with a probe interval of 1 second and a threshold of 3.",
        _find_health_checks,
    ),
    Check(
        "health-threshold",
        Severity.WARNING,
        "one failed probe makes a service unhealthy",
        "appHealthThreshold, dapr.io/app-health-threshold, metadata of a live sidecar",
        "A crash of 0.8 s costs 1.8 s of errors instead of 1.0 s, half of them HTTP 500.",
        "Set it to 3.",
        _find_thresholds,
    ),
    Check(
        "scheduler-address",
        Severity.WARNING,
        "an empty address of the scheduler",
        "schedulerHostAddress of a run file",
        "The CLI replaces an empty string by its default, and the sidecar looks for a scheduler at"
        " localhost:50006 once a second, for ever.",
        'Write one space: schedulerHostAddress: " ".',
        _find_schedulers,
    ),
    Check(
        "stream-metadata",
        Severity.ERROR,
        "a stream through a sidecar without dapr-stream",
        "programs (.py .go .java .js .mjs .ts .cs) that name dapr-app-id and call a stream",
        "A sidecar with a retry policy keeps what a stream has sent, to send it again: memory"
        " grows, and messages of the tries are mixed.",
        "Send the metadata dapr-stream: true with each stream.",
        _find_unmarked,
    ),
)
