"""What happens after SIGTERM, on a cluster: who stops when, and what is kept."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Node
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import Form, Sidecar, service_container
from meshlens.command.diagnosis.values import (
    read_bytes,
    read_seconds,
    read_truth,
    read_whole,
)

# What a service takes at its end besides: for its last events, and for its last spans.
SECONDS_FOR_THE_LAST = 5.0 + 5.0
# Callers' sidecars keep an address for 20 s, the DNS of a cluster for 30 s.
_REMEMBERED = 50.0
_USUAL_GRACE = 30
_USUAL_STOP = 5.0


def _find_blocks(scope: Scope) -> Iterator[Trouble]:
    for sidecar in _on_cluster(scope):
        block = sidecar.option("dapr-block-shutdown-duration")
        if _is_native(sidecar):
            if block.given:
                yield Trouble.at(sidecar.document, block, "none beside a native sidecar")
        elif not block.given or (_block_seconds(sidecar) or _REMEMBERED) < _REMEMBERED:
            yield Trouble.at(sidecar.document, block, "50s or more")


def _find_drains(scope: Scope) -> Iterator[Trouble]:
    for sidecar in _on_cluster(scope):
        drain = _seconds(sidecar, "DRAIN_SECONDS")
        block = 0.0 if _is_native(sidecar) else _block_seconds(sidecar)
        if drain is None or block is None:
            continue
        least = block + 1 if block else _REMEMBERED
        if drain < least:
            yield Trouble.at(
                sidecar.document,
                _setting_node(sidecar, "DRAIN_SECONDS"),
                f"{least:g} or more" + (f", as the sidecar blocks for {block:g}" if block else ""),
                got=f"{drain:g}",
            )


def _find_grace_periods(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.pods:
        node = sidecar.pod.at("terminationGracePeriodSeconds")
        grace = read_whole(node.text) if node.given else _USUAL_GRACE
        needed = _needed_seconds(sidecar)
        if grace is not None and needed is not None and grace <= needed:
            yield Trouble.at(sidecar.document, node, f"more than {needed:g}", got=str(grace))


def _find_stop_graces(scope: Scope) -> Iterator[Trouble]:
    for sidecar in _on_cluster(scope):
        stop, longest = _seconds(sidecar, "STOP_GRACE"), _seconds(sidecar, "REQUEST_TIMEOUT")
        if stop is not None and longest is not None and stop < longest:
            node = _setting_node(sidecar, "STOP_GRACE")
            yield Trouble.at(
                sidecar.document, node, f"{longest:g} or more, as REQUEST_TIMEOUT", got=f"{stop:g}"
            )


def _find_outboxes(scope: Scope) -> Iterator[Trouble]:
    for sidecar in _on_cluster(scope):
        if sidecar.setting("EVENTS") != "outbox":
            continue
        container = service_container(sidecar)
        folder = sidecar.setting("OUTBOX_FOLDER")
        if folder is None:
            continue
        size = read_bytes(sidecar.setting("OUTBOX_SIZE") or "")
        if not folder:
            node = sidecar.env.get("OUTBOX_FOLDER") or container.at("env")
            yield Trouble.at(sidecar.document, node, "OUTBOX_FOLDER on a volume", got="none")
            continue
        volume = _volume_of(sidecar, container, folder)
        if not volume.given:
            node = sidecar.env["OUTBOX_FOLDER"]
            yield Trouble.at(sidecar.document, node, "a folder on a volume of the pod")
            continue
        room = volume.at("emptyDir", "sizeLimit")
        bytes_ = read_bytes(room.text)
        if bytes_ is not None and size is not None and bytes_ < 2 * size:
            yield Trouble.at(sidecar.document, room, f"at least {2 * size} bytes")
        if volume.at("emptyDir").given and read_truth(sidecar.setting("OUTBOX_STAYS") or ""):
            node = sidecar.env["OUTBOX_STAYS"]
            yield Trouble.at(sidecar.document, node, "false, as the emptyDir ends with the pod")
        claim = volume.at("persistentVolumeClaim", "claimName")
        for document in scope.of_kind("PersistentVolumeClaim"):
            modes = [mode.text for mode in document.root.at("spec", "accessModes").each()]
            if claim.given and document.name == claim.text and "ReadWriteMany" in modes:
                yield Trouble.at(sidecar.document, claim, "a volume of one node")


def _on_cluster(scope: Scope) -> Iterator[Sidecar]:
    return (sidecar for sidecar in scope.services if sidecar.form is Form.POD)


def _is_native(sidecar: Sidecar) -> bool:
    return read_truth(sidecar.option("enable-native-sidecar").text) is True


def _block_seconds(sidecar: Sidecar) -> float | None:
    block = sidecar.option("dapr-block-shutdown-duration")
    return read_seconds(block.text) if block.given else 0.0


def _needed_seconds(sidecar: Sidecar) -> float | None:
    """Return the seconds from SIGTERM to the end of app and sidecar; None if they are unknown."""
    stop = sidecar.option("dapr-graceful-shutdown-seconds")
    seconds = read_seconds(stop.text, bare=1.0) if stop.given else _USUAL_STOP
    block = _block_seconds(sidecar)
    if seconds is None or block is None:
        return None
    if not sidecar.serves:
        return block + seconds if block else None
    drain, grace = _seconds(sidecar, "DRAIN_SECONDS"), _seconds(sidecar, "STOP_GRACE")
    if drain is None or grace is None:
        return None
    app = drain + grace + SECONDS_FOR_THE_LAST
    return app + seconds if _is_native(sidecar) else max(app, block + seconds)


def _seconds(sidecar: Sidecar, setting: str) -> float | None:
    return read_seconds(sidecar.setting(setting) or "", bare=1.0)


def _setting_node(sidecar: Sidecar, name: str) -> Node:
    return sidecar.env.get(name) or Node(None, f"{service_container(sidecar).path}.env[{name}]")


def _volume_of(sidecar: Sidecar, container: Node, folder: str) -> Node:
    """Return the volume that a folder of a container is on; without value if on none."""
    path = PurePosixPath(folder)
    claims = sidecar.document.root.at("spec", "volumeClaimTemplates").each()
    volumes = {it.at("metadata", "name").text: it for it in claims}
    volumes |= {it.at("name").text: it for it in sidecar.pod.at("volumes").each()}
    for mount in container.at("volumeMounts").each():
        mounted = PurePosixPath(mount.at("mountPath").text or "-")
        if mounted == path or mounted in path.parents:
            return volumes.get(mount.at("name").text, Node())
    return Node()


CHECKS = (
    Check(
        "block-shutdown",
        Severity.ERROR,
        "a sidecar that leaves before its service",
        "dapr.io/block-shutdown-duration, dapr.io/enable-native-sidecar",
        "Without it the sidecar's API is gone 20 ms after SIGTERM: 8 of 8 running requests could"
        " not publish their results. With less than 50 s callers still use the address of a pod"
        " that is gone (sidecars keep it 20 s, DNS 30 s). A native sidecar outlives the app by"
        " itself, and would block for nobody.",
        "Set it to 55s; remove it where the sidecar is native.",
        _find_blocks,
    ),
    Check(
        "drain",
        Severity.ERROR,
        "a service that stops while calls still arrive",
        "DRAIN_SECONDS and dapr.io/block-shutdown-duration",
        "The sidecar stays in the mesh while it blocks. A service that stopped at once failed 219"
        " of 829 calls of a rolling update, one that served on 3 of 611, with retries none.",
        "Set DRAIN_SECONDS a second longer than the sidecar blocks, or to 55 with a native one.",
        _find_drains,
    ),
    Check(
        "grace-period",
        Severity.ERROR,
        "a grace period below the drain",
        "terminationGracePeriodSeconds, and what precedes the end: drain, stop, last events",
        "The kubelet kills what is still at work: requests fail, and events that wait for the"
        " broker go with the pod. The default is 30 s.",
        "Set it above DRAIN_SECONDS + STOP_GRACE + 10 s, and above what the sidecar blocks.",
        _find_grace_periods,
    ),
    Check(
        "stop-grace",
        Severity.WARNING,
        "less time to finish than a request may take",
        "STOP_GRACE and REQUEST_TIMEOUT",
        "What was admitted just before is cut off at the end of the drain.",
        "Set STOP_GRACE to REQUEST_TIMEOUT or more.",
        _find_stop_graces,
    ),
    Check(
        "outbox-volume",
        Severity.ERROR,
        "an outbox without a place of its own",
        "OUTBOX_FOLDER, OUTBOX_SIZE, OUTBOX_STAYS and the volumes of the pod",
        "Off a volume it ends with the container, or cannot be written at all. A pod that passes"
        " the limit of its volume is evicted, and its events with it. SQLite's log does not work on"
        " a disk that several nodes share. With OUTBOX_STAYS the last answers of a pod do not wait"
        " for the broker, and no later pod finds their events in an emptyDir.",
        "Mount an emptyDir of twice OUTBOX_SIZE, or a claim of one node, at OUTBOX_FOLDER; set"
        " OUTBOX_STAYS with a claim only.",
        _find_outboxes,
    ),
)
