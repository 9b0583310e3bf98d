"""Parsed YAML with its places: whatever its types, asking for a part of it never fails."""

from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, and where it is.

    Attributes:
        value: as parsed; None if there is none.
        path: from the root of the document, as spec.metadata[2].value.
    """

    value: object = None
    path: str = ""

    def at(self, *keys: str | int) -> "Node":
        """Return a value below this one; without value if there is none."""
        node = self
        for key in keys:
            value: object = None
            if isinstance(key, str) and isinstance(node.value, dict):
                value = node.value.get(key)
            elif isinstance(key, int) and isinstance(node.value, list):
                value = node.value[key] if key < len(node.value) else None
            node = Node(value, _join(node.path, key))
        return node

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Yield what a mapping has under each name; nothing if it is none."""
        if isinstance(self.value, dict):
            for key in self.value:
                if isinstance(key, str):
                    yield key, self.at(key)

    def values(self) -> Iterator["Node"]:
        """Yield what a mapping has; nothing if it is none."""
        return (node for _, node in self.items())

    def each(self) -> Iterator["Node"]:
        """Yield the entries of a list; nothing if it is none."""
        if isinstance(self.value, list):
            for index in range(len(self.value)):
                yield self.at(index)

    @property
    def given(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def text(self) -> str:
        """A scalar as its reader takes it; empty for anything else."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return str(self.value) if isinstance(self.value, str | int | float) else ""

    @property
    def shown(self) -> str:
        """The value for messages, on one line."""
        if not self.given:
            return "nothing"
        if isinstance(self.value, dict | list):
            return f"a {'mapping' if isinstance(self.value, dict) else 'list'}"
        text = " ".join(self.text.split()) if isinstance(self.value, str) else self.text
        text = text or repr(self.value)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, or what a sidecar says of itself.

    Attributes:
        file: its path or address, for messages.
        root: its content.
    """

    file: str
    root: Node

    @property
    def kind(self) -> str:
        """Its kind, such as Component; RunFile for what `dapr run -f` reads."""
        if kind := self.root.at("kind").text:
            return kind
        return "RunFile" if isinstance(self.root.at("apps").value, list) else ""

    @property
    def name(self) -> str:
        """Its name, if it has one."""
        return self.root.at("metadata", "name").text

    @property
    def label(self) -> str:
        """Kind and name, for messages."""
        return "/".join(filter(None, [self.kind, self.name]))

    def reason_to_ignore(self, check: str) -> str:
        """Return why a check is not to report this document; empty if it is to."""
        return self.root.at("metadata", "annotations", f"meshlens.dev/ignore-{check}").text.strip()


def _join(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if "." in key or "/" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key
