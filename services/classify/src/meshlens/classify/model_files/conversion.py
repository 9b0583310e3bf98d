"""Starts the process that converts a model, and reads what has become of it."""

import json
import subprocess
import sys
from pathlib import Path

from meshlens.classify.model_files.converter import FAULT, MODEL, Request
from meshlens.classify.model_files.errors import NotConverted

_LAST_LINES = 3


def convert(request: Request, folder: Path) -> bytes:
    """Return the .tflite file that `request` asks for.

    Args:
        request: what to convert.
        folder: an empty one, for files between both processes.

    Raises:
        NotConverted: TensorFlow is not installed, or cannot load or convert the source.
    """
    request.write(folder)
    ended = subprocess.run(  # noqa: S603 - a module of this package
        [sys.executable, "-m", "meshlens.classify.model_files.converter", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if ended.returncode == 0:
        return (folder / MODEL).read_bytes()
    if (folder / FAULT).is_file():
        told = json.loads((folder / FAULT).read_text(encoding="utf-8"))
        raise NotConverted(told["expected"], got=told["got"], remedy=told["remedy"])
    lines = ended.stderr.decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
    raise NotConverted(
        f"expected TensorFlow to convert {request.source}",
        got=f"its end with {ended.returncode}: {' / '.join(lines)}",
        remedy="give it more memory, or convert the model elsewhere",
    )
