"""Values of options as Dapr, Kubernetes and the services read them; None if they cannot."""

import re

_DURATION = re.compile(r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(?:([KkMGT])(i?)B?)?", re.ASCII)
_POWERS = {"K": 1, "k": 1, "M": 2, "G": 3, "T": 4}
_LONGEST = 30
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def read_seconds(text: str, *, bare: float | None = None) -> float | None:
    """Return the seconds of a duration as Go writes it, such as 1m30s or 500ms.

    Args:
        text: the duration.
        bare: the seconds of 1 if there is no unit; None if there must be one, but for 0.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        number = float(text)
        return number * bare if bare is not None else (0.0 if number == 0 else None)
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def read_bytes(text: str) -> int | None:
    """Return the bytes of a quantity such as 16Mi, 4M or 16777216."""
    found = _QUANTITY.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if not found:
        return None
    number, unit, binary = found.groups()
    base = 1024 if binary else 1000
    return int(float(number) * (base ** _POWERS[unit] if unit else 1))


def read_whole(text: str) -> int | None:
    """Return a whole number, a sign included."""
    found = re.fullmatch(r"[+-]?[0-9]+", text.strip()) if len(text) <= _LONGEST else None
    return int(found[0]) if found else None


def read_truth(text: str) -> bool | None:
    """Return what a switch of Dapr is set to, by any of the words that it takes."""
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None
