"""State stores: SQLite's files, keys, sizes, and what Dapr's own outbox costs."""

from collections import defaultdict
from collections.abc import Iterator

from meshlens.command.diagnosis.findings import Check, Severity, Trouble
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Component, Scope
from meshlens.command.diagnosis.sidecars import SERVICES, Form
from meshlens.command.diagnosis.values import read_seconds

_SQLITE = ("state.sqlite", "bindings.sqlite", "configuration.sqlite")
_LEAST_BUSY = 2.0
# The largest item, by the store's type.
_SMALL = {
    "state.aws.dynamodb": "400 KB",
    "state.gcp.firestore": "1 MiB",
}


def _sqlite(scope: Scope) -> Iterator[Component]:
    return (it for it in scope.components() if it.type in _SQLITE)


def _file_of(connection: str) -> str:
    return connection.removeprefix("file:").partition("?")[0]


def _find_shared(scope: Scope) -> Iterator[Trouble]:
    users: dict[tuple[str, str], list[tuple[Document, Node]]] = defaultdict(list)
    for component in _sqlite(scope):
        node = component.option("connectionString")
        if node.text:
            table = component.option("metadataTableName").text
            users[_file_of(node.text), table].append((component.document, node))
    for document in scope.of_kind("Configuration"):
        node = document.root.at("spec", "nameResolution", "configuration", "connectionString")
        if node.text:
            tables = document.root.at("spec", "nameResolution", "configuration")
            table = tables.at("metadataTableName").text
            users[_file_of(node.text), table].append((document, node))
    if scope.sidecars or scope.whole:
        for several in users.values():
            names = {(document.label) for document, _ in several}
            for document, node in several[1:] if len(names) > 1 else ():
                yield Trouble.at(document, node, "a file, or a metadataTableName, of its own")


def _find_relative(scope: Scope) -> Iterator[Trouble]:
    for run_file in scope.of_kind("RunFile"):
        folders = {app.at("appDirPath").text for app in run_file.root.at("apps").each()}
        if len(folders) > 1:
            for component in _sqlite(scope):
                node = component.option("connectionString")
                if node.text and not _file_of(node.text).startswith("/"):
                    yield Trouble.at(component.document, node, "an absolute path")
            for document in scope.of_kind("Configuration"):
                names = document.root.at("spec", "nameResolution", "configuration")
                node = names.at("connectionString")
                if node.text and not _file_of(node.text).startswith("/"):
                    yield Trouble.at(document, node, "an absolute path")


def _find_on_cluster(scope: Scope) -> Iterator[Trouble]:
    if not any(sidecar.form is Form.POD for sidecar in scope.sidecars):
        return
    for component in _sqlite(scope):
        node = component.document.root.at("spec", "type")
        yield Trouble.at(component.document, node, "a store that all pods share")


def _find_busy(scope: Scope) -> Iterator[Trouble]:
    for component in _sqlite(scope):
        node = component.option("busyTimeout")
        seconds = read_seconds(node.text) if node.given else _LEAST_BUSY
        if seconds is not None and seconds < _LEAST_BUSY:
            yield Trouble.at(component.document, node, "5s")


def _find_uncleaned(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components("state.sqlite"):
        node = component.option("cleanupInterval")
        seconds = read_seconds(node.text) if node.given else 0.0
        if seconds is not None and seconds <= 0:
            yield Trouble.at(component.document, node, "10m")


def _find_shared_keys(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components("state."):
        node = component.option("keyPrefix")
        if node.text and node.text not in {"appid", "namespace"}:
            yield Trouble.at(component.document, node, "appid, the default")


def _find_small(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components("state."):
        largest = _SMALL.get(component.type)
        if largest and any(map(component.serves, SERVICES)):
            node = component.document.root.at("spec", "type")
            got = f"{component.type}, with items of at most {largest}"
            yield Trouble.at(component.document, node, "a store for items of 1 MiB", got=got)


def _find_memory(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components("state.in-memory"):
        node = component.document.root.at("spec", "type")
        yield Trouble.at(component.document, node, "a store that outlives the sidecar")


def _find_outbox(scope: Scope) -> Iterator[Trouble]:
    for component in scope.components("state."):
        node = component.option("outboxPublishPubsub")
        if node.given:
            yield Trouble.at(component.document, node, "none; the services have an outbox")


CHECKS = (
    Check(
        "shared-sqlite-file",
        Severity.ERROR,
        "two components in one SQLite file",
        "connectionString and metadataTableName of SQLite components and of the name resolution",
        "They share the table that says which version the file has, and read each other's.",
        "Give each a file of its own, or a metadataTableName.",
        _find_shared,
    ),
    Check(
        "relative-sqlite-file",
        Severity.ERROR,
        "one path, several SQLite files",
        "relative paths in connectionString where apps of a run file have different appDirPath",
        "A path is relative to the working directory of each sidecar: apps do not find each other"
        " (no host found with the given ID), and replicas do not share their state.",
        "Write an absolute path; meshlens up does so by itself.",
        _find_relative,
    ),
    Check(
        "sqlite-on-cluster",
        Severity.ERROR,
        "a SQLite file for pods",
        "SQLite components beside pods",
        "Each pod has a file of its own, which ends with it.",
        "Take state.redis or another store of the network.",
        _find_on_cluster,
    ),
    Check(
        "sqlite-busy-timeout",
        Severity.WARNING,
        "writers that do not wait for each other",
        "busyTimeout of SQLite components",
        "Two sidecars write the same file, and one chunk of a model takes 10 ms: whoever does not"
        " wait fails.",
        "Set it to 5s.",
        _find_busy,
    ),
    Check(
        "sqlite-cleanup",
        Severity.WARNING,
        "expired keys that stay",
        "cleanupInterval of state.sqlite",
        "It is off by default: what has a time to live is never removed, and the file grows.",
        "Set it to 10m.",
        _find_uncleaned,
    ),
    Check(
        "shared-keys",
        Severity.WARNING,
        "apps that see each other's keys",
        "keyPrefix of state stores",
        "Any app that loads the store can read, replace and delete what the services keep.",
        "Remove it: keys then begin with the app id.",
        _find_shared_keys,
    ),
    Check(
        "small-items",
        Severity.WARNING,
        "a state store whose items are too small",
        "types of state stores that the services load",
        "Model files are kept in chunks of 1 MiB: none is stored, and each start fetches all.",
        "Take Redis, PostgreSQL or SQLite for the services.",
        _find_small,
    ),
    Check(
        "in-memory-state",
        Severity.ERROR,
        "a state store inside one sidecar",
        "components of type state.in-memory",
        "Fits and cached models end with the sidecar, and no replica sees those of another.",
        "Take state.sqlite on one host, state.redis on several.",
        _find_memory,
    ),
    Check(
        "dapr-outbox",
        Severity.ERROR,
        "Dapr's own outbox",
        "outboxPublishPubsub of a state store",
        "A transaction takes 1.0 s on SQLite, one at a time; on Redis 10 events a second come out,"
        " and more lag behind without bound.",
        "Remove it; EVENTS=outbox of the services publishes 2,000 a second.",
        _find_outbox,
    ),
)
