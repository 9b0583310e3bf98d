"""What stands for a question."""

from dataclasses import replace
from typing import Any

import pytest

from meshlens.classify.answer_cache.question import Question

QUESTION = Question("digits", "1", "c0", "classify", '{"top_k":5}', b"picture", 1000)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "digit"},
        {"version": "2"},
        {"content": "c1"},
        {"method": "detect"},
        {"options": '{"top_k":4}'},
        {"body": b"picturf"},
        {"max_pixels": 1001},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_question_that_differs_in_one_part_has_another_key(change: dict[str, Any]) -> None:
    assert replace(QUESTION, **change).key() != QUESTION.key()


def test_the_same_question_has_the_same_key() -> None:
    assert replace(QUESTION).key() == QUESTION.key()


def test_what_moves_from_one_part_into_the_next_makes_another_key() -> None:
    moved = replace(QUESTION, model="digits1", version="")
    assert moved.key() != QUESTION.key()
