"""The command line: which methods there are, and what each takes."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from meshlens.pca.drawing.scenes.plane import MOST_MARKS
from meshlens.pca.options import (
    OF_WHOLE_TABLES,
    FitOptions,
    InverseOptions,
    NoOptions,
    PictureOptions,
    PlotOptions,
    TransformOptions,
)

STDIN = Path("-")

_DESCRIPTION = """\
Principal components of a table: {prog} table.csv > plot.svg

  {prog} plot table.csv -o plot.svg           picture of the scores; plot may be left out
  {prog} fit table.csv -o model.json          the model: means, components, explained variance
  {prog} scores table.csv -o scores.csv       coordinates of the observations
  {prog} loadings table.csv                   components times the standard deviation of scores
  {prog} transform --fit model.json new.csv   scores of new observations on an earlier model
  {prog} inverse --fit model.json scores.csv  observations that have the scores

  {prog} fit folder/ -o model.json            of files together larger than memory, in parts
  {prog} fit folder/ --picture plot.svg       and a picture of them

A file that has the name of a method is written ./fit. {prog} METHOD --help lists its options.

In the mesh the service has the same methods; docs/api.md describes them, and so does its method
openapi.json.
"""

# A file that is larger is read in parts.
LARGE = 256 << 20
_SEVERAL = "several files, a folder, a pattern of files, or addresses https://... are one table"
_PARTS = f"""\
Several files, a folder, a pattern ('folder/*.parquet'), files of the web
(https://host/table.parquet), and one Parquet, Arrow, .npy or text file of more than
{LARGE >> 20} MiB are read in parts, in bounded memory; so is a smaller one with any of --workers,
--job and --skip-failed. What is done is kept: the same command goes on where one was interrupted.
The answer does not depend on the number of workers.
"""
_OF_PARTS = ("workers", "job", "skip_failed", "whole")
_PICTURE = f"""\
With --picture the observations are drawn on the components of the fit, as by the method plot. Of
more than {MOST_MARKS} a picture shows the density, which is drawn of a table in parts, too.
"""
_OF_PICTURE = tuple(name for name in PictureOptions.model_fields if name not in OF_WHOLE_TABLES)


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the command.

    Attributes:
        options: what it takes.
        help: what it does.
        without: options that mean nothing here.
    """

    options: type[NoOptions]
    help: str
    without: frozenset[str] = frozenset()


METHODS: Mapping[str, Method] = {
    "plot": Method(PlotOptions, "draw the observations with their principal components"),
    "fit": Method(FitOptions, "find the principal components, as JSON"),
    "scores": Method(
        TransformOptions, "print the coordinates of the observations", frozenset(["fit"])
    ),
    "loadings": Method(FitOptions, "print the loadings of the variables, a row each"),
    "transform": Method(TransformOptions, "print the scores of new observations on --fit"),
    "inverse": Method(InverseOptions, "print the observations that have the scores"),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """How a table is worked on in parts.

    Attributes:
        workers: parts that are worked on at a time; 0 if the caller does not say.
        job: folder where what is done is kept, None for one in the user's cache.
        skip_failed: whether parts that cannot be read are left out.
        whole: whether a table is read whole however large it is.
    """

    workers: int = 0
    job: Path | None = None
    skip_failed: bool = False
    whole: bool = False

    @property
    def chosen(self) -> bool:
        """Whether the caller has said anything that means parts."""
        return bool(self.workers or self.job or self.skip_failed)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The picture of a fit.

    Attributes:
        file: to write.
        query: its options that are given, as text.
    """

    file: Path
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """A command line that has been read.

    Attributes:
        method: what to do, one of METHODS.
        file: the table, or STDIN; the first of several.
        files: all that were named, as they were typed.
        parts: how a table is worked on in parts.
        output: file to write, None for standard output.
        content_type: how the table is written, empty if the caller leaves it open.
        json: whether numbers are printed as JSON.
        fit: file of an earlier model.
        query: the options of the method that are given, as text.
        picture: of a fit, None if it is not wanted.
    """

    method: str
    file: Path
    output: Path | None
    content_type: str
    json: bool
    fit: Path | None
    query: Mapping[str, str]
    files: tuple[str, ...] = ()
    parts: Parts = Parts()
    picture: Drawn | None = None


def parse(arguments: Sequence[str], prog: str = "pca") -> Call:
    """Return what a command line says; values are left as text, which `options` validates.

    It prints the help or the version, or what is wrong, and leaves where argparse does.

    Args:
        arguments: what was typed after the name of the command.
        prog: that name.
    """
    method, rest = "plot", [*arguments]
    named = bool(rest) and rest[0] in METHODS
    if named:
        method, *rest = rest
    elif "--json" in rest:
        method = "fit"
    parser = _build_parser(method, prog, named=named)
    parsed = vars(parser.parse_args(rest))
    own = ("file", "output", "content_type", "json", "fit")
    file, output, content_type, json, fit = (parsed.pop(name, None) for name in own)
    files = tuple(file) if isinstance(file, list) else (str(file),)
    parts = Parts(**{name: parsed.pop(name) for name in _OF_PARTS if parsed.get(name) is not None})
    parsed = {name: value for name, value in parsed.items() if name not in _OF_PARTS}
    picture = _take_picture(parser, parsed)
    return Call(
        method=method,
        file=Path(files[0]) if files else STDIN,
        files=files or (str(STDIN),),
        parts=parts,
        output=output,
        content_type=content_type or "",
        json=bool(json),
        fit=fit,
        query={name: value for name, value in parsed.items() if value is not None},
        picture=picture,
    )


def say_options(method: str, message: str) -> str:
    """Return a message in which options are written as on the command line: --missing drop."""
    known = {*METHODS[method].options.model_fields, *(_OF_PICTURE if method == "fit" else ())}
    names = "|".join(sorted(known, key=len, reverse=True))
    message = re.sub(rf"^(?:option )?({names})(?=: | goes with )", r"--\1", message)
    message = re.sub(rf"(?<![\w=-])({names})=true\b", r"--\1", message)
    return re.sub(rf"(?<![\w=-])({names})=(?=[\w<\"'])", r"--\1 ", message)


def _build_parser(method: str, prog: str, *, named: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{prog} {method}" if named else prog,
        description=METHODS[method].help if named else _DESCRIPTION.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version("meshlens-pca"))
    several = method == "fit"
    parser.add_argument(
        "file",
        nargs="*" if several else "?",
        type=str if several else Path,  # a path would make one slash of the two in https://
        default=[] if several else STDIN,
        help="the table; - for standard input, which is read if no file is given"
        + (f"; {_SEVERAL}" if several else ""),
    )
    if several:
        _add_parts(parser)
        _add_picture(parser)
    parser.add_argument(
        "-o", "--output", type=Path, help="file to write; the end of its name says how"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print numbers as JSON" if named else "print the numbers, not the picture",
    )
    parser.add_argument(
        "--content-type",
        help="how the table is written (default: by its first bytes and its name)",
    )
    options = METHODS[method].options
    properties = options.model_json_schema()
    for name, field in options.model_fields.items():
        if name in METHODS[method].without:
            continue
        if name == "fit":
            parser.add_argument(
                "--fit",
                type=Path,
                required=method in ("transform", "inverse"),
                metavar="MODEL",
                help="a model that pca fit has written as JSON",
            )
            continue
        help_ = _describe(field.description or "", field.default)
        if field.annotation is bool:
            parser.add_argument(f"--{name}", action="store_const", const="true", help=help_)
        else:
            parser.add_argument(f"--{name}", metavar=_choices(name, properties), help=help_)
    return parser


def _add_parts(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_argument_group("tables in parts", _PARTS)
    parts.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="parts that are read at a time, each by a thread (default: one for each processor)",
    )
    parts.add_argument(
        "--job",
        type=Path,
        metavar="FOLDER",
        help="where to keep what is done, for good (default: a folder in the user's cache, which"
        " is removed when the answer is there)",
    )
    parts.add_argument(
        "--skip-failed",
        action="store_true",
        help="leave out parts that cannot be read, and say which, instead of ending",
    )
    parts.add_argument(
        "--whole", action="store_true", help="read one file whole, however large it is"
    )


def _add_picture(parser: argparse.ArgumentParser) -> None:
    drawn = parser.add_argument_group("picture", _PICTURE)
    drawn.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="draw the observations, too, into a file"
    )
    properties = PictureOptions.model_json_schema()
    for name in _OF_PICTURE:
        field = PictureOptions.model_fields[name]
        help_ = _describe(field.description or "", field.default)
        drawn.add_argument(f"--{name}", metavar=_choices(name, properties), help=help_)


def _take_picture(parser: argparse.ArgumentParser, parsed: dict[str, Any]) -> Drawn | None:
    """Take what says how a fit is drawn out of what was parsed."""
    if "picture" not in parsed:
        return None
    file = parsed.pop("picture")
    query = {name: value for name in _OF_PICTURE if (value := parsed.pop(name)) is not None}
    if file is None and query:
        parser.error(f"--{next(iter(query))} goes with --picture")
    return None if file is None else Drawn(file, query)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _describe(description: str, default: object) -> str:
    shown = description.replace("%", "%%")
    if default in (None, "", False, ()) or not isinstance(default, str | int | float):
        return shown
    return f"{shown} (default: {default})"


def _choices(name: str, schema: Mapping[str, Any]) -> str:
    """Return the values of an option in braces if they are few and known, else VALUE."""
    option = schema["properties"][name]
    parts = [option, *option.get("anyOf", ()), *option.get("allOf", ())]
    for part in parts:
        resolved = schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        if "enum" in resolved:
            return "{" + ",".join(map(str, resolved["enum"])) + "}"
        if resolved.get("type") == "boolean":
            return "{true,false}"
    return "VALUE"
