"""How people write numbers: with signs between thousands, decimal commas, units, (100) for -100.

The user states how numbers are written, or is asked. A cell is read in two
ways that agree: by Python, for a few cells, and by DuckDB's SQL, for a column.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nnplug.tables.duck import literal
from nnplug.tables.missing import is_usual_mark

__all__ = [
    "PLAIN",
    "Numerals",
    "is_code",
    "reads_as_number",
    "likeliest",
    "may_be_thousands",
    "may_mix_points",
    "mixes_points",
    "suggested",
    "unit_behind",
]

_FIRST = 200
"""Texts that are tried before a whole column is."""
_UNIT_NEEDED = ("%", "‰")
"""Units that change the number: 0.5 and 50 % may stand in one column."""
_WRITTEN = re.compile(r"(\(?)(\D*)1([,. ']?)234([.,])5(\)?)", re.DOTALL)
_SAME: dict[str, str] = {"\u2212": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2019": "'"}
"""Typographic signs, by their ASCII form: the minus, non-breaking spaces, the apostrophe."""
_USUAL = str.maketrans("".join(_SAME), "".join(_SAME.values()))
_CURRENCY = re.compile(
    "AED|ARS|AUD|BDT|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|"
    "KES|KRW|KZT|MAD|MXN|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|QAR|RMB|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|"
    "TWD|TZS|UAH|USD|VND|ZAR|(?i:kr|zł|kč|ft|fr|sfr|rs|lei|лв|руб|грн)[.]?"
)
_UNIT = r"[^\W\d_]{1,12}\.?|[^\W\d_]{0,3}[^\w\s.,+()'-]{1,3}"
_GROUPED = r"\s*[+-]?[1-9]\d{0,2}(\.\d{3})+\s*"
_BARE = r"\s*[+-]?\d{1,3}\s*"
_CELL = re.compile(
    rf"[+-]?\s*(?P<before>{_UNIT})?\s*[+-]?\s*(?:[0-9][0-9.,' ]*|[.,][0-9]+)\s*(?P<after>{_UNIT})?"
)


@dataclass(frozen=True)
class Numerals:
    """A way to write numbers.

    Attributes
    ----------
    decimal : str
        The sign before decimals, `"."` or `","`.
    thousands : str
        `","`, `"."`, `"'"` or a space between groups of three digits; empty
        if digits are not grouped. Numbers without the sign are read too, and
        groups of two digits before the last one, as in India.
    unit : str
        A unit such as `"$"` that may stand before or after a number and is
        dropped. A percent sign must be there.
    negative : str
        `"()"` if (100) is -100, otherwise empty.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    negative: str = ""

    @property
    def written(self) -> str:
        """An example, `"($1,234.5)"`; empty for plain numbers."""
        if self == PLAIN:
            return ""
        number = f"{self.unit}1{self.thousands}234{self.decimal}5"
        return f"({number})" if self.negative else number

    @classmethod
    def of(cls, written: str) -> Numerals | None:
        """Parse an example as `written` gives it; None if it is not one."""
        found = _WRITTEN.fullmatch(written)
        if found is None:
            return None if written else PLAIN
        left, unit, thousands, decimal, right = found.groups()
        if thousands == decimal or bool(left) != bool(right):
            return None
        return cls(decimal, thousands, unit, "()" if left else "")

    def read(self, cell: str) -> float | None:
        """Read one cell; None if it is not a number written in this way."""
        text = cell.translate(_USUAL).strip(" \t\r\n")
        if self.unit in _UNIT_NEEDED and self.unit not in text:
            return None
        if self.negative:
            text = re.sub(r"^\((.*)\)$", r"-\1", text)
        if self.unit:
            text = re.sub(self._around, r"\1", text, count=1)
        if self.thousands and re.fullmatch(self._grouped, text):
            text = text.replace(self.thousands, "")
        if self.decimal == ",":
            text = text.replace(".", "?").replace(",", ".")
        try:
            return float(text) if text.isascii() else None
        except ValueError:
            return None

    def sql(self, cell: str) -> str:
        """Write the SQL for a text cell as a number; NULL if it is not one written in this way."""
        usual = f"translate({cell}, {literal(''.join(_SAME))}, {literal(''.join(_SAME.values()))})"
        if not (self.thousands or self.unit or self.negative):
            # The slower cast runs only for the cells that the first one does not read.
            return f"coalesce({self._cast(cell)}, {self._cast(usual)})"
        text = f"trim({usual}, E' \\t\\r\\n')"
        if self.negative:
            text = rf"regexp_replace({text}, '^\((.*)\)$', '-\1')"
        if self.unit:
            text = rf"regexp_replace({text}, {literal(self._around)}, '\1')"
        if self.thousands:
            grouped = f"regexp_full_match({text}, {literal(self._grouped)})"
            whole = f"replace({text}, {literal(self.thousands)}, '')"
            text = f"CASE WHEN {grouped} THEN {whole} ELSE {text} END"
        number = self._cast(text)
        if self.unit in _UNIT_NEEDED:
            number = f"CASE WHEN contains({cell}, {literal(self.unit)}) THEN {number} END"
        return number

    def _cast(self, text: str) -> str:
        # A number with a decimal comma has no points: otherwise 1.5 would be read as it stands.
        point = f"replace(replace({text}, '.', '?'), ',', '.')"
        return f"TRY_CAST({point if self.decimal == ',' else text} AS DOUBLE)"

    @property
    def _around(self) -> str:
        """A pattern for the unit, with a sign before it; for Python and RE2."""
        unit = re.escape(self.unit)
        return rf"^([+-]?)\s*(?:{unit})\s*|\s*(?:{unit})$"

    @property
    def _grouped(self) -> str:
        """A pattern for a number in groups; for Python and RE2."""
        sign, decimal = re.escape(self.thousands), re.escape(self.decimal)
        return rf"[+-]?[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{2,3}})*{sign}[0-9]{{3}}(?:{decimal}[0-9]*)?"


