"""YAML of anybody: what is hostile is refused by name, and nothing crashes what reads it."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from manifests import ROOT

from meshlens.command.diagnosis.examination import examine
from meshlens.command.diagnosis.files.gathering import make_scope
from meshlens.command.diagnosis.files.reading import MOST_BYTES, read_documents
from meshlens.command.diagnosis.nodes import Document, Node
from meshlens.command.diagnosis.report import describe_findings
from meshlens.command.diagnosis.scopes import Unread

SHIPPED = [
    *(ROOT / "dapr").glob("*.yaml"),
    *(ROOT / "components").rglob("*.yaml"),
    ROOT / "k8s/base/service/service.yaml",
    ROOT / "k8s/base/configuration.yaml",
    ROOT / "k8s/overlays/dev/redis.yaml",
    ROOT / "k8s/overlays/prod/access.yaml",
    ROOT / "k8s/components/gateway/gateway.yaml",
    ROOT / "examples/kubernetes/caller.yaml",
]
DOCUMENTS: list[Any] = [
    document for path in SHIPPED for document in yaml.safe_load_all(path.read_text())
]


def read(text: str | bytes) -> list[Document | Unread]:
    return list(read_documents("file", text if isinstance(text, bytes) else text.encode()))


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines)


def merge_bomb(levels: int) -> str:
    lines = ["a0: &a0 {k: v}"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} {{<<: [{aliases}]}}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [unfinished", "expected"),
        ("a: b: c", "not allowed"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: !Ref x", "could not determine a constructor"),
        ("a: 2026-99-99", "month must be in 1..12"),
        (f"a: {'1' * 5000}", "digits"),
        ("a: !!binary é", "failed"),
        ("{[a]: b}", "unhashable"),
        ("a: &a [*a]", "stands for itself"),
        ("a: &a {<<: *a}", "stands for itself"),
        (bomb(20, 10), "aliases that stand for"),
        (merge_bomb(12), "aliases that stand for"),
        ("[" * 200, "levels"),
        ("a:\n" * 1 + "".join(f"{' ' * n}a:\n" for n in range(1, 200)), "levels"),
        ("[" + "x," * 200_001 + "]", "200000 parts"),
        (b"\xff\xfe\x00", "can't decode"),
        (b"a: \x00", "not allowed"),
        ("just a text", "just a text"),
        ("[a, list]", "a list"),
        ("{kind: List, items: [1]}", "1"),
    ],
)
def test_what_is_hostile_is_refused_by_name(text: str | bytes, says: str) -> None:
    (unread,) = read(text)
    assert isinstance(unread, Unread)
    assert says in unread.got


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    (unread,) = read(b"#" * (MOST_BYTES + 1))
    assert isinstance(unread, Unread)
    assert unread.expected == f"at most {MOST_BYTES} bytes"


def test_documents_before_one_that_is_unreadable_are_read() -> None:
    first, unread = read("kind: A\n---\nkind: !Ref x\n")
    assert isinstance(first, Document)
    assert isinstance(unread, Unread)


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing", "~"])
def test_an_empty_file_has_no_documents(text: str) -> None:
    assert read(text) == []


def test_a_list_has_the_documents_of_its_items() -> None:
    documents = read("{kind: List, items: [{kind: A}, {kind: B}]}")
    assert [it.kind for it in documents if isinstance(it, Document)] == ["A", "B"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_crash_it(content: bytes) -> None:
    read(content)


OTHERS: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1, 1.5, float("nan"), "", "x", "-1", "1e9", [], {}, [[]], {"a": {}}, "\0", "~"]
)


@given(
    which=st.integers(0, len(DOCUMENTS) - 1),
    where=st.integers(0),
    other=OTHERS,
    dropped=st.booleans(),
)
def test_no_change_of_a_value_that_ships_crashes_the_examination(
    which: int, where: int, other: object, *, dropped: bool
) -> None:
    changed = copy.deepcopy(DOCUMENTS[which])
    places = list(every_place(changed))
    parent, key = random.Random(where).choice(places)  # noqa: S311 - hypothesis chose the seed
    if dropped:
        del parent[key]
    else:
        parent[key] = other
    documents = [*DOCUMENTS[:which], changed, *DOCUMENTS[which + 1 :]]
    read = (Document("file", Node(content)) for content in documents)
    describe_findings(examine([make_scope(read, whole=True)]), [])


def every_place(value: Any) -> Any:  # noqa: ANN401 - YAML
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in list(pairs):
        yield value, key
        if isinstance(below, dict | list):
            yield from every_place(below)


def test_what_ships_is_among_what_is_changed() -> None:
    assert all(isinstance(it, Document) for path in SHIPPED for it in read(Path(path).read_bytes()))
    assert len(DOCUMENTS) > 15
