"""The command `classify-models`: list the catalogue, fetch from it, show models, convert them."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from meshlens.classify.errors import ModelNotFound
from meshlens.classify.formats.tflite_advice import Form
from meshlens.classify.model_files.export import Plan, export
from meshlens.classify.model_files.sampling import LEAST
from meshlens.classify.model_files.showing import show
from meshlens.classify.models import shipped_models
from meshlens.classify.storage.catalogue.download import (
    Entry,
    decode_catalogue,
    download,
    shipped_catalogue,
)
from meshlens.classify.tasks.images.pixels import MAX_PIXELS
from meshlens.faults import Fault

_FAULT, _INTERRUPTED = 2, 130
_LEAST_AGREEMENT = 0.98


def main(arguments: Sequence[str] | None = None, *, prog: str = "classify-models") -> int:
    """Do what the arguments say.

    Returns:
        0; 2 if a model did not arrive, cannot be read, or is not converted; 130 after Ctrl-C.
    """
    options = _parse_arguments(arguments, prog)
    try:
        _ACTIONS[options.action](options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Fault as error:
        return _complain(str(error).replace("MAX_PIXELS", "--max-pixels"))
    except OSError as error:
        where = error.filename or "a file could not be written"
        return _complain(f"{where}: {error.strerror or error}")
    return 0


def _parse_arguments(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Fetch models that are known by name, and look at those you have."
    )
    parser.add_argument("--catalogue", type=Path, help="YAML file (default: the one shipped)")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="print the names")
    fetch = actions.add_parser("download", help="fetch models and verify them")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.add_argument(
        "--to",
        type=Path,
        default=Path("models"),
        help="folder of models, for MODELS later (default: models)",
    )
    look = actions.add_parser(
        "show", help="say what files are, and which form of them would be faster or smaller"
    )
    look.add_argument("names", nargs="*", metavar="NAME", help="of models (default: all)")
    look.add_argument("--json", action="store_true", help="one JSON object for each version")
    look.add_argument(
        "--models",
        type=Path,
        default=os.environ.get("MODELS") or shipped_models(),
        help="folder of models (default: $MODELS, else the ones that ship)",
    )
    _add_export(actions.add_parser("export", help="make a faster or smaller form of a classifier"))
    options = parser.parse_args(arguments)
    if options.action == "export" and not 0 < options.least_agreement <= 1:
        parser.error(f"--least-agreement must be from 0 to 1, got {options.least_agreement:g}")
    if options.action == "export" and options.max_pixels < 1:
        parser.error(f"--max-pixels must be at least 1, got {options.max_pixels}")
    return options


def _add_export(parser: argparse.ArgumentParser) -> None:
    models = os.environ.get("MODELS")
    parser.description = (
        "Convert a classifier with pictures of yours, compare the answers of both forms for others"
        " of them, and put the new one beside the old as its next version, with its labels and its"
        " card, if it answers the same and is faster or smaller. Needs TensorFlow, the extra"
        " tensorflow. A .tflite file cannot be converted again: --from names what it was made from."
    )
    parser.add_argument("name", metavar="NAME[@VERSION]", help="the model that is served")
    parser.add_argument(
        "--pictures",
        type=Path,
        required=True,
        metavar="FOLDER",
        help=f"with at least {LEAST} different ones, such as the model gets",
    )
    parser.add_argument(
        "--to", type=Form, choices=[*Form], default=Form.INT8, help="default: %(default)s"
    )
    parser.add_argument(
        "--from",
        dest="origin",
        type=Path,
        metavar="SOURCE",
        help="the SavedModel or the Keras file that the model was made from (default: the model, if"
        " it is a SavedModel)",
    )
    parser.add_argument(
        "--least-agreement",
        type=float,
        default=_LEAST_AGREEMENT,
        metavar="SHARE",
        help="of the pictures whose first label must stay the same (default: %(default)s)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        required=not models,
        default=models,
        help="folder of models (default: $MODELS)",
    )
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=MAX_PIXELS,
        help="largest picture that is decoded (default: %(default)s)",
    )


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        models=options.models,
        name=options.name,
        pictures=options.pictures,
        form=options.to,
        origin=options.origin,
        least=options.least_agreement,
        max_pixels=options.max_pixels,
    )


def _read_catalogue(options: argparse.Namespace) -> Mapping[str, Entry]:
    data = options.catalogue.read_bytes() if options.catalogue else shipped_catalogue()
    return decode_catalogue(data)


def _list(options: argparse.Namespace) -> None:
    for name, entry in _read_catalogue(options).items():
        print(f"{name}: {entry.description}, {entry.size} bytes")


def _fetch(options: argparse.Namespace) -> None:
    entries = _read_catalogue(options)
    for name in options.names:
        if name not in entries:
            raise ModelNotFound(name, entries)
        print(_download(name, entries[name], options.to))


def _show(options: argparse.Namespace) -> None:
    for shown in show(options.models, options.names):
        print(json.dumps(shown.to_fields()) if options.json else shown.describe())


def _export(options: argparse.Namespace) -> None:
    print(export(_plan(options), partial(print, flush=True)))


def _download(name: str, entry: Entry, folder: Path) -> Path:
    with tqdm(
        desc=name, total=entry.size, unit="B", unit_scale=True, disable=None, file=sys.stderr
    ) as bar:
        return download(name, entry, folder, on_bytes=bar.update)


def _complain(message: str) -> int:
    print(f"classify-models: {message}", file=sys.stderr)
    return _FAULT


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "list": _list,
    "download": _fetch,
    "show": _show,
    "export": _export,
}
