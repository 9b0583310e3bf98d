"""Live sidecars: what they say, what they were started with, and what they have loaded."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from meshlens.command.diagnosis.files.gathering import Gathering, load_files, load_folder
from meshlens.command.diagnosis.live.api import fetch_metadata
from meshlens.command.diagnosis.live.processes import Process, read_process
from meshlens.command.diagnosis.live.redis import RedisRefusal, examine_redis
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Broker, Component, Scope, Unread
from meshlens.command.diagnosis.sidecars import SERVICES, Form, Sidecar
from meshlens.command.diagnosis.values import read_truth, read_whole
from meshlens.command.mesh.processes import find_listeners

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FOLDERS = ("resources-path", "components-path")
_REDIS = ("pubsub.redis", "state.redis")


def ask_sidecars(addresses: Sequence[str]) -> Gathering:
    """Return what there is to know of live sidecars, as one scope.

    Raises:
        DiagnosisError: there is no sidecar at an address, or it refuses.
    """
    gathering = Gathering()
    if not addresses:
        return gathering
    metadata, ahead, sidecars = [], {}, []
    read: dict[str, list[Document | Unread]] = {}
    envs: list[Mapping[str, str]] = []
    listeners = find_listeners()
    for address in addresses:
        answer = fetch_metadata(address, os.environ.get("DAPR_API_TOKEN", ""))
        document = Document(address, Node(answer.content | {"kind": "Sidecar"}))
        metadata.append(document)
        ahead[address] = answer.ahead
        process = _find_daprd(address, listeners)
        if process is None:
            gathering.notes.append(
                f"{address}: limits, shutdown and files, since its process is not on this host or"
                " another user's"
            )
        else:
            envs.append(process.env)
            read |= _load(process)
        sidecar = _describe(document, process, listeners)
        if sidecar.serves and not sidecar.env:
            gathering.notes.append(
                f"{address}: the settings of {sidecar.app}, since its process is not to be seen;"
                " the defaults are assumed"
            )
        sidecars.append(sidecar)
    loaded = list(chain.from_iterable(read.values()))
    scope = Scope(
        [it for it in loaded if isinstance(it, Document)],
        sidecars,
        whole=all(sidecar.knows_flags for sidecar in sidecars),
        unread=[it for it in loaded if isinstance(it, Unread)],
        metadata=metadata,
        ahead=ahead,
    )
    brokers = list(_examine_brokers(scope, envs, gathering.notes))
    gathering.scopes.append(replace(scope, brokers=brokers))
    return gathering


def _find_daprd(address: str, listeners: Mapping[int, Path]) -> Process | None:
    parts = urlsplit(address)
    if parts.hostname not in _LOOPBACK or parts.port is None:
        return None
    process = read_process(listeners.get(parts.port))
    return process if process and "daprd" in Path(process.words[0]).name else None


def _load(process: Process) -> dict[str, list[Document | Unread]]:
    """Return the documents that a sidecar has read at its start, by file."""
    read: dict[str, list[Document | Unread]] = {}
    for name, value in process.flags():
        for place in value.split(","):
            path = process.folder / place
            if name in _FOLDERS:
                read |= load_folder(path)
            elif name == "config" and path.is_file():
                read |= load_files([path])
    return {
        file: [it for it in each if isinstance(it, Unread) or it.kind not in {"RunFile", ""}]
        for file, each in read.items()
    }


def _describe(
    document: Document, process: Process | None, listeners: Mapping[int, Path]
) -> Sidecar:
    """Return a live sidecar: its metadata first, for the rest its flags."""
    root = document.root
    app = root.at("appConnectionProperties")
    name = root.at("id").text
    options = {}
    if process:
        options = {flag: Node(value, f"--{flag}") for flag, value in process.flags()}
        options["has-api-token"] = Node(bool(process.env.get("DAPR_API_TOKEN")), "DAPR_API_TOKEN")
    if app.at("port").given:
        health = app.at("health")
        options |= {
            "app-port": app.at("port"),
            "app-protocol": app.at("protocol"),
            "app-max-concurrency": Node(0) if not (it := app.at("maxConcurrency")).given else it,
            "enable-app-health-check": Node(health.given, health.path),
        }
        if health.given:
            options["app-health-threshold"] = health.at("healthThreshold")
    return Sidecar(
        form=Form.PROCESS,
        document=document,
        app=name,
        root=root,
        options=options,
        env=_environment(app, listeners),
        serves=name in SERVICES,
        knows_flags=process is not None,
    )


def _environment(app: Node, listeners: Mapping[int, Path]) -> dict[str, Node]:
    """Return the environment of an app on this host; empty if it is not to be seen."""
    port = read_whole(app.at("port").text)
    if port is None or app.at("channelAddress").text not in _LOOPBACK:
        return {}
    process = read_process(listeners.get(port))
    if process is None:
        return {}
    return {name: Node(value, name) for name, value in process.env.items()}


def _examine_brokers(
    scope: Scope, envs: Sequence[Mapping[str, str]], notes: list[str]
) -> Iterator[Broker]:
    """Yield what each Redis of the components answers; a note for one that does not."""
    seen = set()
    for component in scope.components():
        if component.type not in _REDIS:
            continue
        place = f"{component.document.file}: persistence and clock of Redis"
        address = _resolve(component, "redisHost", envs)
        if not address:
            notes.append(f"{place}, since its address is not here")
        elif read_truth(component.option("enableTLS").text) is True:
            notes.append(f"{place}, since it speaks TLS")
        elif component.option("redisType").text in {"cluster", "sentinel"} or "," in address:
            notes.append(f"{place}, since it has several nodes")
        elif address not in seen:
            seen.add(address)
            password = _resolve(component, "redisPassword", envs)
            user = _resolve(component, "redisUsername", envs)
            try:
                answers = examine_redis(address, password=password, user=user)
            except RedisRefusal as refusal:
                notes.append(f"{place} at {address}: {refusal}")
            else:
                yield Broker(component.document, address, answers.settings, answers.ahead)


def _resolve(component: Component, name: str, envs: Sequence[Mapping[str, str]]) -> str:
    """Return an option, from the environment of a sidecar if the component says so."""
    source = component.sources.get(name)
    if source is None:
        return component.option(name).text
    return next((env[source.text] for env in envs if env.get(source.text)), "")