PLAIN = Numerals()
"""1234.5"""


def reads_as_number(text: str) -> bool:
    """Tell whether text is a finite number as Python writes it."""
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def is_code(cell: str) -> str:
    """Write the SQL that tells whether a cell is a code like 007, which a cast takes for 7."""
    return f"({cell} >= '00' AND {cell} < '0:')"


def may_mix_points(cell: str) -> bool:
    """Tell whether a cell is like 999 or 1.234: see `mixes_points`."""
    return re.fullmatch(f"{_GROUPED}|{_BARE}", cell, re.ASCII) is not None


def mixes_points(cell: str) -> str:
    """Write the SQL that tells whether a column mixes 999 and 1.234, and nothing else.

    Its points may then separate thousands. The SQL is an aggregate over text
    cells: a cell with a point, or NULL.
    """
    grouped = f"regexp_full_match({cell}, '{_GROUPED}')"
    bare = f"regexp_full_match({cell}, '{_BARE}')"
    example = f"min({cell}) FILTER ({grouped})"
    return f"CASE WHEN bool_and({grouped} OR {bare}) AND bool_or({bare}) THEN {example} END"


def may_be_thousands(number: str) -> str:
    """Write the SQL that tells whether numbers, read with decimals, may be thousands.

    An aggregate: whether all are below 1,000, and those with decimals have at
    most three and are at least 1.
    """
    size = f"abs({number})"
    fraction = f"{number} <> trunc({number})"
    three = f"{size} >= 1 AND abs({size} * 1000 - round({size} * 1000)) < 1e-6"
    return f"coalesce(bool_and({size} < 1000 AND (NOT ({fraction}) OR {three})), true)"


def likeliest(ways: Sequence[Numerals], cells: Iterable[str]) -> Numerals:
    """Choose the way that reads the most cells; the first of equals."""
    if len(ways) == 1:
        return ways[0]
    cells = tuple(cells)
    return max(ways, key=lambda way: sum(way.read(cell) is not None for cell in cells))


