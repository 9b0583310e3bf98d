"""Names that a spreadsheet would take for formulas, in delimited text.

Spreadsheets compute a cell that begins like a formula, quoted or not, and =HYPERLINK or =cmd|...
reach out of the sheet. Names come from the sender of the points, so answers put an apostrophe
before such a name, which spreadsheets read as "this is text" (OWASP, CSV Injection). It is removed
when the answer is read as a table.
"""

import re
from collections.abc import Sequence

# Spreadsheets read the wide forms of East Asian text as the narrow ones.
_BEGINS_FORMULA = "[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(f"'*{_BEGINS_FORMULA}")
_MARKED = re.compile(f"'+{_BEGINS_FORMULA}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def mark_formula(text: str) -> str:
    """Return text, with an apostrophe before it if a spreadsheet would compute it; no number is."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def unmark_formula(text: str) -> str:
    """Return text without the apostrophe that `mark_formula` has put before it."""
    return text[1:] if _MARKED.match(text) else text


def unmark_formulas(cells: Sequence[str]) -> Sequence[str]:
    """Return cells without the apostrophes that `mark_formula` has put before them."""
    # A copy only if there is one: a column of a million groups holds few different strings.
    if any(cell.startswith("'") for cell in cells):
        return [unmark_formula(cell) for cell in cells]
    return cells
