"""The command `classify-models`: list the catalogue, fetch from it, show models, convert them."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from meshlens.classify.errors import ClassifyError, ModelNotFound
from meshlens.classify.model_files.showing import show
from meshlens.classify.models import shipped_models
from meshlens.classify.storage.catalogue.download import (
    Entry,
    decode_catalogue,
    download,
    shipped_catalogue,
)

_FAULT = 2


def main(arguments: Sequence[str] | None = None, *, prog: str = "classify-models") -> int:
    """Do what the arguments say; return 0, or 2 if a model did not arrive or cannot be read."""
    options = _parse_arguments(arguments, prog)
    try:
        match options.action:
            case "list":
                for name, entry in _read_catalogue(options).items():
                    print(f"{name}: {entry.description}, {entry.size} bytes")
            case "download":
                entries = _read_catalogue(options)
                for name in options.names:
                    if name not in entries:
                        raise ModelNotFound(name, entries)
                    print(_download(name, entries[name], options.to))
            case "show":
                for shown in show(options.models, options.names):
                    print(json.dumps(shown.to_fields()) if options.json else shown.describe())
    except ClassifyError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}")
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
    _add_models(look)
    return parser.parse_args(arguments)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=Path,
        default=os.environ.get("MODELS") or shipped_models(),
        help="folder of models (default: $MODELS, else the ones that ship)",
    )


def _read_catalogue(options: argparse.Namespace) -> dict[str, Entry]:
    data = options.catalogue.read_bytes() if options.catalogue else shipped_catalogue()
    return dict(decode_catalogue(data))


def _download(name: str, entry: Entry, folder: Path) -> Path:
    with tqdm(
        desc=name, total=entry.size, unit="B", unit_scale=True, disable=None, file=sys.stderr
    ) as bar:
        return download(name, entry, folder, on_bytes=bar.update)


def _complain(message: str) -> int:
    print(f"classify-models: {message}", file=sys.stderr)
    return _FAULT
