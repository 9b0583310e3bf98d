"""The verdict on an image: one sentence, as plain text and as HTML."""

import html
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from meshlens.classify.formats.labels import Label

# A search finds something for every label, of whatever model.
_ENCYCLOPEDIA = "https://en.wikipedia.org/wiki/Special:Search?search="
# Spelled with a vowel but spoken with a consonant, and the other way round. Not by the library
# inflect: the same words come out, for 200 modules at import and 0.2 ms a call.
_SPOKEN_CONSONANT = re.compile(r"eu|uni([^dmn]|$)|u[bcfgkqrst][aeiou]|one\b|once\b", re.IGNORECASE)
_SPOKEN_VOWEL = re.compile(r"[aeiou]|hour|honest|heir|8|11\b|18\b", re.IGNORECASE)


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
    """Return the verdict on the most probable label of an image that should show a `subject`."""
    for bound, level, words in _LEVELS:
        if top.probability > bound:
            opening = f"It {words} {article(top.label)} "
            link = html.escape(_ENCYCLOPEDIA + quote(top.label, safe=""))
            anchor = f'<a href="{link}">{html.escape(top.label)}</a>'
            return Verdict(level, f"{opening}{top.label}.", f"{opening}{anchor}.")
    sentence = f"It does not appear to be {article(subject)} {subject} in the picture."
    return Verdict(Level.LOW, sentence, html.escape(sentence))


def article(noun: str) -> str:
    """Return the indefinite article that English puts before `noun`."""
    if _SPOKEN_CONSONANT.match(noun):
        return "a"
    return "an" if _SPOKEN_VOWEL.match(noun) else "a"
