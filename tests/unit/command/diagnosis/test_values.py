"""Durations, sizes, numbers and switches are read as their readers do, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.command.diagnosis.values import read_bytes, read_seconds, read_truth, read_whole


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        (".5h", 1800.0),
        ("10us", 1e-5),
        ("0", 0.0),
        (" 5s ", 5.0),
        ("60", None),
        ("1 s", None),
        ("-1s", None),
        ("soon", None),
        ("", None),
        ("9" * 31, None),
        ("٣s", None),
    ],
)
def test_a_duration_needs_a_unit(text: str, seconds: float | None) -> None:
    assert read_seconds(text) == (None if seconds is None else pytest.approx(seconds))


def test_a_number_without_unit_is_what_the_reader_says() -> None:
    assert read_seconds("60", bare=1.0) == 60.0
    assert read_seconds("60", bare=1e-3) == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16Mi", 16 * 1024**2),
        ("16MiB", 16 * 1024**2),
        ("1.5Gi", 1536 * 1024**2),
        ("4M", 4_000_000),
        ("4k", 4000),
        ("16777216", 16777216),
        ("plenty", None),
        ("-1", None),
        ("1Mi 1Ki", None),
        ("", None),
    ],
)
def test_a_size_may_have_a_unit(text: str, size: int | None) -> None:
    assert read_bytes(text) == size


def test_a_whole_number_may_have_a_sign() -> None:
    assert [read_whole(text) for text in ("3", "-1", "+2", "1.5", "")] == [3, -1, 2, None, None]


def test_a_switch_takes_the_words_of_dapr() -> None:
    assert all(read_truth(text) is True for text in ("true", "True", "yes", "y", "on", "1", "t"))
    assert all(read_truth(text) is False for text in ("false", "No", "off", "0"))
    assert read_truth("maybe") is None
    assert read_truth("") is None


@given(st.text(max_size=40))
def test_no_text_crashes_them(text: str) -> None:
    for read in (read_seconds, read_bytes, read_whole, read_truth):
        read(text)
