"""The command `classify`: pictures in, a sentence or JSON for each out."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from daprkit.settings import load

from classify.classifier import Classifier
from classify.engines.litert import LiteRtEngine
from classify.errors import ClassifyError
from classify.image import decode_image
from classify.phrases import encode_result, judge
from classify.repository import Repository
from classify.settings import Settings

_STDIN = Path("-")
_FAULT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what each picture shows; return 0, or 2 if any could not be classified."""
    options = _parse_arguments(arguments)
    settings = load(Settings)
    if options.models:
        settings = settings.model_copy(update={"models": options.models})
    try:
        classifier = _load_one(settings, options.model)
    except ClassifyError as error:
        return _complain(str(error))
    code = 0
    for picture in options.pictures:
        try:
            said = _say(picture, classifier, options, max_pixels=settings.max_pixels)
        except ClassifyError as error:
            code = _complain(f"{picture}: {error}")
        except OSError as error:
            code = _complain(f"{picture} cannot be read: {error.strerror}")
        else:
            print(said)
    return code


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="classify", description="Say what pictures show.")
    parser.add_argument(
        "pictures",
        nargs="*",
        type=Path,
        default=[_STDIN],
        metavar="PICTURE",
        help="a file, or - for standard input, which is read if no file is given",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for each picture")
    parser.add_argument("--model", default="", help="a name (default: $DEFAULT_MODEL)")
    parser.add_argument("--top-k", type=int, default=5, help="labels in the JSON (default: 5)")
    parser.add_argument("--models", type=Path, help="folder of models (default: $MODELS)")
    options = parser.parse_args(arguments)
    if options.top_k < 1:
        parser.error(f"--top-k must be at least 1, got {options.top_k}")
    if _STDIN in options.pictures and sys.stdin.isatty():
        parser.error("expected a picture, got a terminal; try: classify < picture.jpg")
    return options


def _load_one(settings: Settings, name: str) -> Classifier:
    """Return the classifier called `name`, the default one if it is empty."""
    repository = Repository(
        settings.models,
        partial(LiteRtEngine, workers=1),
        default=name or settings.default_model,
    )
    repository.load(repository.default)
    return repository.get()[1]


def _say(
    picture: Path, classifier: Classifier, options: argparse.Namespace, *, max_pixels: int
) -> str:
    """Return the line about one picture."""
    data = sys.stdin.buffer.read() if picture == _STDIN else picture.read_bytes()
    pixels = decode_image(data, classifier.frame, max_pixels=max_pixels)
    labels = classifier.classify(pixels, top_k=options.top_k)
    verdict = judge(labels[0], classifier.subject)
    if options.json:
        return json.dumps({"picture": str(picture), **encode_result(labels, verdict)})
    if len(options.pictures) > 1:
        return f"{picture}: {verdict.sentence}"
    return verdict.sentence


def _complain(message: str) -> int:
    print(message, file=sys.stderr)
    return _FAULT
