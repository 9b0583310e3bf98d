"""An Excel workbook -> columns of one of its sheets, by way of the text that Excel would export.

Import it where such a body arrives: openpyxl is an extra. It builds objects for whatever a
workbook says about its looks, so it is given only what says what is in the cells, and that in
bounded amounts. (calamine is faster, but a small workbook with two far corners aborts it.)
"""

import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

from defusedxml import DefusedXmlException
from openpyxl import load_workbook

from meshlens.pca.errors import InvalidOption, InvalidTable
from meshlens.pca.tables.columns import RawTable, ReadOptions, quote
from meshlens.pca.tables.containers.archive import read_members
from meshlens.pca.tables.containers.sheet_text import DELIMITER, SheetText, write_text
from meshlens.pca.tables.delimited.text import decode_text
from meshlens.pca.tables.growth import find_limit

# Parts that say what is in the cells; pictures, themes, charts and links are left unread.
_NEEDED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/[^/]+\.xml|xl/_rels/[^/]+\.rels|xl/worksheets/[^/]+\.xml",
    re.IGNORECASE,
)
_NOT_NEEDED = re.compile(r"xl/(comments|calcChain|metadata|persons|connections)", re.IGNORECASE)
_SHEET, _STRINGS = "xl/worksheets/", "xl/sharedstrings.xml"
# After its cells, a sheet says what is merged, protected and coloured.
_CELLS_END = re.compile(rb"</(\w+:)?sheetData>")
_UNCOMPUTED = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>")
# Elements of the parts that become objects, each of which takes a kilobyte or two.
_MOST_ELEMENTS = 100_000


def decode_workbook(body: bytes, options: ReadOptions) -> RawTable:
    """Read the sheet that the caller has named, else the first one with numbers.

    Raises:
        InvalidOption: no sheet has that name.
        InvalidTable: it is damaged, too large, or has no numbers; or as of text.
    """
    parts = _bound(read_members(body, _is_needed))
    try:
        name, names, sheet = _choose(parts, options.sheet, find_limit(len(body)) // 8)
    except (InvalidTable, InvalidOption):
        raise
    except Exception as error:  # noqa: BLE001 - made-up workbooks are refused in many ways
        raise _damaged(error) from None
    # One row is one observation, never points one after the other.
    width = sheet.width if sheet.rows == 1 else None
    how = replace(options.text, delimiter=DELIMITER, charset="utf-8")
    raw = decode_text(sheet.text, replace(options, columns=options.columns or width, text=how))
    reading = replace(
        raw.reading,
        format=f"Excel workbook, sheet {name}",
        encoding="",
        delimiter="",
        notes=(*_note(parts, options.sheet, name, names), *raw.reading.notes),
    )
    return replace(raw, reading=reading)


def _note(parts: dict[str, bytes], wanted: str, name: str, names: list[str]) -> Iterator[str]:
    if not wanted and len(names) > 1:
        yield (
            f"of the sheets {quote(names)}, {quote([name])} is read, the first with numbers; say"
            " sheet=<name> for another"
        )
    if any(_UNCOMPUTED.search(part) for path, part in parts.items() if _is_sheet(path)):
        yield (
            "formulas without a stored value are read as missing numbers; open the workbook in"
            " Excel or LibreOffice and save it"
        )


def _choose(parts: dict[str, bytes], wanted: str, most: int) -> tuple[str, list[str], SheetText]:
    """Return the name of the sheet to read, the names of all, and the sheet as text."""
    # openpyxl warns of whatever it does not keep.
    warnings.filterwarnings("ignore", module="openpyxl")
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        # A hidden sheet holds what its author does not want to be seen first.
        sheets = sorted(workbook.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
        names = [sheet.title for sheet in sheets]
        if wanted:
            sheets = [sheet for sheet in sheets if sheet.title == wanted]
            if not sheets:
                raise InvalidOption(
                    "sheet must be the name of a sheet of the workbook",
                    got=f"sheet={quote([wanted])}",
                    remedy=f"the sheets are {quote(names)}",
                    option="sheet",
                )
        for sheet in sheets:
            sheet.reset_dimensions()  # they may be wrong
            read = write_text(sheet.iter_rows(values_only=True), most)
            if read.has_numbers or (wanted and read.rows):
                return sheet.title, names, read
    finally:
        workbook.close()
    raise InvalidTable(
        "a sheet of the workbook must hold numbers",
        got=f"none in {quote([wanted] if wanted else names)}",
        remedy="put the numbers in cells, one row for each observation",
    )


def _bound(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Return the parts, sheets without what follows their cells.

    Raises:
        InvalidTable: they would become too many objects.
    """
    elements = 0
    for name, part in parts.items():
        if _is_sheet(name):
            end = _CELLS_END.search(part)
            if end:
                parts[name] = part[: end.end()] + b"</%bworksheet>" % (end[1] or b"")
            head = part.find(b"sheetData")
            elements += part.count(b"<", 0, head if head >= 0 else len(part))
        elif not name.lower().endswith(_STRINGS):
            elements += part.count(b"<")
    if elements > _MOST_ELEMENTS:
        raise InvalidTable(
            f"the styles and names of a workbook may have {_MOST_ELEMENTS} elements",
            got=f"{elements}",
            remedy="copy the values to a new workbook, or save the sheet as CSV",
        )
    return parts


def _is_needed(name: str) -> bool:
    return bool(_NEEDED.fullmatch(name)) and not _NOT_NEEDED.match(name)


def _is_sheet(name: str) -> bool:
    return name.lower().startswith(_SHEET)


def _damaged(error: Exception) -> InvalidTable:
    error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    what = "entities" if isinstance(error, DefusedXmlException) else str(error)
    what = " ".join(what.split())[:100]
    return InvalidTable(
        "the body must be an Excel workbook that can be opened",
        got=f"a damaged one ({type(error).__name__}: {what})",
        remedy="open it in Excel, save it again, or save the sheet as CSV",
    )
