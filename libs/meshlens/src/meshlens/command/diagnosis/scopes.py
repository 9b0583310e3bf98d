"""What belongs together: the documents that the same sidecars load, and the sidecars."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.sidecars import Form, Sidecar


@dataclass(frozen=True, slots=True)
class Component:
    """A Dapr component.

    Attributes:
        document: where it is.
        metadata: its options by name; those that come from elsewhere have the place, no value.
        sources: where an option comes from that is not written here: envRef or secretKeyRef.
    """

    document: Document
    metadata: Mapping[str, Node]
    sources: Mapping[str, Node]

    @property
    def type(self) -> str:
        """Its type, such as pubsub.redis."""
        return self.document.root.at("spec", "type").text

    def option(self, name: str) -> Node:
        """Return an option; without value, but with a place, if not given."""
        return self.metadata.get(name) or Node(None, f"spec.metadata[name={name}]")

    def serves(self, app: str) -> bool:
        """Whether the sidecar of this app loads it."""
        scopes = [scope.text for scope in self.document.root.at("scopes").each()]
        return not scopes or app in scopes


@dataclass(frozen=True, slots=True)
class Unread:
    """A file, or a document in it, that could not be read."""

    document: Document
    got: str
    expected: str


@dataclass(frozen=True, slots=True)
class Broker:
    """What a Redis that runs said.

    Attributes:
        document: the component that names it.
        address: host:port, or the path of a socket.
        settings: the answer of CONFIG GET.
        ahead: seconds that its clock is ahead of ours.
    """

    document: Document
    address: str
    settings: Mapping[str, str]
    ahead: float


@dataclass(frozen=True)
class Scope:
    """What the same sidecars load, or files of which nobody knows who loads them.

    Attributes:
        documents: all that was read.
        sidecars: those that load them.
        whole: whether everything that the sidecars load is here, so that what is missing counts.
        unread: what could not be read.
        texts: sources of programs, by path.
        metadata: what live sidecars say of themselves.
        ahead: seconds that a live sidecar's clock is ahead of ours, by its document's file.
        brokers: those that live sidecars use.
    """

    documents: Sequence[Document]
    sidecars: Sequence[Sidecar] = ()
    whole: bool = False
    unread: Sequence[Unread] = ()
    texts: Sequence[tuple[Document, str]] = ()
    metadata: Sequence[Document] = ()
    ahead: Mapping[str, float] | None = None
    brokers: Sequence[Broker] = ()

    def of_kind(self, kind: str) -> Iterator[Document]:
        """Yield the documents of a kind."""
        return (document for document in self.documents if document.kind == kind)

    def components(self, prefix: str = "") -> Iterator[Component]:
        """Yield the components whose type begins with `prefix`."""
        return (it for it in self._components if it.type.startswith(prefix))

    @cached_property
    def _components(self) -> tuple[Component, ...]:
        return tuple(map(_read_component, self.of_kind("Component")))

    @property
    def services(self) -> Iterator[Sidecar]:
        """The sidecars of our services."""
        return (sidecar for sidecar in self.sidecars if sidecar.serves)

    @property
    def pods(self) -> list[Sidecar]:
        """The sidecars on a cluster."""
        return [sidecar for sidecar in self.sidecars if sidecar.form is Form.POD]

    def setting(self, name: str) -> str | None:
        """Return the largest number that a service has for a setting; its default without one."""
        values = [value for it in self.services if (value := it.setting(name))]
        return max(values, key=_as_number, default=None)


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _read_component(document: Document) -> Component:
    metadata, sources = {}, {}
    for entry in document.root.at("spec", "metadata").each():
        name = entry.at("name").text
        metadata[name] = entry.at("value")
        for kind in ("envRef", "secretKeyRef"):
            if entry.at(kind).given:
                sources[name] = entry.at(kind)
    return Component(document, metadata, sources)
