"""The sentence says as much as the probability allows, in English and safe in a page."""

import html
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlens.classify.formats.labels import Label
from meshlens.classify.tasks.classification.classifier import ClassificationAnswer
from meshlens.classify.tasks.classification.names import names_nothing
from meshlens.classify.tasks.classification.verdicts import Level, judge


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


def test_a_model_of_anything_has_no_clear_answer() -> None:
    verdict = judge(Label(1, "theater curtain", 0.086), "object")
    assert (verdict.level, verdict.sentence) == (Level.LOW, "No clear answer.")


@pytest.mark.parametrize("label", ["None", "background", "__background__", "???", "Unknown"])
def test_what_is_none_of_the_classes_is_no_answer(label: str) -> None:
    assert judge(Label(0, label, 0.99), "object").sentence == "No clear answer."
    assert judge(Label(0, label, 0.99), "dish").sentence == (
        "It does not appear to be a dish in the picture."
    )


def test_what_comes_in_pairs_has_no_article() -> None:
    verdict = judge(Label(0, "sunglasses", 0.9), "object")
    assert verdict.sentence == "It is very likely sunglasses."
    assert verdict.html.startswith("It is very likely <a ")


def test_the_page_links_the_label() -> None:
    verdict = judge(Label(1, "military uniform", 0.9), "dish")
    assert verdict.html == (
        'It is very likely a <a href="https://en.wikipedia.org/wiki/Special:Search'
        '?search=military%20uniform">military uniform</a>.'
    )


def test_a_page_says_that_there_is_nothing_without_a_link() -> None:
    verdict = judge(Label(1, "military uniform", 0.1), "dish")
    assert verdict.html == verdict.sentence


@given(st.text().filter(lambda label: not names_nothing(label)), st.text())
def test_a_label_cannot_leave_its_place_in_a_page(label: str, subject: str) -> None:
    page = judge(Label(0, label, 0.9), subject).html
    parts = re.fullmatch(r'It is very likely (?:an? )?<a href="([^"<>]*)">([^<>"]*)</a>\.', page)
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
