"""The arguments of `classify batch`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from meshlens.classify.batch.job import MAX_BYTES
from meshlens.classify.batch.places.folder import SUFFIXES
from meshlens.classify.batch.results.formats import Format
from meshlens.classify.models import shipped_models
from meshlens.classify.tasks.images.pixels import MAX_PIXELS

_COUNTS = ("top_k", "workers", "max_pixels", "max_bytes")


def parse_arguments(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    """Return the arguments; exit with 2 and a message if one is wrong."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Answer every picture of a folder, into files. A bad picture fails alone. What"
        " is done is kept: the same command goes on where the last one has ended, however it did.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with the folders in it")
    parser.add_argument(
        "--glob",
        action="append",
        default=[],
        metavar="PATTERN",
        help="names to answer, such as 'cats/*.jpg'; again for more"
        f" (default: those that end in {', '.join(SUFFIXES)})",
    )
    parser.add_argument(
        "--job",
        type=Path,
        metavar="FOLDER",
        help="where answers and what is done are kept, one job a folder (default: one here, named"
        " after the job's id)",
    )
    parser.add_argument(
        "--again", action="store_true", help="answer all pictures anew, in place of what is there"
    )
    parser.add_argument(
        "--format",
        type=Format,
        choices=[*Format],
        default=Format.JSONL,
        help="of the answers (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)),
        help="threads that answer pictures (default: one for each core)",
    )
    parser.add_argument(
        "--model",
        default=os.environ.get("DEFAULT_MODEL", ""),
        help="a name, or name@version; it classifies or detects (default: $DEFAULT_MODEL, else the"
        " one with the most labels)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=os.environ.get("MODELS") or shipped_models(),
        help="folder of models (default: $MODELS, else the ones that ship)",
    )
    parser.add_argument("--top-k", type=int, help="labels, or boxes, of a picture at most")
    parser.add_argument("--threshold", type=float, help="lowest score of a box")
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=MAX_PIXELS,
        help="largest picture that is decoded (default: %(default)s)",
    )
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=MAX_BYTES,
        help="largest file that is read (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    for name in _COUNTS:
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    return options
