"""Points on standard input, a picture or the numbers on standard output; no mesh."""

import argparse
import hashlib
import os
import sys
from collections.abc import Sequence

from pca import decomposition
from pca.errors import PcaError
from pca.fits import add_facts, encode_fit
from pca.options import FitOptions, PlotOptions, parse_options
from pca.plot import draw


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if nobody reads the output, or 2 for bad input."""
    parser = _build_parser()
    parsed = vars(parser.parse_args(arguments))
    as_json, content_type = parsed.pop("json"), parsed.pop("content_type")
    query = {name: value for name, value in parsed.items() if value is not None}
    if sys.stdin.isatty():
        parser.error("expected points on standard input, got a terminal; try: pca < points.csv")
    try:
        body = sys.stdin.buffer.read()
        output = _fit(body, content_type, query) if as_json else _plot(body, content_type, query)
    except PcaError as error:
        print(f"pca: {error}", file=sys.stderr)
        return 2
    try:
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _plot(body: bytes, content_type: str, query: dict[str, str]) -> bytes:
    options = parse_options(PlotOptions, query)
    table = options.read(body, content_type)
    fit = decomposition.fit(table.values, names=table.names, standardize=options.standardize)
    kept = None
    if options.k is not None:
        chosen = decomposition.fit(table.values, k=options.count(), standardize=options.standardize)
        kept = len(chosen.components)
    return draw(table, fit, options.look(kept=kept))


def _fit(body: bytes, content_type: str, query: dict[str, str]) -> bytes:
    options = parse_options(FitOptions, query)
    table = options.read(body, content_type)
    model = encode_fit(
        decomposition.fit(
            table.values, names=table.names, k=options.count(), standardize=options.standardize
        )
    )
    counts = {"filled": table.filled, "dropped": table.dropped}
    return add_facts(model, id=hashlib.sha256(model).hexdigest(), **counts)


def _build_parser() -> argparse.ArgumentParser:
    """Return a parser that leaves values as text: `options` says what they may be."""
    parser = argparse.ArgumentParser(
        prog="pca",
        description="Principal components of points: pca < points.csv > plot.svg",
    )
    parser.add_argument("--json", action="store_true", help="print the numbers, not the picture")
    parser.add_argument(
        "--content-type", default="text/csv", help="how the points are written (default: text/csv)"
    )
    for name, field in PlotOptions.model_fields.items():
        # Fits are stored in the mesh.
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
