"""The sentence says as much as the probability allows, in English and safe in a page."""

import html
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.classify.formats.labels import Label
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.classification.verdicts import Level, article, judge


@pytest.mark.parametrize(
    ("probability", "level", "sentence"),
    [
        (0.92, Level.VERY_HIGH, "It is very likely a military uniform."),
        (0.7501, Level.VERY_HIGH, "It is very likely a military uniform."),
        (0.75, Level.HIGH, "It is likely a military uniform."),
        (0.51, Level.HIGH, "It is likely a military uniform."),
        (0.5, Level.MEDIUM, "It could be a military uniform."),
        (0.21, Level.MEDIUM, "It could be a military uniform."),
        (0.2, Level.LOW, "It does not appear to be a dish in the picture."),
        (0.0, Level.LOW, "It does not appear to be a dish in the picture."),
    ],
)
def test_the_words_follow_the_probability(probability: float, level: Level, sentence: str) -> None:
    verdict = judge(Label(653, "military uniform", probability), "dish")
    assert (verdict.level, verdict.sentence) == (level, sentence)


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("military uniform", "a"),
        ("object", "an"),
        ("Indian elephant", "an"),
        ("European gallinule", "a"),
        ("unicycle", "a"),
        ("uniform", "a"),
        ("umbrella", "an"),
        ("unimportant thing", "an"),
        ("uninhabited house", "an"),
        ("hourglass", "an"),
        ("horse", "a"),
        ("one-armed bandit", "a"),
        ("oneiric picture", "an"),
        ("ukulele", "a"),
        ("7", "a"),
        ("8", "an"),
        ("", "a"),
    ],
)
def test_the_article_follows_the_sound(noun: str, expected: str) -> None:
    assert article(noun) == expected


def test_the_page_links_the_label() -> None:
    verdict = judge(Label(1, "military uniform", 0.9), "dish")
    assert verdict.html == (
        'It is very likely a <a href="https://en.wikipedia.org/wiki/Special:Search'
        '?search=military%20uniform">military uniform</a>.'
    )


def test_a_page_says_that_there_is_nothing_without_a_link() -> None:
    verdict = judge(Label(1, "military uniform", 0.1), "dish")
    assert verdict.html == verdict.sentence


@given(st.text(), st.text())
def test_a_label_cannot_leave_its_place_in_a_page(label: str, subject: str) -> None:
    page = judge(Label(0, label, 0.9), subject).html
    parts = re.fullmatch(r'It is very likely an? <a href="([^"<>]*)">([^<>"]*)</a>\.', page)
    assert parts is not None
    assert html.unescape(parts[2]) == label
    assert unquote(html.unescape(parts[1]).partition("search=")[2]) == label
    assert "<" not in judge(Label(0, label, 0.1), subject).html


def test_facts_are_json_values() -> None:
    label = Label(7, "7", 0.5)
    answer = ClassificationAnswer(labels=[label], verdict=judge(label, "digit"))
    assert answer.model_dump(mode="json") == {
        "labels": [{"index": 7, "label": "7", "probability": 0.5}],
        "verdict": {"level": "medium", "sentence": "It could be a 7."},
    }
