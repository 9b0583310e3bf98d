"""Label files say what each class is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.classify.errors import InvalidModel
from meshlens.classify.formats.labels import decode_labels, name_classes


def test_each_line_is_a_label() -> None:
    assert decode_labels(b"tench, Tinca tinca\ngoldfish\n") == ("tench, Tinca tinca", "goldfish")


def test_the_last_line_may_end_or_not() -> None:
    assert decode_labels(b"a\nb") == decode_labels(b"a\nb\n") == ("a", "b")


def test_an_empty_line_is_a_class_without_a_name() -> None:
    assert decode_labels(b"a\n\nb\n") == ("a", "", "b")


def test_files_of_windows_are_read() -> None:
    assert decode_labels("\ufeffä\r\nb\r\n".encode()) == ("ä", "b")


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1))
def test_labels_of_any_script_come_back(labels: list[str]) -> None:
    assert decode_labels("\n".join(labels).encode()) == tuple(labels)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidModel, match="UTF-8"):
        decode_labels(b"\xff\xfe\x00")


def test_classes_without_names_are_counted() -> None:
    assert name_classes((), 3) == ("0", "1", "2")
