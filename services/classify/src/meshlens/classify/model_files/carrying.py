"""What a converted model keeps of the one that it is made for: its card and its labels."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from meshlens.classify.formats.card import InputPart
from meshlens.classify.formats.tflite_metadata import Normalization
from meshlens.classify.tasks.classification.classifier import Classifier
from meshlens.classify.tasks.images.encoding import dequantize
from meshlens.classify.tasks.lens import OpenedModel

LABELS = "labels.json"
CARD = "card.yaml"


def carry_card(model: OpenedModel, lens: Classifier) -> dict[str, Any]:
    """Return a card, as the fields of its YAML, for the same model with floats in and out.

    What the old file says by itself, or its scale of integers, is said by the card: a file that is
    made anew does not.

    Args:
        model: the old one.
        lens: of that.
    """
    card = model.card
    output: dict[str, Any] = {"type": str(lens.describe().output.type)}
    if model.labels:
        output["label"] = {"path": LABELS}
    if card.output.top:
        output["top"] = card.output.top
    normalization = card.normalization or model.file.normalization or _measure(model, lens)
    fields: dict[str, Any] = {
        "task": "classify",
        "subject": model.subject,
        "output": output,
        "normalization": {"mean": [*normalization.mean], "std": [*normalization.std]},
    }
    if card.cache is not None:
        fields["cache"] = card.cache
    if kept := _carry_input(card.input):
        fields["input"] = kept
    return fields


def name_tensors(card: Mapping[str, Any], model: OpenedModel) -> dict[str, Any]:
    """Return a card that also names what the old card does of the model's tensors."""
    old = model.card
    named = dict(card)
    if old.signature:
        named["signature"] = old.signature
    for part, name in (("input", old.input.name), ("output", old.output.name)):
        if name:
            named[part] = {**named.get(part, {}), "name": name}
    return named


def write_beside(folder: Path, card: Mapping[str, Any], labels: tuple[str, ...]) -> bytes:
    """Write the card, and the labels if there are any, into a folder; return the card's bytes."""
    content = yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True).encode()
    (folder / CARD).write_bytes(content)
    if labels:
        text = json.dumps(list(labels), ensure_ascii=False, indent=1)
        (folder / LABELS).write_text(f"{text}\n", encoding="utf-8")
    return content


def _carry_input(part: InputPart) -> dict[str, Any]:
    fields = part.model_dump(mode="json", exclude_defaults=True, exclude={"name", "type"})
    if part.type:
        fields["type"] = str(part.type).replace("8", "32f")
    return fields


def _measure(model: OpenedModel, lens: Classifier) -> Normalization:
    """Return the normalization by which the model's reals become of pixels what they do."""
    (spec,) = model.signature.inputs
    shape = lens.frame.height, lens.frame.width, lens.frame.channels
    black, white = (
        float(dequantize(lens.encode(np.full(shape, value, np.uint8))[spec.name], spec).flat[0])
        for value in (0, 255)
    )
    std = 255 / (white - black)
    return Normalization(mean=(-black * std,), std=(std,))
