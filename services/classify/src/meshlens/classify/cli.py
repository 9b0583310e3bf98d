"""The command `classify`: pictures in, a sentence or JSON for each out; no mesh."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from meshlens.classify.batch.command import cli as batch
from meshlens.classify.engines.opening import open_engine
from meshlens.classify.errors import ClassifyError, WrongTask
from meshlens.classify.formats.card import Task
from meshlens.classify.methods import lease_lens
from meshlens.classify.models import shipped_models
from meshlens.classify.serving.repository import Repository
from meshlens.classify.tasks.classification.classifier import (
    TOP_K,
    ClassificationAnswer,
    ClassifyOptions,
)
from meshlens.classify.tasks.images.pixels import MAX_PIXELS
from meshlens.classify.tasks.lens import Payload

_STDIN = Path("-")
_BATCH = "batch"
_FAULT = 2
_BAR_AFTER = 1.0


def main(arguments: Sequence[str] | None = None, *, prog: str = "classify") -> int:
    """Print what each image shows; return 0, 1 if stdout was closed early, or 2 if any failed.

    `batch` as the first argument is a command of its own.
    """
    words = [*(sys.argv[1:] if arguments is None else arguments)]
    if words[:1] == [_BATCH]:
        return batch.main(words[1:], prog=f"{prog} {_BATCH}")
    options = _parse_arguments(words, prog)
    try:
        repository = Repository(
            options.models, partial(open_engine, workers=1), default=options.model
        )
        repository.load(repository.default)
        chosen = ClassifyOptions(model=repository.default, top_k=options.top_k)
        with lease_lens(repository, Task.CLASSIFY, chosen) as (_, lens):
            return _answer_each(options, partial(lens.answer, options=chosen))
    except WrongTask as error:
        return _complain(f"{error}{_say_what_detects(repository, prog)}")
    except ClassifyError as error:
        return _complain(str(error))


def _answer_each(
    options: argparse.Namespace, answer: Callable[[Payload], ClassificationAnswer]
) -> int:
    """Print a line about each picture; return what `main` does."""
    code = 0
    for picture in _with_progress(options.pictures):
        try:
            line = _describe(picture, answer(_read(picture, options)), options)
        except ClassifyError as error:
            code = _complain(f"{picture}: {_name_options(error)}")
            continue
        except OSError as error:
            code = _complain(f"{picture} cannot be read: {error.strerror}")
            continue
        try:
            print(line, flush=True)
        except BrokenPipeError:
            # The interpreter flushes stdout again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
    return code


def _say_what_detects(repository: Repository, prog: str) -> str:
    """Return how a model that detects is asked, as a chain is; empty for another."""
    loaded = repository.describe(repository.default).loaded
    if loaded is None or loaded.chosen.task is not Task.DETECT:
        return ""
    return f": the method detect of the service, or `{prog} {_BATCH} FOLDER` here"


def _with_progress(pictures: Sequence[Path]) -> Iterable[Path]:
    """Return `pictures`, with a progress bar if the terminal does not show the answers."""
    hidden = len(pictures) == 1 or sys.stdout.isatty()
    return tqdm(
        pictures,
        unit="picture",
        delay=_BAR_AFTER,
        leave=False,
        disable=hidden or None,  # None: disabled unless stderr is a terminal
        file=sys.stderr,
    )


def _parse_arguments(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Say what pictures show.",
        epilog=f"`{prog} {_BATCH} FOLDER` answers every picture of a folder, into files. In the"
        " mesh the service can do more; docs/api.md describes its methods, and so does"
        " its method openapi.json.",
    )
    parser.add_argument("--version", action="version", version=version("meshlens-classify"))
    parser.add_argument(
        "pictures",
        nargs="*",
        type=Path,
        default=[_STDIN],
        metavar="PICTURE",
        help="a file, or - for standard input, which is read if no file is given",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for each picture")
    parser.add_argument(
        "--top-k",
        type=int,
        help=f"labels in the JSON (default: as many as the model's card says, else {TOP_K})",
    )
    parser.add_argument(
        "--model",
        default=os.environ.get("DEFAULT_MODEL", ""),
        help="a name (default: $DEFAULT_MODEL, else the one with the most labels)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=os.environ.get("MODELS") or shipped_models(),
        help="folder of models (default: $MODELS, else the ones that ship)",
    )
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=MAX_PIXELS,
        help="largest picture that is decoded (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    for name in ("top_k", "max_pixels"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    if _STDIN in options.pictures and sys.stdin.isatty():
        parser.error(f"expected a picture, got a terminal; try: {prog} < picture.jpg")
    return options


def _read(picture: Path, options: argparse.Namespace) -> Payload:
    data = sys.stdin.buffer.read() if picture == _STDIN else picture.read_bytes()
    return Payload(data, options.max_pixels)


def _describe(picture: Path, answer: ClassificationAnswer, options: argparse.Namespace) -> str:
    """Return the line about one picture."""
    if options.json:
        return json.dumps({"picture": str(picture), **answer.to_fields()})
    if len(options.pictures) > 1:
        return f"{picture}: {answer.verdict.sentence}"
    return answer.verdict.sentence


def _name_options(error: ClassifyError) -> str:
    """Return the text of an error with the options of the command instead of settings."""
    return str(error).replace("MAX_PIXELS", "--max-pixels")


def _complain(message: str) -> int:
    tqdm.write(f"classify: {message}", file=sys.stderr)  # above the bar, if there is one
    return _FAULT


if __name__ == "__main__":
    sys.exit(main())
