"""Text is cut and broken to the room there is."""

from hypothesis import given
from hypothesis import strategies as st

from meshlens.pca.drawing.layout.text_width import measure, shorten, wrap


@given(st.text(max_size=80), st.floats(12, 300))
def test_shortened_words_have_the_room_they_are_given(content: str, width: float) -> None:
    short = shorten(content, width)
    assert measure(short) <= max(width, 2 * 12)
    if measure(content) <= width and content.isprintable():
        assert short == content


def test_lines_break_between_words() -> None:
    assert list(wrap("one two three", 60, font_size=10)) == ["one two", "three"]
    assert list(wrap("unbreakable", 10, font_size=10)) == ["unbreakable"]
