"""The command `classify-models`: list the catalogue, fetch models from it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from meshlens.classify.errors import ClassifyError, ModelNotFound
from meshlens.classify.storage.catalogue.download import (
    Entry,
    decode_catalogue,
    download,
    shipped_catalogue,
)

_FAULT = 2


def main(arguments: Sequence[str] | None = None, *, prog: str = "classify-models") -> int:
    """List the catalogue or download from it; return 0, or 2 if a model did not arrive."""
    parser = argparse.ArgumentParser(prog=prog, description="Fetch models that are known by name.")
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
    options = parser.parse_args(arguments)
    try:
        entries = decode_catalogue(
            options.catalogue.read_bytes() if options.catalogue else shipped_catalogue()
        )
        if options.action == "list":
            for name, entry in entries.items():
                print(f"{name}: {entry.description}, {entry.size} bytes")
            return 0
        for name in options.names:
            if name not in entries:
                raise ModelNotFound(name, entries)
            print(_download(name, entries[name], options.to))
    except ClassifyError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}")
    return 0


def _download(name: str, entry: Entry, folder: Path) -> Path:
    with tqdm(
        desc=name, total=entry.size, unit="B", unit_scale=True, disable=None, file=sys.stderr
    ) as bar:
        return download(name, entry, folder, on_bytes=bar.update)


def _complain(message: str) -> int:
    print(f"classify-models: {message}", file=sys.stderr)
    return _FAULT
