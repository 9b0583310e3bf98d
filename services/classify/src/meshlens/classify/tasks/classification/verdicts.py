"""The verdict on an image: one sentence, as plain text and as HTML."""

import html
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from meshlens.classify.formats.labels import Label
from meshlens.classify.tasks.classification.names import names_nothing, with_article
from meshlens.classify.tasks.lens import DEFAULT_SUBJECT

# A search finds something for every label, of whatever model.
_ENCYCLOPEDIA = "https://en.wikipedia.org/wiki/Special:Search?search="


class Level(StrEnum):
    """How sure the model is."""

    VERY_HIGH = "very high"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# The probability that each level lies above, and its words.
_LEVELS = (
    (0.75, Level.VERY_HIGH, "is very likely"),
    (0.5, Level.HIGH, "is likely"),
    (0.2, Level.MEDIUM, "could be"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an image shows, in the words of a person.

    Attributes:
        level: how sure the model is.
        sentence: plain text.
        html: the same sentence, the label linked to an encyclopedia; safe to put into a page.
            No field of the JSON, so empty in a verdict that was read from there.
    """

    level: Level
    sentence: str
    html: Annotated[str, Field(exclude=True)] = ""


def judge(top: Label, subject: str) -> Verdict:
    """Return the verdict on the most probable label of an image that should show a `subject`.

    A label for whatever is none of the others is no answer, however probable it is.
    """
    if not names_nothing(top.label):
        for bound, level, words in _LEVELS:
            if top.probability > bound:
                noun = with_article(top.label)
                opening = f"It {words} {noun[: len(noun) - len(top.label)]}"
                link = html.escape(_ENCYCLOPEDIA + quote(top.label, safe=""))
                anchor = f'<a href="{link}">{html.escape(top.label)}</a>'
                return Verdict(level, f"{opening}{top.label}.", f"{opening}{anchor}.")
    if subject == DEFAULT_SUBJECT:
        sentence = "No clear answer."
    else:
        sentence = f"It does not appear to be {with_article(subject)} in the picture."
    return Verdict(Level.LOW, sentence, html.escape(sentence))
