"""How people write a number, or that there is none, in a cell of any text format."""

import re
from dataclasses import dataclass

from meshlens.pca.tables.units import CURRENCIES, CURRENCY_SYMBOLS, is_unit

# Cells that are neither numbers nor names: the value is missing. R, pandas, SQL, Excel (errors of
# formulas), Windows' C library, and instruments write them; lower or upper case does not matter.
MISSING = (
    "", "NA", "N/A", "n/a", "na", "n.a.", "NaN", "nan", "-nan", "null", "NULL", "None", "none",
    "nil", "<NA>", "NaT", "\\N", "ND", "nd", "n.d.", "N.D.", "?", ".", "..", "...", "-", "--",
    "---", "*", "#NA", "#N/A", "#N/A N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?",
    "#NULL!", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "nan(ind)", "-nan(ind)",
)  # fmt: skip

# Characters that mean the same as plain ones: minus signs, apostrophes, blanks, full-width forms.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2005\u2007\u2008\u2009\u200a\u202f\u3000", " "),
        **dict.fromkeys("\u200b\u200e\u200f\u2060\ufeff"),
        **{chr(0xFF01 + offset): chr(0x21 + offset) for offset in range(94) if offset != 12},  # noqa: PLR2004 - all of ASCII but the minus sign
    }
)
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_CURRENCY = "|".join(
    [*map(re.escape, sorted(CURRENCIES, key=len, reverse=True)), f"[{CURRENCY_SYMBOLS}]"]
)
_NUMERAL = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-]\s?)?(?:(?P<before>{_CURRENCY})(?:\s|(?<=[{CURRENCY_SYMBOLS}.])|(?=\d))\s*)?"
    r"(?P<inner>[+-])?(?P<digits>[.,]?\d(?:[\d.,' ]*\d)?[.,]?)(?P<exponent>[eEdD][+-]?\d+)?"
    rf"(?P<gap>\s*)(?P<after>{_CURRENCY}|[%‰°]|[^\W\d_][\w°/²³·^*%.-]{{0,15}}|°[CFK]|µ[\w/²³]{{1,8}})?"
    r"\s*(?P<trailing>-)?(?P<close>\))?"
)
_LEADING_CURRENCY = re.compile(rf"-?(?:{_CURRENCY})\s*(?=\d)")
# A number, by its decimal mark; what separates thousands is the same throughout.
_BY_MARK = {
    mark: re.compile(
        rf"\d+(?:\{mark}\d*)?|\{mark}\d+"
        rf"|[1-9]\d{{0,2}}(?P<group>[{other}' ])\d{{3}}(?:(?P=group)\d{{3}})*(?:\{mark}\d*)?"
        rf"|[1-9]\d?(?:{other}\d\d)+{other}\d{{3}}(?:\{mark}\d*)?"
    )
    for mark, other in ((".", ","), (",", r"\."))
}
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_DATE_OR_CODE = re.compile(
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[ T].*)?|\d{4}-\d\d|\d\d?/\d{4}"  # dates
    r"|\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?"  # times
    r"|\d+(?:-\d+)+|\d+(?: - | ?\.\. ?)\d+"  # numbers of parts, and ranges
)
_HEXADECIMAL = re.compile(r"[+-]?0[xXbBoO][0-9a-fA-F]+")
_LONGEST = 400  # characters; the longest double has 309 digits
_FOLDED = frozenset(mark.casefold() for mark in MISSING)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as somebody has written it.

    Attributes:
        digits: with decimal mark and separators of thousands, without sign.
        exponent: such as E+01, or empty.
        negative: whether it is below zero.
        unit: what stands before or behind it: a unit, a currency or a per cent sign; or empty.
        glued: whether the unit stands behind it without a blank.
        marks: the decimal marks, of "." and ",", with which the digits are a number.
    """

    digits: str
    exponent: str
    negative: bool
    unit: str
    glued: bool
    marks: str

    def number(self, mark: str) -> float | None:
        """Return the value where `mark` is the decimal mark; None if it is no number then."""
        if mark not in self.marks:
            return None
        other = "," if mark == "." else "."
        digits = self.digits.replace(other, "").replace(" ", "").replace("'", "").replace(mark, ".")
        value = float(digits + self.exponent.upper().replace("D", "E"))
        return -value if self.negative else value


def is_missing(cell: str) -> bool:
    """Return whether a cell says that there is no number."""
    cell = cell.strip()
    return cell in MISSING or cell.translate(_PLAIN).strip().casefold() in _FOLDED


def is_plain(cell: str) -> bool:
    """Return whether a cell holds a number as programs write it, or an infinite one."""
    return bool(_PLAIN_NUMBER.fullmatch(cell) or _INFINITE.fullmatch(cell))


def is_infinite(cell: str) -> bool:
    """Return whether a cell says inf, which may also be a name."""
    return bool(_INFINITE.fullmatch(cell.strip()))


def dissect(cell: str) -> Numeral | None:
    """Return the parts of a number, None if the cell holds something else."""
    if len(cell) > _LONGEST:
        return None
    cell = cell.translate(_PLAIN).strip()
    found = _NUMERAL.fullmatch(cell)
    if found is None or _HEXADECIMAL.fullmatch(cell):
        return None
    digits = found["digits"]
    signs = [mark for mark in ("sign", "inner", "trailing", "open") if found[mark]]
    if bool(found["open"]) != bool(found["close"]) or len(signs) > 1 or not digits.isascii():
        return None
    marks = "".join(mark for mark, number in _BY_MARK.items() if number.fullmatch(digits))
    if not marks or (found["before"] and found["after"]):
        return None
    sign = (found["sign"] or found["inner"] or "").strip()
    return Numeral(
        digits=digits,
        exponent=found["exponent"] or "",
        negative=sign == "-" or bool(found["trailing"] or found["open"]),
        unit=found["before"] or found["after"] or "",
        glued=bool(found["after"]) and not found["gap"],
        marks=marks,
    )


def may_be_unit(numeral: Numeral) -> bool:
    """Return whether what stands behind a number can be its unit: 5 crowns, but not 5th or 5b."""
    unit = numeral.unit
    if is_unit(unit) or not numeral.glued:
        return True
    return len(unit) > 1 and unit not in _ORDINALS


def looks_numeric(cell: str) -> bool:
    """Return whether a cell that is no number is none of the usual names either.

    These are fractions, hexadecimal numbers, bounds (<0.5), errors (1.2±0.1) and the like; dates,
    times, ranges and codes with letters are names.
    """
    cell = cell.strip()[:_LONGEST].translate(_PLAIN).strip()
    cell = _LEADING_CURRENCY.sub("", cell)
    if not any(map(str.isdigit, cell)) or _DATE_OR_CODE.fullmatch(cell):
        return False
    return bool(_HEXADECIMAL.fullmatch(cell)) or not any(map(str.isalpha, cell))
