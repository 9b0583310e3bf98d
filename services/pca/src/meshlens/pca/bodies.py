"""Requests as clients send them -> the table, its content type and the options."""

from collections.abc import Collection
from dataclasses import replace

from meshlens.daprkit.messages import File, Request
from meshlens.faults import Place
from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.tables.columns import quote
from meshlens.pca.tables.formats import find_content_type

_MULTIPART = "multipart/form-data"
# A form has one table; more files are counted so that a message can name them.
_MOST_FILES = 16
# gzip shows in the first bytes; others do not.
_ENCODINGS = ("", "identity", "gzip", "x-gzip")


def unpack(request: Request, options: Collection[str]) -> Request:
    """Return a request whose body is the table, and whose query has all options.

    The file of a form is the table: the end of its name says how it is written, as on the command
    line. The other fields of a form are options; an empty one is one that nobody has filled in.

    Args:
        request: as it came.
        options: names of the method's options.

    Raises:
        InvalidRequest: a form cannot be read.
        InvalidTable: a form has no file or several, or the body is encoded in another way than
            gzip.
        InvalidOption: a field of a form is no option, or contradicts the query.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise InvalidTable(
            "content encoding must be gzip, or none",
            got=quote([encoding]),
            remedy="send the body as it is, or compressed by gzip",
        )
    if request.content_type != _MULTIPART:
        return request
    form = request.form(_MOST_FILES)
    query = dict(request.query)
    for name, text in form.fields:
        _choose(query, name, text.strip(), options)
    file = _find_table(form.files, [name for name, _ in form.fields])
    return replace(request, body=file.body, content_type=find_content_type(file.name), query=query)


def _choose(query: dict[str, str], name: str, value: str, options: Collection[str]) -> None:
    """Add a field of a form to the options."""
    if name not in options:
        raise InvalidOption(
            "the fields of a form must be a file and options",
            got=f"the field {quote([name])}",
            remedy="if it is the table, send it as a file, as curl -F file=@FILE does; else leave"
            f" it out: the options are {', '.join(sorted(options))}",
            option=name,
        )
    if value and query.setdefault(name, value) != value:
        raise InvalidOption(
            f"option {name} may be given once",
            got=quote([query[name], value]),
            remedy="keep one of them, in the query or in the form",
            option=name,
        )


def _find_table(files: Collection[File], fields: Collection[str]) -> File:
    """Return the one file that is not empty; browsers send empty ones for what was not chosen."""
    filled = [file for file in files if file.body]
    if len(filled) == 1:
        return filled[0]
    if filled:
        got = f"{len(filled)}: {quote(file.name for file in filled)}"
        remedy = "send each table in a form of its own"
    elif files:
        got, remedy = f"the empty {quote(file.name for file in files)}", "send a file of numbers"
    else:
        got = f"the fields {quote(fields)} only" if fields else "none"
        remedy = "send the table as a file, as curl -F file=@FILE does"
    raise InvalidTable(
        "a form must have one file with a table",
        got=got,
        remedy=remedy,
        places=[Place(file=file.name) for file in filled],
    )
