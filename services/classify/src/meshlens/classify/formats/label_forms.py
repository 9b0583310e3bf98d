"""Label files of every usual form -> the labels, in the order of the classes.

    labels.txt, coco.names   one per line; or each with its number, "0 red", in any order
    class_names.json         ["red", ...], {"0": "red"}, {"0": ["n01", "red"]} or {"red": 0}
    label_map.pbtxt          item { id: 1 name: "red" }, as the TensorFlow Object Detection API's
    data.yaml                names: [red, ...] or {0: red}, as ultralytics'

Where numbers begin with 1, or leave one out, ??? stands for the class that has no name.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from meshlens.classify.formats.labels import (
    BACKGROUND,
    InvalidLabels,
    decode_labels,
    decode_text,
)
from meshlens.faults import Place

# How the name of a label file ends, in lower case.
ENDINGS = (".txt", ".names", ".json", ".pbtxt", ".yaml", ".yml")

_MOST_BYTES = 4 * 1024 * 1024
# Numbers leave out some, as those of COCO do, but no label file is mostly made of gaps.
_MOST_GAPS = 4
_NUMBERED = re.compile(r"(\d{1,6})(?:\s*[:,;=\t]\s*|\s+)(\S.*)")
_ITEM = re.compile(r"item\s*\{(.*?)\}", re.DOTALL)
_ID = re.compile(r"\bid\s*:\s*(\d{1,6})")
_NAME = re.compile(r"""\b(display_name|name)\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")


def decode_label_file(name: str, data: bytes) -> tuple[str, ...]:
    """Return the labels in a file.

    Args:
        name: of the file, whose ending says its form.
        data: its bytes.

    Raises:
        InvalidLabels: it is not of that form, not UTF-8, or gives a number twice.
    """
    if len(data) > _MOST_BYTES:
        raise InvalidLabels(
            f"{name} must have at most {_MOST_BYTES} bytes",
            got=f"{len(data)}",
            remedy="is this a label file?",
            places=[Place(file=name)],
        )
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    match ending:
        case ".json":
            return _read_names(_parse(name, data), name)
        case ".pbtxt":
            return _place(_items(decode_text(data), name), name)
        case ".yaml" | ".yml":
            return decode_names(name, data)
        case _:
            return _read_lines(decode_labels(data), name)


def decode_names(name: str, data: bytes) -> tuple[str, ...]:
    """Return the labels under the key `names` of a document in YAML or JSON.

    Raises:
        InvalidLabels: there are none.
    """
    content = _parse(name, data)
    return _read_names(content.get("names") if isinstance(content, dict) else None, name)


def _parse(name: str, data: bytes) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the content of JSON or YAML."""
    text = decode_text(data)
    try:
        return json.loads(text) if name.lower().endswith(".json") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InvalidLabels(
            f"{name} cannot be read: {reason:.200}",
            remedy="correct the file",
            places=[Place(file=name)],
        ) from error


def _read_names(content: object, name: str) -> tuple[str, ...]:
    """Return the labels in a list, or in a mapping between numbers and names."""
    match content:
        case list() if content and all(isinstance(item, str) for item in content):
            return tuple(content)
        case dict() if content and all(_is_number(key) for key in content):
            return _place([(int(key), _last(value, name)) for key, value in content.items()], name)
        case dict() if content and all(_is_number(value) for value in content.values()):
            return _place([(int(value), str(key)) for key, value in content.items()], name)
        case _:
            raise _unlike(name)


def _is_number(value: object) -> bool:
    return str(value).isdecimal() and not isinstance(value, bool)


def _last(value: object, name: str) -> str:
    """Return a name, the last of several: an identifier comes before it."""
    names = value if isinstance(value, list) else [value]
    if not names or not isinstance(names[-1], str):
        raise _unlike(name)
    return names[-1]


def _unlike(name: str) -> InvalidLabels:
    return InvalidLabels(
        f'expected {name} to hold names: ["red", ...], {{"0": "red"}} or {{"red": 0}}, in YAML'
        " under the key names",
        remedy="correct the file, or write one label per line into labels.txt",
        places=[Place(file=name)],
    )


def _items(text: str, name: str) -> list[tuple[int, str]]:
    """Return the number and name of each item of a label map."""
    found = []
    for block in _ITEM.findall(re.sub(r"(?m)^\s*#.*$", "", text)):
        number = _ID.search(block)
        names = {key: double or single for key, double, single in _NAME.findall(block)}
        if number is None or not names:
            raise InvalidLabels(
                f"each item of {name} must have an id and a name",
                got=" ".join(block.split())[:80],
                remedy="correct the file",
                places=[Place(file=name)],
            )
        chosen = names.get("display_name") or names["name"]
        found.append((int(number[1]), re.sub(r"\\(.)", r"\1", chosen)))
    if not found:
        raise InvalidLabels(
            f'expected {name} to hold items such as item {{ id: 1 name: "red" }}',
            got="none",
            remedy="correct the file",
            places=[Place(file=name)],
        )
    return found


def _read_lines(lines: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the labels in lines, without the numbers that all of them begin with."""
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    pairs = [(int(match[1]), match[2]) for match in matches if match]
    numbers = {number for number, _ in pairs}
    if len(pairs) != len(lines) or not pairs or min(numbers) > 1:
        return lines
    if max(numbers) > _MOST_GAPS * len(pairs):
        return lines
    return _place(pairs, name)


def _place(pairs: Iterable[tuple[int, str]], name: str) -> tuple[str, ...]:
    """Return labels in the order of their numbers."""
    placed: dict[int, str] = {}
    for number, label in pairs:
        if number in placed:
            raise InvalidLabels(
                f"{name} must give each number once",
                got=f"{number} for {placed[number]} and for {label}",
                remedy="correct the file",
                places=[Place(file=name)],
            )
        placed[number] = label
    most = max(placed)
    if most > _MOST_GAPS * len(placed) + 1:
        raise InvalidLabels(
            f"{name} must number its labels without large gaps",
            got=f"{len(placed)} labels, numbers up to {most}",
            remedy="write one label per line, in the order of the classes",
            places=[Place(file=name)],
        )
    return _fill(placed, most)


def _fill(placed: Mapping[int, str], most: int) -> tuple[str, ...]:
    return tuple(placed.get(number, BACKGROUND) for number in range(most + 1))
