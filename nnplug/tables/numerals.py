"""How people write numbers: with signs between thousands, decimal commas, units, (100) for -100.

A way to write numbers is stated by the user or asked about; what one cell
means is said twice here, in Python and in DuckDB's SQL.
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

__all__ = ["PLAIN", "Numerals", "likeliest", "suggested", "unit_behind"]

_FIRST = 200
"""Texts that are looked at before all are."""
_UNIT_NEEDED = ("%", "‰")
"""Units without which a number would be another: 0.5 beside 50 %."""
_WRITTEN = re.compile(r"(\(?)(\D*)1([,. ']?)234([.,])5(\)?)", re.DOTALL)
_SAME: dict[str, str] = {"\u2212": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2019": "'"}
"""Signs that stand for others in numbers: the minus, spaces that do not break, the apostrophe."""
_USUAL = str.maketrans("".join(_SAME), "".join(_SAME.values()))
_CURRENCY = re.compile(
    "AED|ARS|AUD|BDT|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|"
    "KES|KRW|KZT|MAD|MXN|MYR|NGN|NOK|NZD|PEN|PHP|PKR|PLN|QAR|RMB|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|"
    "TWD|TZS|UAH|USD|VND|ZAR|(?i:kr|zł|kč|ft|fr|sfr|rs|lei|лв|руб|грн)[.]?"
)
_UNIT = r"[^\W\d_]{1,12}\.?|[^\W\d_]{0,3}[^\w\s.,+()'-]{1,3}"
_CELL = re.compile(
    rf"[+-]?\s*(?P<before>{_UNIT})?\s*[+-]?\s*(?:[0-9][0-9.,' ]*|[.,][0-9]+)\s*(?P<after>{_UNIT})?"
)


@dataclass(frozen=True)
class Numerals:
    """A way to write numbers.

    Attributes
    ----------
    decimal : str
        `"."` or `","`, before the decimals.
    thousands : str
        `","`, `"."`, `"'"` or a space between groups of three digits; empty
        if they are not grouped. Numbers without it are read too, and groups
        of two digits before the last, as in India.
    unit : str
        What may stand before or behind a number, such as `"$"`, and is left
        out; percent signs must stand there.
    negative : str
        `"()"` if (100) is -100, else empty.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    negative: str = ""

    @property
    def written(self) -> str:
        """An example that shows it: `"($1,234.5)"`; empty for plain numbers."""
        if self == PLAIN:
            return ""
        number = f"{self.unit}1{self.thousands}234{self.decimal}5"
        return f"({number})" if self.negative else number

    @classmethod
    def of(cls, written: str) -> Numerals | None:
        """Read what `written` gives; None if it is no such example."""
        found = _WRITTEN.fullmatch(written)
        if found is None:
            return None if written else PLAIN
        left, unit, thousands, decimal, right = found.groups()
        if thousands == decimal or bool(left) != bool(right):
            return None
        return cls(decimal, thousands, unit, "()" if left else "")

    def read(self, cell: str) -> float | None:
        """Read one cell; None if it is no number that is written so."""
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
        """Write the SQL of a text cell as a number; NULL if it is none that is written so."""
        usual = f"translate({cell}, {literal(''.join(_SAME))}, {literal(''.join(_SAME.values()))})"
        if not (self.thousands or self.unit or self.negative):
            # The second is only asked of the cells that are no number to the first.
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
        # A number with decimal commas has no points: else 1.5 were 1.5 again.
        point = f"replace(replace({text}, '.', '?'), ',', '.')"
        return f"TRY_CAST({point if self.decimal == ',' else text} AS DOUBLE)"

    @property
    def _around(self) -> str:
        """What matches the unit, with a sign before it; for Python and RE2."""
        unit = re.escape(self.unit)
        return rf"^([+-]?)\s*(?:{unit})\s*|\s*(?:{unit})$"

    @property
    def _grouped(self) -> str:
        """What matches a number in groups; for Python and RE2."""
        sign, decimal = re.escape(self.thousands), re.escape(self.decimal)
        return rf"[+-]?[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{2,3}})*{sign}[0-9]{{3}}(?:{decimal}[0-9]*)?"


PLAIN = Numerals()
"""1234.5"""


def likeliest(ways: Sequence[Numerals], cells: Iterable[str]) -> Numerals:
    """Choose the way that reads most of some cells; among equals the first."""
    if len(ways) == 1:
        return ways[0]
    cells = tuple(cells)
    return max(ways, key=lambda way: sum(way.read(cell) is not None for cell in cells))


def suggested(
    cells: Iterable[str], stated: Numerals, *, decimal: bool, fixed: bool = False
) -> tuple[Numerals, ...]:
    """List the ways that read most of some cells, if those are more than as stated.

    Parameters
    ----------
    stated : Numerals
        What is known of the column, or of the whole file.
    decimal : bool
        Whether its sign before the decimals is.
    fixed : bool
        Whether it must be so, since the user says it of this column.
    """
    judged = [cell.translate(_USUAL) for cell in cells if not is_usual_mark(cell)]
    bare = [re.sub(r"^\((.*)\)$", r"\1", cell.strip()) for cell in judged]
    negative = stated.negative
    if not negative and any(len(a) < len(b.strip()) for a, b in zip(bare, judged, strict=True)):
        negative = "()"
    found = [match for each in bare if (match := _CELL.fullmatch(each.strip()))]
    if 2 * len(found) <= len(judged):
        return ()
    units = Counter(match["before"] or match["after"] for match in found)
    unit = stated.unit
    for each, _ in units.most_common():
        if not unit and each and _is_unit(each):
            unit = each
    signs = {sign for each in bare for sign in ",.' " if sign in each}
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
    # What is not needed is not asked for.
    simpler = {way: _without_unneeded(way, stated, judged) for way in best}
    return tuple(dict.fromkeys(simpler.values()))


def _without_unneeded(way: Numerals, stated: Numerals, cells: Sequence[str]) -> Numerals:
    """Leave out of a way what changes no cell."""
    values = [way.read(cell) for cell in cells]
    for name in ("negative", "unit", "thousands", "decimal"):
        other = replace(way, **{name: getattr(stated, name)})
        if other.decimal != other.thousands and [other.read(cell) for cell in cells] == values:
            way = other
    return way


def unit_behind(cells: Mapping[str, int]) -> str:
    """Give the unit that stands behind the numbers of most cells, such as km; else nothing.

    Parameters
    ----------
    cells : mapping
        How often each occurs. What stands before a number makes it a code: Q1.
    """
    units: Counter[str] = Counter()
    for cell, count in itertools.islice(cells.items(), _FIRST):
        found = _CELL.fullmatch(cell.translate(_USUAL).strip())
        if found and not found["before"] and found["after"]:
            units[found["after"]] += count
    unit = max(units, key=lambda each: (units[each], each), default="")
    if 2 * units[unit] < sum(itertools.islice(cells.values(), _FIRST)):
        return ""
    judged = sum(count for cell, count in cells.items() if not is_usual_mark(cell))
    way = Numerals(unit=unit)
    fitting = sum(n for cell, n in cells.items() if unit and way.read(cell) is not None)
    return unit if judged and fitting * 10 >= 9 * judged else ""


def _is_unit(text: str) -> bool:
    """Tell whether text is a percent sign, or a sign, code or word for a currency."""
    signs = any(sign in _UNIT_NEEDED or unicodedata.category(sign) == "Sc" for sign in text)
    return signs or _CURRENCY.fullmatch(text) is not None
