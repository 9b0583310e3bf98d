"""What a label is called in a sentence: one name of several, with its article."""

import re
from collections import Counter
from collections.abc import Sequence

from meshlens.classify.formats.labels import has_background

# Spelled with a vowel but spoken with a consonant, and the other way round. Not by the library
# inflect: the same words come out, for 200 modules at import and 0.2 ms a call.
_SPOKEN_CONSONANT = re.compile(
    r"eu|ewe|uni([^dmn]|$)|u[bcfgkqrst][aeiou]|u(?![a-z])|one\b|once\b", re.IGNORECASE
)
_SPOKEN_VOWEL = re.compile(
    r"[aeiou]|hour|honest|heir|[fhlmnrsx](?![a-z])|8|11\b|18\b", re.IGNORECASE
)
# Their last word is a pair or a mass, which has no article.
_UNCOUNTED = re.compile(
    r"\b((sun)?glasses|binoculars|goggles|scissors|tongs|pliers|tweezers|jeans|pants|shorts|tights"
    r"|trousers|(swimming )?trunks|pajamas|pyjamas|headphones|earphones|maracas|skis|stairs"
    r"|guacamole|broccoli|cauliflower|spaghetti|carbonara|dough|bread|rice|hay|mud|sand|snow|water"
    r"|chain mail|toilet (paper|tissue))$",
    re.IGNORECASE,
)
_NOTHING = frozenset({"none", "nothing", "unknown", "other"})


def shorten_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each label: its first synonym, or all of it if another has the same."""
    names = [_choose_synonym(label) for label in labels]
    shared = Counter(name.casefold() for name in names)
    return tuple(
        name if shared[name.casefold()] == 1 else label
        for name, label in zip(names, labels, strict=True)
    )


def with_article(noun: str) -> str:
    """Return `noun` after the indefinite article that English puts before it, if any."""
    return noun if _UNCOUNTED.search(noun) else f"{article(noun)} {noun}"


def article(noun: str) -> str:
    """Return the indefinite article for a `noun` that is counted."""
    if _SPOKEN_CONSONANT.match(noun):
        return "a"
    return "an" if _SPOKEN_VOWEL.match(noun) else "a"


def names_nothing(label: str) -> bool:
    """Return whether `label` stands for pictures that show none of the other classes."""
    return has_background((label,)) or label.strip().lower() in _NOTHING


def _choose_synonym(label: str) -> str:
    """Return the first of the names in `label`, written apart if another one is: hot dog."""
    first, *others = (name.strip() for name in label.split(", "))
    apart = (name for name in others if " " in name and name.replace(" ", "") == first)
    return next(apart, first) or label
