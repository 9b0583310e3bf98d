"""Label files as people and programs write them, each with the labels it means."""

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.label_forms import decode_label_file
from meshlens.classify.formats.labels import InvalidLabels, name_classes
from meshlens.classify.formats.packed_names import find_packed_names

RGB = ("red", "green", "blue")
LABELS = st.lists(
    st.text(st.characters(categories=["L"]), min_size=1), min_size=1, max_size=9, unique=True
)


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("labels.txt", "red\ngreen\nblue\n\n \n", RGB),
        ("labels.txt", "0 red\n1 green\n2 blue\n", RGB),
        ("labels.txt", "0: red\r\n1: green\r\n2: blue\r\n", RGB),
        ("labels.txt", "0,red\n1,green\n2,blue", RGB),
        ("labels.txt", "2\tblue\n0\tred\n1\tgreen", RGB),
        ("labels.txt", "1 red\n2 green\n3 blue", ("???", *RGB)),
        ("labels.txt", "0  red\n2  blue", ("red", "???", "blue")),
        ("labels.txt", "7 up\n101 dalmatians", ("7 up", "101 dalmatians")),
        ("labels.txt", "0\n1\n2\n", ("0", "1", "2")),
        ("labels.txt", "0 red\ngreen", ("0 red", "green")),
        ("labels.txt", "0 blind mice\n9000 leagues", ("0 blind mice", "9000 leagues")),
        ("labels.txt", "red\n\nblue", ("red", "", "blue")),
        ("coco.names", "red\ngreen\nblue\n", RGB),
        ("LABELS", "red\ngreen\nblue\n", RGB),
        ("class_names.json", '["red", "green", "blue"]', RGB),
        ("class_names.JSON", '{"0": "red", "2": "blue", "1": "green"}', RGB),
        ("index.json", '{"0": ["n01", "red"], "1": ["n02", "green"]}', ("red", "green")),
        ("indices.json", '{"blue": 2, "red": 0, "green": 1}', RGB),
        ("data.yaml", "path: x\nnames: [red, green, blue]\n", RGB),
        ("metadata.yaml", "task: detect\nnames:\n  0: red\n  1: green\n  2: blue\n", RGB),
        (
            "map.pbtxt",
            (
                "# ids\nitem {\n  id: 1\n  name: '/m/01'\n  display_name: 'it\\'s red'\n}\n"
                'item {\n  name: "blue"\n  id: 3\n}\n'
            ),
            ("???", "it's red", "???", "blue"),
        ),
    ],
)
def test_each_form_means_its_labels(name: str, text: str, labels: tuple[str, ...]) -> None:
    assert decode_label_file(name, text.encode()) == labels


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.txt", "", "expected labels, one per line, got none"),
        ("labels.txt", "\n\n", "expected labels, one per line, got none"),
        ("labels.txt", "0 red\n1 green\n1 blue", "number once, got 1 for green and for blue"),
        ("a.json", "{", "a.json cannot be read: "),
        ("a.json", "[1, 2]", "expected a.json to hold names"),
        ("a.json", "[]", "expected a.json to hold names"),
        ("a.json", '{"0": 1, "1": ["a"], "2": []}', "expected a.json to hold names"),
        ("a.json", '{"0": "a", "500": "b"}', "without large gaps, got 2 labels, numbers up to 500"),
        ("a.json", '{"red": 0, "green": 0}', "number once, got 0 for red and for green"),
        ("a.yaml", "red", "expected a.yaml to hold names"),
        ("a.yaml", "names: {a: b}", "expected a.yaml to hold names"),
        ("a.yaml", "names: [", "a.yaml cannot be read"),
        ("a.pbtxt", "red\n", "expected a.pbtxt to hold items"),
        ("a.pbtxt", "item { id: 1 }", "must have an id and a name, got id: 1"),
        ("a.pbtxt", "item{id:1 name:'a'} item{id:1 name:'b'}", "got 1 for a and for b"),
        ("a.txt", "x" * (5 << 20), "at most 4194304 bytes"),
    ],
)
def test_what_is_wrong_is_named(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidLabels, match=message):
        decode_label_file(name, text.encode())


@given(LABELS)
def test_labels_come_back_from_every_form(labels: list[str]) -> None:
    forms = {
        "a.txt": "".join(f"{number} {label}\n" for number, label in enumerate(labels)),
        "a.json": json.dumps(labels),
        "b.json": json.dumps({label: number for number, label in enumerate(labels)}),
        "c.json": json.dumps({str(number): label for number, label in enumerate(labels)}),
        "d.yaml": json.dumps({"names": labels}, ensure_ascii=False),
    }
    for name, text in forms.items():
        assert decode_label_file(name, text.encode()) == tuple(labels)
    items = [f"item {{ id: {n} name: {json.dumps(x)} }}" for n, x in enumerate(labels, 1)]
    plain = [item for item in items if "\\u" not in item]
    if len(plain) == len(items):
        assert decode_label_file("e.pbtxt", "\n".join(items).encode()) == ("???", *labels)


@given(st.sampled_from(["a.txt", "a.json", "a.yaml", "a.pbtxt"]), st.binary())
def test_any_bytes_are_labels_or_refused(name: str, data: bytes) -> None:
    try:
        labels = decode_label_file(name, data)
    except InvalidModel:
        return
    assert labels


@pytest.mark.parametrize("first", ["???", "background", "Background"])
def test_a_background_is_left_out_for_a_model_without_such_a_class(first: str) -> None:
    assert name_classes((first, *RGB), 3) == RGB
    assert name_classes((first, *RGB), 4) == (first, *RGB)
    with pytest.raises(InvalidLabels, match=r"expected 3 labels.* got 4; .* one line for each"):
        name_classes(("more", *RGB), 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metadata.json", '{"task": "detect", "names": {"0": "red", "1": "green", "2": "blue"}}'),
        ("temp_meta.txt", "{'stride': 32, 'names': {0: 'red', 1: 'green', 2: 'blue'}}"),
        ("meta.txt", "{'stride': 32, 'names': ['red', 'green', 'blue']}"),
        ("other.txt", "red"),
    ],
)
def test_names_that_an_exporter_packs_behind_a_model_are_found(name: str, text: str) -> None:
    file = io.BytesIO(b"model")
    assert find_packed_names(file.getvalue()) == ()
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, text)
    assert find_packed_names(file.getvalue()) == (RGB if name != "other.txt" else ())
