"""The columns of a text file that are numbers, and those that would be but for a few cells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from nnplug.tables.diagnosis import QuoteError, mostly, records, stray_error
from nnplug.tables.duck import by_columns
from nnplug.tables.missing import usual_mark
from nnplug.tables.number_formats import (
    NumberFit,
    ask,
    find_numerals,
    is_code,
    may_mix_points,
    mixes_points,
    number_error,
    points_fit,
)
from nnplug.tables.numerals import PLAIN, Numerals, likeliest
from nnplug.tables.raw_text import RawText

__all__ = ["NumberColumns"]

_HEAD = 100
"""Rows that are looked at before all are."""


class NumberColumns(RawText):
    """The columns of a text file, of which numbers are found out, asked about or refused."""

    def numerals(self, ours: str) -> Numerals:
        """Tell how the numbers of a column are written, as far as the user or training says."""
        if self.types[ours] != "VARCHAR" and ours not in self.numeric:
            return Numerals(self.options.point)
        ways = self.options.numerals(self.names[ours])
        return likeliest(ways, self.first_cells([ours])[ours] if len(ways) > 1 else ())

    def as_number(self, ours: str) -> str:
        """Write the SQL of a cell as a number; NULL if it is none."""
        return self.numerals(ours).sql(ours)

    def find_numbers(self) -> None:
        """Find the columns of text of which every cell is a number, and none a code.

        DuckDB does not take +5 for one, and knows neither marks of single
        columns nor how people write numbers.
        """
        given = {*self.stated, *self.dated, *self.foreign}
        texts = [o for o in self.ours if self.types[o] == "VARCHAR" and o not in given]
        for ours, first in self.first_cells(texts).items():
            way = likeliest(self.options.numerals(self.names[ours]), first)
            if not first or any(way.read(cell) is None for cell in first):
                continue
            found = self.connection.execute(
                f"SELECT bool_and({way.sql(ours)} IS NOT NULL AND NOT {is_code(ours)}), "
                f"bool_and({way.sql(ours)} = trunc({way.sql(ours)}) "
                f"AND NOT regexp_matches({ours}, '[{way.decimal}eE]')) "
                f"FROM raw WHERE {ours} IS NOT NULL"
            ).fetchone()
            if found is not None and found[0]:
                self.numeric.append(ours)
                self.types[ours] = "BIGINT" if found[1] else "DOUBLE"

    def settle_numbers(self) -> None:
        """Refuse columns of numbers in which a few cells are none, and ask about others.

        A column counts as numbers if the user says so; or if more than half of
        its cells are, and the rest is little: a tenth of the cells, or three
        different spellings. So "n/a" among ages is a fault, and ticket codes
        of which most happen to be digits are text, as are all cells if one is
        like 007. Where most cells would be numbers but for signs such as "$",
        or all but for the sign of the decimals, the user is asked.
        """
        strays: dict[int, frozenset[str]] = {}
        fits: list[tuple[str, NumberFit]] = []
        named: list[tuple[str, NumberFit]] = []
        texts = [
            ours
            for ours in self.ours
            if self.types[ours] == "VARCHAR"
            and (ours in self.numeric or ours not in self.stated)
            and self.names[ours] not in self.options.unused
        ]
        self.first_cells(texts)
        for ours, table in by_columns(self.connection, "raw", texts):
            asked, position = ours in self.numeric, self.ours.index(ours)
            (found, many), fit = self._strays(ours, table), self._other_way(ours, table)
            if fit is not None and (not found or (fit.whole and (asked or many))):
                fits.append((self.names[ours], fit))
            elif found:
                strays[position] = found
                if fit is not None and fit.whole:
                    named.append((self.names[ours], fit))
        if strays:
            ways = ask(named, apart=True) if len(named) == len(strays) == 1 else ()
            raise stray_error(self.text, self.dialect, strays, ways)
        fits += self._points()
        if fits:
            may_be_text = not any(self.ours[self.dialect.names.index(name)] in self.numeric
                                  for name, _ in fits) and not self.options.lenient  # fmt: skip
            raise number_error(self.text.name, fits, text=may_be_text, point=self._point(fits))

    def _point(self, fits: Sequence[tuple[str, NumberFit]]) -> str | None:
        """Give the sign before the decimals of other columns, if these have any."""
        names = {name for name, _ in fits}
        others = {each for o, each in self.types.items() if self.names[o] not in names}
        stays = self.dialect.delimiter == "," or "DOUBLE" in others
        return self.options.point if stays else None

    def _other_way(self, ours: str, table: str) -> NumberFit | None:
        (first,) = self.first_cells([ours]).values()
        return find_numerals(self.connection, ours, table, first, self.options, self.names[ours])

    def _strays(self, ours: str, table: str) -> tuple[frozenset[str], bool]:
        """Find the spellings that are no numbers in a column of numbers; else none.

        And tell whether they are more than a tenth of the cells.
        """
        number = self.as_number(ours)
        if ours in self.numeric:  # most often all cells are
            quick = self.connection.execute(
                f"SELECT count({ours}) = count({number}) FROM {table}"
            ).fetchone()
            if quick is not None and quick[0]:
                return frozenset(), False
        texts = (
            f"SELECT {ours} AS t, count(*) AS n FROM {table} WHERE {ours} IS NOT NULL GROUP BY 1"
        )
        counts = self.connection.execute(
            "SELECT sum(n), sum(n) FILTER (fits), count(*) FILTER (NOT fits), "
            "sum(n) FILTER (mark AND NOT fits), count(*) FILTER (mark AND NOT fits), "
            f"count(*) FILTER (code) FROM (SELECT n, {self.numerals(ours).sql('t')} IS NOT NULL "
            f"AS fits, {usual_mark('t')} AS mark, {is_code('t')} AS code FROM ({texts}))"
        ).fetchone()
        assert counts is not None  # an aggregate always has its row
        filled, fitting, spellings, marks, marked, codes = (int(each or 0) for each in counts)
        asked = ours in self.numeric and fitting < filled
        few = not codes and mostly(fitting, filled, spellings, marks, marked)
        if not (asked or few):
            return frozenset(), False
        rows = self.connection.execute(
            f"SELECT DISTINCT {ours} FROM {table} WHERE {ours} IS NOT NULL AND {number} IS NULL"
        ).fetchall()
        return frozenset(row[0] for row in rows), (filled - fitting) * 10 > filled

    def _points(self) -> list[tuple[str, NumberFit]]:
        """Find the columns of numbers that mix 999 and 1.234, if that was not asked about."""
        wanted = [o for o in self.ours if self.types[o] == "DOUBLE" or o in self.numeric]
        wanted = [o for o in wanted if self.options.asks_for_decimal(self.names[o])]
        wanted = [o for o in wanted if self.names[o] not in self.options.unused]
        wanted = self._of_few_digits(wanted)
        texts = [o for o in wanted if o in self.numeric and self.numerals(o) == PLAIN]
        found = self.ask({ours: mixes_points(ours) for ours in texts})
        numbers = [o for o in wanted if o not in self.numeric]
        answers = self.ask({ours: _may_be_thousands(ours) for ours in numbers})
        if doubtful := [ours for ours in numbers if answers[ours]]:
            # What was read as a number no longer shows its decimals.
            found |= self.ask({o: mixes_points(o) for o in doubtful}, self._cells_as_text())
        return [(self.names[ours], points_fit(cell)) for ours, cell in found.items() if cell]

    def _of_few_digits(self, columns: Sequence[str]) -> list[str]:
        """Keep the columns whose first cells are like 999 and 1.234, by far the fewest."""
        places = {ours: self.ours.index(ours) for ours in columns}
        try:
            for _, record in itertools.islice(records(self.text, self.dialect), _HEAD):
                for ours, place in list(places.items()):
                    cell = record[place] if place < len(record) else ""
                    if not (cell in ("", *self.options.na) or may_mix_points(cell)):
                        del places[ours]
                if not places:
                    break
        except QuoteError:
            pass  # a cell beyond the csv module's limit
        return list(places)


def _may_be_thousands(number: str) -> str:
    """Write the SQL that says whether numbers, read with decimals, may be thousands.

    An aggregate: whether all are below 1,000, and fractions of at most three
    digits at least 1.
    """
    size = f"abs({number})"
    fraction = f"{number} <> trunc({number})"
    three = f"{size} >= 1 AND abs({size} * 1000 - round({size} * 1000)) < 1e-6"
    return f"coalesce(bool_and({size} < 1000 AND (NOT ({fraction}) OR {three})), true)"