def suggested(
    cells: Iterable[str], stated: Numerals, *, decimal: bool, fixed: bool = False
) -> tuple[Numerals, ...]:
    """List the ways that read most cells, if they read more than the stated way does.

    Parameters
    ----------
    stated : Numerals
        What is known about the column, or about the whole file.
    decimal : bool
        Whether the sign before decimals is known.
    fixed : bool
        Whether what is stated must hold, since the user said it of this column.
    """
    judged = [cell.translate(_USUAL) for cell in cells if not is_usual_mark(cell)]
    bare = [re.sub(r"^\((.*)\)$", r"\1", cell.strip()) for cell in judged]
    negative = stated.negative
    if not negative and any(len(a) < len(b.strip()) for a, b in zip(bare, judged, strict=True)):
        negative = "()"
    found = [match for cell in bare if (match := _CELL.fullmatch(cell.strip()))]
    if 2 * len(found) <= len(judged):
        return ()
    units = Counter(match["before"] or match["after"] for match in found)
    unit = stated.unit
    if not unit:
        unit = next((text for text, _ in units.most_common() if text and _is_unit(text)), "")
    signs = {sign for cell in bare for sign in ",.' " if sign in cell}
    ways = []
    for thousands, sign in itertools.product((",", ".", "'", " ", ""), ".,"):
        if thousands != sign and {thousands} <= {*signs, stated.thousands, ""}:
            ways.append(Numerals(sign, thousands, unit, negative))
    agreeing = [
        way
        for way in ways
        if stated.thousands in ("", way.thousands)
        and not (decimal and way.decimal != stated.decimal)
    ]
    ways = agreeing if fixed else ways
    counts = {way: sum(way.read(cell) is not None for cell in judged) for way in ways}
    most = max(counts.values(), default=0)
    best = [way for way in ways if counts[way] == most]
    best = [way for way in best if way in agreeing] or best
    plain = sum(stated.read(cell) is not None for cell in judged)
    if 2 * most <= len(judged) or most <= plain:
        return ()
    # The user is asked for no more than the cells need.
    simpler = {way: _without_unneeded(way, stated, judged) for way in best}
    return tuple(dict.fromkeys(simpler.values()))


def _without_unneeded(way: Numerals, stated: Numerals, cells: Sequence[str]) -> Numerals:
    """Drop from a way whatever changes no cell."""
    values = [way.read(cell) for cell in cells]
    for name in ("negative", "unit", "thousands", "decimal"):
        other = replace(way, **{name: getattr(stated, name)})
        if other.decimal != other.thousands and [other.read(cell) for cell in cells] == values:
            way = other
    return way


def unit_behind(cells: Mapping[str, int]) -> str:
    """Return the unit after the numbers of most cells, such as km; empty if there is none.

    Letters before a number do not count: they make it a code, such as Q1.

    Parameters
    ----------
    cells : mapping
        From the cells to how often they occur.
    """
    units: Counter[str] = Counter()
    for cell, count in itertools.islice(cells.items(), _FIRST):
        found = _CELL.fullmatch(cell.translate(_USUAL).strip())
        if found and not found["before"] and found["after"]:
            units[found["after"]] += count
    unit = max(units, key=lambda text: (units[text], text), default="")
    if 2 * units[unit] < sum(itertools.islice(cells.values(), _FIRST)):
        return ""
    judged = sum(count for cell, count in cells.items() if not is_usual_mark(cell))
    way = Numerals(unit=unit)
    fitting = sum(n for cell, n in cells.items() if unit and way.read(cell) is not None)
    return unit if judged and fitting * 10 >= 9 * judged else ""


def _is_unit(text: str) -> bool:
    """Tell whether text is a percent sign, or the sign, code or word for a currency."""
    signs = any(sign in _UNIT_NEEDED or unicodedata.category(sign) == "Sc" for sign in text)
    return signs or _CURRENCY.fullmatch(text) is not None
