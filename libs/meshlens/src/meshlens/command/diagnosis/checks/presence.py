"""What is named and must be there: files that can be read, components, configurations, values."""

from collections.abc import Iterator

from meshlens.command.diagnosis.dapr_options import ANNOTATIONS, RUN_FILE
from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Scope
from meshlens.command.diagnosis.sidecars import JOBS, Form, Sidecar


def _find_unread(scope: Scope) -> Iterator[Trouble]:
    for each in scope.unread:
        yield Trouble(each.document, "", each.got, each.expected)


def _find_missing(scope: Scope) -> Iterator[Trouble]:
    for sidecar in scope.services if scope.whole or scope.metadata else ():
        loaded = dict(_loaded(scope, sidecar))
        wanted = {} if sidecar.app == JOBS else {"STATE_STORE": "state."}
        if sidecar.setting("EVENTS") != "off":
            wanted["PUBSUB"] = "pubsub."
        for setting, kind in wanted.items():
            name = sidecar.setting(setting)
            if name and not loaded.get(name, "").startswith(kind):
                got = loaded.get(name) or ", ".join(loaded) or "no component"
                yield Trouble.at(
                    sidecar.document,
                    sidecar.env.get(setting) or Node(None, sidecar.root.path),
                    f"a component {name} of type {kind}* for {sidecar.app}",
                    got=got,
                )


def _loaded(scope: Scope, sidecar: Sidecar) -> Iterator[tuple[str, str]]:
    """Yield name and type of what a sidecar loads: as it says, else by the files."""
    for document in scope.metadata:
        if document is sidecar.document:
            for component in document.root.at("components").each():
                yield component.at("name").text, component.at("type").text
            return
    for each in scope.components():
        if each.serves(sidecar.app):
            yield each.document.name, each.type


def _find_missing_configurations(scope: Scope) -> Iterator[Trouble]:
    known = {document.name for document in scope.of_kind("Configuration")}
    for sidecar in scope.pods if scope.whole else ():
        node = sidecar.option("config")
        if node.text and node.text not in known:
            yield Trouble.at(sidecar.document, node, "the name of a Configuration")


def _find_unknown_options(scope: Scope) -> Iterator[Trouble]:
    for document in scope.of_kind("RunFile"):
        parts = (document.root, document.root.at("common"), *document.root.at("apps").each())
        for part in parts:
            for key, node in part.items():
                if key not in RUN_FILE:
                    yield _unknown(document, node, key, RUN_FILE)
    for sidecar in scope.pods:
        for key, node in sidecar.root.items():
            name = key.removeprefix("dapr.io/")
            if name != key and name not in ANNOTATIONS:
                yield _unknown(sidecar.document, node, name, ANNOTATIONS)


def _unknown(document: Document, node: Node, key: str, known: frozenset[str]) -> Trouble:
    near = [it for it in sorted(known) if it.lower()[:6] == key.lower()[:6]]
    expected = f"one of {', '.join(near)}" if near else "an option that Dapr knows"
    return Trouble.at(document, node, expected, got=key)


def _find_unreached(scope: Scope) -> Iterator[Trouble]:
    apps = [it for it in scope.sidecars if it.form is Form.RUN_FILE]
    for component in scope.components():
        for source in component.sources.values():
            for sidecar in apps:
                if source.text and source.text in sidecar.env:
                    yield Trouble.at(
                        sidecar.document,
                        sidecar.env[source.text],
                        f"{source.text} in the environment of dapr run, for"
                        f" {component.document.name}",
                        got="it in the environment of the app",  # the value may be a password
                    )


CHECKS = (
    Check(
        "yaml",
        Severity.ERROR,
        "a file that cannot be read",
        "all YAML: at most 4 MiB, 100 levels and 200,000 parts a file",
        "Dapr leaves such a file out, or does not start.",
        "Correct it.",
        _find_unread,
    ),
    Check(
        "missing-component",
        Severity.ERROR,
        "a component that a service needs and its sidecar does not have",
        "PUBSUB and STATE_STORE of pca and classify; components with their scopes, or the metadata"
        " of a live sidecar",
        "Without the broker events wait until the outbox is full, then all calls fail; without the"
        " state store no fit is kept, and each start fetches all models.",
        "Add the component, or its name to the setting, or the app id to its scopes.",
        _find_missing,
    ),
    Check(
        "missing-configuration",
        Severity.ERROR,
        "a Configuration that is not there",
        "dapr.io/config of pods in rendered manifests",
        "The sidecar does not start.",
        "Add the Configuration to the same namespace, or correct the name.",
        _find_missing_configurations,
    ),
    Check(
        "unknown-option",
        Severity.ERROR,
        "an option that Dapr does not know",
        "keys of run files, annotations dapr.io/* of pods",
        "Dapr ignores it without a word: a misspelt limit or switch has its default.",
        "Correct its name.",
        _find_unknown_options,
    ),
    Check(
        "unreached-environment",
        Severity.ERROR,
        "a value for the sidecar that only the app gets",
        "env of a run file, and envRef of components",
        "dapr run -f gives env to the app alone: the component has an empty value.",
        "Set the variable where dapr run starts.",
        _find_unreached,
    ),
)
