"""What a content type says."""

import pytest

from meshlens.daprkit.parsing.media_types import parse_charset, parse_media_type


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("text/csv", ""),
        ("text/csv; charset=Windows-1252", "windows-1252"),
        ('text/csv;charset="koi8-r"; header=present', "koi8-r"),
        ("", ""),
    ],
)
def test_a_content_type_may_name_a_charset(content_type: str, charset: str) -> None:
    assert parse_charset(content_type) == charset
    assert parse_media_type(content_type) == content_type.partition(";")[0]
