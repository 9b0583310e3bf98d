"""The command: a table from a file or stdin in, a picture or numbers out; no mesh."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from meshlens.faults import Fault
from meshlens.pca import in_parts, methods, progress
from meshlens.pca.answers import encoding, pictures
from meshlens.pca.arguments import STDIN, Call, parse, say_options
from meshlens.pca.drawing import images
from meshlens.pca.errors import InvalidOption
from meshlens.pca.models import encode_model, read_answer
from meshlens.pca.numbers.decomposition import PcaModel
from meshlens.pca.options import (
    FitOptions,
    InverseOptions,
    PictureOptions,
    PlotOptions,
    TransformOptions,
    parse_options,
)
from meshlens.pca.tables.formats import find_content_type

_WRITTEN = {
    ".arrow": encoding.ARROW,
    ".csv": encoding.CSV,
    ".json": encoding.JSON,
    ".npy": encoding.NPY,
    **images.ENDINGS,
}


def main(arguments: Sequence[str] | None = None, *, prog: str = "pca") -> int:
    """Run the command; return 0, 1 if stdout was closed early, or 2 for bad input."""
    call = parse(sys.argv[1:] if arguments is None else arguments, prog)
    if call.file == STDIN and sys.stdin.isatty():
        return _complain(
            f"expected a table on standard input, got a terminal; try: {prog} < table.csv"
        )
    try:
        media_type = _choose_type(call)
        _check_picture(call)
        if in_parts.is_in_parts(call):
            return _write(call, *in_parts.fit(call, media_type, _complain))
        body = _read(call.file)
        model = read_answer(call.fit.read_bytes()) if call.fit else None
        with progress.show("computing"):
            output, picture = _answer(call, body, media_type, model)
        return _write(call, output, picture)
    except in_parts.Interrupted as error:
        return error.exit_code
    except Fault as error:
        return _complain(say_options(call.method, str(error)))
    except OSError as error:
        written = [str(call.output), *([str(call.picture.file)] if call.picture else ())]
        deed = "written" if error.filename in written else "read"
        return _complain(f"{error.filename} cannot be {deed}: {error.strerror}")


def _write(call: Call, output: bytes, picture: bytes | None) -> int:
    """Write what is wanted where it is wanted; return 0, or 1 if stdout was closed early."""
    if call.picture and picture is not None:
        call.picture.file.write_bytes(picture)
    if call.output:
        call.output.write_bytes(output)
        return 0
    try:
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The interpreter flushes stdout again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _read(path: Path) -> bytes:
    with contextlib.ExitStack() as stack:
        source = sys.stdin.buffer if path == STDIN else stack.enter_context(path.open("rb"))
        return progress.read(source, None if path == STDIN else path.stat().st_size)


def _complain(message: str) -> int:
    progress.say(f"pca: {message}")
    return 2


def _choose_type(call: Call) -> str:
    """Return the media type of the output: the file's, else the method's usual one.

    Raises:
        InvalidOption: the method does not write such files.
    """
    offered = {
        "plot": images.TYPES,
        "fit": (encoding.JSON, encoding.CSV, encoding.ARROW),
        "loadings": (encoding.CSV, encoding.JSON, encoding.ARROW),
    }.get(call.method, (encoding.CSV, encoding.JSON, encoding.NPY, encoding.ARROW))
    if not call.output:
        return encoding.JSON if call.json and call.method != "plot" else offered[0]
    chosen = _WRITTEN.get(call.output.suffix.lower(), "")
    if chosen not in offered:
        endings = ", ".join(end for end, kind in _WRITTEN.items() if kind in offered)
        raise InvalidOption(
            f"pca {call.method} writes files that end in {endings}",
            got=str(call.output),
            remedy="give it another name, or leave --output out and redirect",
            option="output",
        )
    return chosen


def _check_picture(call: Call) -> None:
    """Let a picture of a fit pass that can be written.

    Raises:
        InvalidOption: it cannot.
    """
    if call.picture and call.picture.file.suffix.lower() != ".svg":
        raise InvalidOption(
            "pca fit writes its picture as SVG",
            got=str(call.picture.file),
            remedy="give it a name that ends in .svg, or draw the table by pca plot",
            option="picture",
        )


def _answer(
    call: Call, body: bytes, media_type: str, model: PcaModel | None
) -> tuple[bytes, bytes | None]:
    """Return the answer, and the picture of a fit if that is wanted."""
    content_type = call.content_type or find_content_type(call.file.name)
    if call.method in ("fit", "loadings"):
        return _fit(call, body, content_type, media_type)
    return _compute(call, body, content_type, media_type, model), None


def _compute(
    call: Call, body: bytes, content_type: str, media_type: str, model: PcaModel | None
) -> bytes:
    match call.method:
        case "plot":
            options = parse_options(PlotOptions, call.query)
            if model:
                methods.refuse_fixed(options)
            plotted = methods.plot(body, content_type, options, model)
            return pictures.encode_picture(plotted, options, media_type)
        case "inverse" if model:
            # The file stands for the id of a stored fit.
            inverse = parse_options(InverseOptions, {**call.query, "fit": _identify(model)})
            result = methods.inverse(body, content_type, inverse, model)
            return encoding.encode_points(result, media_type, model_id=inverse.fit)
        case _:
            transform = parse_options(TransformOptions, call.query)
            if model:
                methods.refuse_fixed(transform)
            return encoding.encode_scores(
                methods.transform(body, content_type, transform, model), media_type
            )


def _fit(call: Call, body: bytes, content_type: str, media_type: str) -> tuple[bytes, bytes | None]:
    """Return the answer of the service, which would keep the model under the same id."""
    options = parse_options(FitOptions, call.query)
    style = parse_options(PictureOptions, call.picture.query) if call.picture else None
    if style:
        methods.refuse_undrawn(options)
    result = methods.fit(body, content_type, options)
    answer = _encode_fit(call.method, result, media_type)
    if style is None:
        return answer, None
    drawn = methods.draw_fit(result, options, style)
    return answer, pictures.encode_picture(drawn, style, images.SVG)


def _encode_fit(method: str, result: methods.FitResult, media_type: str) -> bytes:
    model = result.model
    if media_type == encoding.JSON:
        document = encode_model(model)
        return encoding.encode_model(document, model_id=_identify(model), result=result)
    if method == "loadings":
        columns = [model.names, *model.loadings]
        return encoding.encode_columns(["variable", *model.component_names], columns, media_type)
    return encoding.encode_components(model, media_type)


def _identify(model: PcaModel) -> str:
    return hashlib.sha256(encode_model(model)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
