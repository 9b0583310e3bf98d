"""Sidecars, by whatever they are described: a run file, a pod, or a process that runs.

Each option has the name of daprd's flag, so that a check need not know where it is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.values import read_truth
from meshlens.daprkit.settings import ServerSettings

SERVICES = ("pca", "classify")
# The third service: it has no STATE_STORE, and takes no events.
JOBS = "jobs"
# The names of options in run files and annotations, where they are not those of the flags.
_IN_RUN_FILES = {
    "app-health-probe-interval": "appHealthProbeInterval",
    "app-health-threshold": "appHealthThreshold",
    "app-max-concurrency": "appMaxConcurrency",
    "app-port": "appPort",
    "app-protocol": "appProtocol",
    "config": "configFilePath",
    "dapr-listen-addresses": "apiListenAddresses",
    "enable-app-health-check": "enableAppHealthCheck",
    "max-body-size": "maxBodySize",
    "read-buffer-size": "readBufferSize",
    "scheduler-host-address": "schedulerHostAddress",
}
_IN_ANNOTATIONS = {
    "dapr-block-shutdown-duration": "block-shutdown-duration",
    "dapr-graceful-shutdown-seconds": "graceful-shutdown-seconds",
    "dapr-listen-addresses": "sidecar-listen-addresses",
}
_ANNOTATION = "dapr.io/"
_TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


class Form(StrEnum):
    """Where a sidecar is described."""

    RUN_FILE = "run file"
    POD = "pod"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar and its app.

    Attributes:
        form: where it is described.
        document: that document.
        app: the app id.
        root: the part of the document that describes it.
        options: what is given, by the name of daprd's flag.
        env: the environment of the app.
        serves: whether the app is one of our services.
        pod: the pod's specification, if it is one.
        knows_flags: whether an option that is not given has its default; else it is unknown.
        knows_env: likewise for the environment, of which a part may be in a ConfigMap.
    """

    form: Form
    document: Document
    app: str
    root: Node
    options: Mapping[str, Node]
    env: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({}))
    serves: bool = False
    pod: Node = field(default_factory=Node)
    knows_flags: bool = True
    knows_env: bool = True

    def option(self, name: str) -> Node:
        """Return an option; without value, but with the place where it would be, if not given."""
        if name in self.options:
            return self.options[name]
        match self.form:
            case Form.RUN_FILE:
                return Node(None, self.root.at(_IN_RUN_FILES.get(name, name)).path)
            case Form.POD:
                return Node(None, self.root.at(_annotation(name)).path)
            case Form.PROCESS:
                return Node(None, f"--{name}")

    def setting(self, name: str) -> str | None:
        """Return a setting of the service, its default if not given; None if not written here."""
        if name in self.env:
            return self.env[name].text or None
        if not self.knows_env:
            return None
        default = ServerSettings.model_fields[name.lower()].default
        return "" if default is None else str(default)


def find_sidecars(document: Document) -> Iterator[Sidecar]:
    """Yield the sidecars that a document describes."""
    if document.kind == "RunFile":
        yield from _of_run_file(document)
    elif document.kind == "Pod":
        yield from _of_pod(document, document.root)
    elif document.kind in _TEMPLATES:
        yield from _of_pod(document, document.root.at("spec", "template"))
    elif document.kind == "CronJob":
        template = document.root.at("spec", "jobTemplate", "spec", "template")
        yield from _of_pod(document, template)


def _of_run_file(document: Document) -> Iterator[Sidecar]:
    common = document.root.at("common")
    for app in document.root.at("apps").each():
        name = app.at("appID").text
        given = {
            flag: node
            for flag, key in _IN_RUN_FILES.items()
            for node in (common.at(key), app.at(key))  # the app's own wins
            if node.given
        }
        command = " ".join(word.text for word in app.at("command").each())
        yield Sidecar(
            form=Form.RUN_FILE,
            document=document,
            app=name,
            root=app,
            options=given,
            env=dict([*common.at("env").items(), *app.at("env").items()]),
            serves=name in SERVICES or any(f"meshlens.{it}" in command for it in SERVICES),
        )


def _of_pod(document: Document, template: Node) -> Iterator[Sidecar]:
    annotations = template.at("metadata", "annotations")
    if read_truth(annotations.at(f"{_ANNOTATION}enabled").text) is not True:
        return
    app = annotations.at(f"{_ANNOTATION}app-id").text
    pod = template.at("spec")
    container = next((it for it in pod.at("containers").each() if _is_service(it, app)), Node())
    yield Sidecar(
        form=Form.POD,
        document=document,
        app=app,
        root=annotations,
        options={
            _flag(name.removeprefix(_ANNOTATION)): node
            for name, node in annotations.items()
            if name.startswith(_ANNOTATION) and node.given
        },
        env={
            variable.at("name").text: variable.at("value")
            for variable in container.at("env").each()
        },
        serves=container.given,
        pod=pod,
        knows_env=not container.at("envFrom").given,
    )


def service_container(sidecar: Sidecar) -> Node:
    """Return the container of our service in a pod; without value if there is none."""
    containers = sidecar.pod.at("containers").each()
    return next((it for it in containers if _is_service(it, sidecar.app)), Node())


def _is_service(container: Node, app: str) -> bool:
    """Whether a container runs a service: the images serve callers as an interpreter, too."""
    if container.at("command").given:
        return False
    image = container.at("image").text.partition("@")[0].rpartition("/")
    ours = image[0].rpartition("/")[2] == "meshlens"
    return ours or (app in SERVICES and container.at("name").text == app)


def _flag(annotation: str) -> str:
    return next((flag for flag, name in _IN_ANNOTATIONS.items() if name == annotation), annotation)


def _annotation(flag: str) -> str:
    return f"{_ANNOTATION}{_IN_ANNOTATIONS.get(flag, flag)}"
