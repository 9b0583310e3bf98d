"""The command: points from a file or stdin in, a picture or numbers on stdout; no mesh."""

import argparse
import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from meshlens.pca import methods
from meshlens.pca.answers import encoding
from meshlens.pca.drawing import images
from meshlens.pca.errors import PcaError
from meshlens.pca.models import encode_model
from meshlens.pca.options import FitOptions, PlotOptions, parse_options

_STDIN = Path("-")
_CHUNK = 1024 * 1024
# Methods of the service, which callers may pass to the command by mistake.
_METHODS = ("plot", "fit", "transform", "inverse")
_TYPES = {
    ".arrow": "application/vnd.apache.arrow.stream",
    ".json": "application/json",
    ".npy": "application/x-npy",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if stdout was closed early, or 2 for bad input."""
    parser = _build_parser()
    parsed = vars(parser.parse_args(arguments))
    as_json, path, content_type, target = (
        parsed.pop(name) for name in ("json", "file", "content_type", "output")
    )
    query = {name: value for name, value in parsed.items() if value is not None}
    if path == _STDIN and sys.stdin.isatty():
        parser.error("expected points on standard input, got a terminal; try: pca < points.csv")
    content_type = content_type or _TYPES.get(path.suffix.lower(), "text/csv")
    try:
        media_type = images.type_of(target) if target and not as_json else images.SVG
        body = _read(path)
        if as_json:
            output = _fit(body, content_type, query)
        else:
            output = _plot(body, content_type, query, media_type)
    except PcaError as error:
        return _complain(str(error))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and str(path) in _METHODS:
            return _complain(
                f"expected a file of points, got {path}, a method of the service; name a file, and"
                " say --json for numbers instead of a picture (pca --help lists all options)"
            )
        return _complain(f"{path} cannot be read: {error.strerror}")
    if target:
        return _write(target, output)
    try:
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes stdout again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _read(path: Path) -> bytes:
    """Return the points; a terminal shows progress if that takes long."""
    with contextlib.ExitStack() as stack:
        source = sys.stdin.buffer if path == _STDIN else stack.enter_context(path.open("rb"))
        total = None if path == _STDIN else path.stat().st_size
        bar = stack.enter_context(
            tqdm(
                desc="reading",
                total=total,
                unit="B",
                unit_scale=True,
                delay=1,
                leave=False,
                disable=None,
                file=sys.stderr,
            )
        )
        chunks = []
        while chunk := source.read(_CHUNK):
            chunks.append(chunk)
            bar.update(len(chunk))
        return b"".join(chunks)


def _write(path: Path, output: bytes) -> int:
    try:
        path.write_bytes(output)
    except OSError as error:
        return _complain(f"{path} cannot be written: {error.strerror}")
    return 0


def _complain(message: str) -> int:
    print(f"pca: {message}", file=sys.stderr)
    return 2


def _plot(body: bytes, content_type: str, query: dict[str, str], media_type: str) -> bytes:
    options = parse_options(PlotOptions, query)
    svg = methods.plot(body, content_type, options).svg
    return images.encode_picture(svg, media_type, width=options.width, height=options.height)


def _fit(body: bytes, content_type: str, query: dict[str, str]) -> bytes:
    """Return the answer of the service, which would keep the model under the same id."""
    result = methods.fit(body, content_type, parse_options(FitOptions, query))
    document = encode_model(result.model)
    return encoding.encode_model(
        document,
        model_id=hashlib.sha256(document).hexdigest(),
        filled=result.table.filled,
        dropped=result.table.dropped,
    )


def _build_parser() -> argparse.ArgumentParser:
    """Return a parser that leaves values as text: `options` validates them."""
    parser = argparse.ArgumentParser(
        prog="pca",
        description="Principal components of points: pca < points.csv > plot.svg",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=_STDIN,
        help="the points; - for standard input, which is read if no file is given",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="file to write; pictures are SVG, PNG or PDF as its name ends (default: stdout)",
    )
    parser.add_argument("--json", action="store_true", help="print the numbers, not the picture")
    parser.add_argument(
        "--content-type",
        help="how the points are written (default: by the end of the file's name, else text/csv)",
    )
    for name, field in PlotOptions.model_fields.items():
        # Models are stored in the mesh.
        if name == "fit":
            continue
        if field.annotation is bool:
            parser.add_argument(
                f"--{name}", action="store_const", const="true", help=field.description
            )
        else:
            parser.add_argument(f"--{name}", metavar="VALUE", help=field.description)
    return parser


if __name__ == "__main__":
    sys.exit(main())
