"""YAML of anybody, read within bounds: it may be anything, and it may be hostile."""

from collections.abc import Iterator
from typing import Any

import yaml

from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.scopes import Unread

MOST_BYTES = 4 * 1024 * 1024
_MOST_NODES = 200_000
_DEEPEST = 100
_LONGEST = 200
# libyaml's, where PyYAML is built with it: ten times as fast.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _TooLargeError(yaml.YAMLError):
    """The document is beyond a bound."""


def read_documents(file: str, content: bytes) -> Iterator[Document | Unread]:
    """Yield the documents of a file; one that is unreadable ends it and says why.

    Aliases count with all that they stand for, so that no file is larger in memory than it seems.
    """
    whole = Document(file, Node())
    if len(content) > MOST_BYTES:
        yield Unread(whole, f"{len(content)} bytes", f"at most {MOST_BYTES} bytes")
        return
    try:
        text = content.decode("utf-8-sig")
        _check_depth(text)
        for node in yaml.compose_all(text, _Loader):
            if node is None:
                continue
            _check_size(node)
            loader = _Loader("")
            value = loader.construct_document(node)
            yield from _split(file, value)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        said = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
        yield Unread(whole, said, "YAML that can be read")


def _split(file: str, value: object) -> Iterator[Document | Unread]:
    """Yield a document, or those of a List, as kubectl writes it."""
    document = Document(file, Node(value))
    if value is None:
        return
    if not isinstance(value, dict):
        yield Unread(document, document.root.shown, "a mapping, as every document of Dapr is")
    elif document.kind == "List":
        for item in document.root.at("items").each():
            if isinstance(item.value, dict):
                yield Document(file, Node(item.value))
            else:
                yield Unread(document, item.shown, "a mapping for each item")
    else:
        yield document


def _check_depth(text: str) -> None:
    """Refuse what is nested too deep, before anything recursive sees it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, _Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST or count > _MOST_NODES:
            raise _TooLargeError(f"more than {_DEEPEST} levels, or {_MOST_NODES} parts")


def _check_size(root: yaml.Node) -> None:
    """Refuse aliases that stand for more than a document may have, or for themselves."""
    weights: dict[int, int] = {}
    open_: set[int] = set()

    def weigh(node: yaml.Node) -> int:
        if id(node) in weights:
            return weights[id(node)]
        if id(node) in open_:
            raise _TooLargeError("an alias that stands for itself")
        open_.add(id(node))
        weight = 1
        if isinstance(node, yaml.MappingNode):
            weight += sum(weigh(key) + weigh(value) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            weight += sum(map(weigh, node.value))
        if weight > _MOST_NODES:
            raise _TooLargeError(f"aliases that stand for more than {_MOST_NODES} parts")
        open_.discard(id(node))
        weights[id(node)] = weight
        return weight

    weigh(root)
