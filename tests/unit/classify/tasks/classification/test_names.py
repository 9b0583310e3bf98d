"""A label has one name in a sentence, and the article that people say."""

import pytest

from meshlens.classify.tasks.classification.names import article, shorten_labels, with_article


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("espresso", "espresso"),
        ("hotdog, hot dog, red hot", "hot dog"),
        ("tabby, tabby cat", "tabby"),
        ("jack-o'-lantern", "jack-o'-lantern"),
        ("1,000", "1,000"),
        (", ", ", "),
        ("", ""),
    ],
)
def test_of_several_names_a_sentence_has_one(label: str, name: str) -> None:
    assert shorten_labels([label]) == (name,)


def test_labels_that_share_a_name_keep_all_of_theirs() -> None:
    labels = ["crane, bird", "Crane, machine", "kite"]
    assert shorten_labels(labels) == ("crane, bird", "Crane, machine", "kite")


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
        ("ewer", "a"),
        ("7", "a"),
        ("8", "an"),
        ("X-ray", "an"),
        ("F", "an"),
        ("U", "a"),
        ("B", "a"),
        ("fox", "a"),
        ("", "a"),
    ],
)
def test_the_article_follows_the_sound(noun: str, expected: str) -> None:
    assert article(noun) == expected


@pytest.mark.parametrize("noun", ["jeans", "sunglasses", "swimming trunks", "toilet paper"])
def test_pairs_and_masses_have_none(noun: str) -> None:
    assert with_article(noun) == noun


@pytest.mark.parametrize("noun", ["bus", "wine glass", "compass", "water bottle", "lens"])
def test_what_only_ends_alike_has_one(noun: str) -> None:
    assert with_article(noun) == f"a {noun}"
