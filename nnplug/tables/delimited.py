"""Delimited text (CSV), read once and strictly, with types found from all rows.

The meaning of a file is never guessed: the first line holds the names, the
text is UTF-8, every row is as long as the first, an empty cell is the only
missing value (in a column of numbers `nan` is one too), and dates that can be
read in two ways are refused, unless the user says otherwise.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.duck import (
    INTEGERS,
    SQL_TYPES,
    TOGETHER,
    as_kind,
    by_columns,
    kind_of,
    without_marks,
)
from nnplug.tables.formats import suffix_of
from nnplug.tables.missing import mostly, usual_mark
from nnplug.tables.numerals import (
    PLAIN,
    Numerals,
    is_code,
    likeliest,
    may_be_thousands,
    may_mix_points,
    mixes_points,
)
from nnplug.tables.options import ReadOptions
from nnplug.tables.raw_text import INDEX, RawText, any_digit
from nnplug.tables.relation import Field, check_known, index_note
from nnplug.tables.sniffing import QuoteError, find_dialect, records
from nnplug.tables.table import Kind, check_names
from nnplug.tables.text_file import TextFile, plain_text, rows_alone, unreadable

if TYPE_CHECKING:
    import duckdb

    from nnplug.tables.date_formats import Fit
    from nnplug.tables.number_formats import NumberFit

__all__ = ["load_delimited"]

_HEAD = 100
"""Rows that are looked at before all are."""


def load_delimited(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load a text file into the table `part` with the columns c0, c1 and so on.

    The delimiter (comma, semicolon, tab or `|`) is found from the first lines,
    the type of each column and the format of its dates from all rows. A
    column in which all cells but a few are numbers is refused, not read as text.

    Raises
    ------
    DataError
        If it cannot be read as a table, a name is empty or used twice, or a
        cell is not what its column needs.
    """
    text = rows_alone(plain_text(path, options, scratch), options, scratch)
    try:
        return _load(connection, text, options, suffix_of(path))
    except DataError:
        from nnplug.tables.diagnosis import preamble_error  # noqa: PLC0415  # only after faults

        if found := preamble_error(text, options):
            raise found from None
        raise
    except OSError as error:
        raise unreadable(path, error) from None


def _load(
    connection: duckdb.DuckDBPyConnection, text: TextFile, options: ReadOptions, suffix: str
) -> tuple[Field, ...]:
    import duckdb  # noqa: PLC0415  # see connect

    dialect = find_dialect(text, options, suffix)
    if len(dialect.names) == 1:  # a line of text before the table makes it look so
        from nnplug.tables.diagnosis import preamble_error  # noqa: PLC0415  # few have one column

        if found := preamble_error(text, options):
            raise found
    check_names(text.name, dialect.names[dialect.indexed :])
    check_known(text.name, options, dialect.names[dialect.indexed :])
    if options.dates or options.dates_of or options.known_dates:
        from nnplug.tables.date_formats import check_formats  # noqa: PLC0415  # see fit_dates

        check_formats(connection, options)
    try:
        columns = _Columns(connection, text, dialect, options)
        marks = columns.read()
        columns.take_marks()
        if marks.ends_in_delimiter:
            from nnplug.tables.diagnosis import find_faults  # noqa: PLC0415  # only for faults

            if wrong := find_faults(text, dialect):
                raise wrong
        columns.find_numbers()
        columns.find_dates()
        columns.settle_numbers()
        if dialect.indexed and not columns.begins_with_row_numbers():
            check_names(text.name, dialect.names)  # which says so
        return columns.finish()
    except duckdb.Error as error:
        from nnplug.tables.diagnosis import refusal  # noqa: PLC0415  # only for faults

        raise refusal(text, dialect, error) from None


class _Columns(RawText):
    """The columns of a text file, of which each is brought to the type of its kind."""

    def take_marks(self) -> None:
        """Empty the cells that stand for a missing value in one column alone."""
        for ours, name in self.names.items():
            marks = self.options.marks(name)
            if not marks:
                continue
            raw = self.described()[ours]
            cell = without_marks(ours, raw, marks)
            self.connection.execute(
                f"ALTER TABLE raw ALTER {ours} SET DATA TYPE {raw} USING {cell}"
            )
            self.forget(ours)

    # --- dates -------------------------------------------------------------------------

    def find_dates(self) -> None:
        """Find the text columns that hold dates, and how these are written.

        Raises
        ------
        DataError
            If the cells of a column can be read in several ways, or a few are not dates.
        """
        given = {*self.stated, *self.numeric}
        texts = [o for o in self.ours if self.types[o] == "VARCHAR" and o not in given]
        self.fit_dates(texts)
        for ours in texts:
            fit = self.fits[ours]
            unused = self.options.is_unused(self.names[ours])
            if fit is None or (unused and len(fit.ways) != 1):
                self.fits[ours] = None
            elif len(fit.ways) == 1:
                self.types[ours] = "TIMESTAMP"
            else:
                self._refuse_dates(ours, fit)

    def _refuse_dates(self, ours: str, fit: Fit) -> None:
        """Refuse a column of dates that can be read in several ways, or not in all cells."""
        from nnplug.tables.date_formats import ambiguous_error, stray_dates  # noqa: PLC0415  # see fit_dates
        from nnplug.tables.diagnosis import stray_date_error  # noqa: PLC0415  # only for faults

        if fit.ways:
            raise ambiguous_error(self.text.name, self.names[ours], fit)
        must = ours in self.dated
        if cells := stray_dates(self.connection, ours, "raw", fit, must=must):
            strays = {self.ours.index(ours): cells}
            raise stray_date_error(self.text, self.dialect, strays, fit.usual, must=must)

    # --- numbers -----------------------------------------------------------------------

    def numerals(self, ours: str) -> Numerals:
        """Tell how the numbers of a column are written, as far as the user or training says."""
        if self.types[ours] != "VARCHAR" and ours not in self.numeric:
            return Numerals(self.options.point)
        ways = self.options.numerals(self.names[ours])
        return likeliest(ways, self.first_cells([ours])[ours] if len(ways) > 1 else ())

    def find_numbers(self) -> None:
        """Find the text columns in which every cell is a number, and none a code.

        DuckDB does not read +5 as a number, and knows neither the marks of
        single columns nor how people write numbers.
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
        """Refuse columns of numbers in which a few cells are not numbers, and ask about others.

        A column holds numbers if the user says so; or if more than half of
        its cells are numbers, and the rest is at most a tenth of the cells or
        three different spellings. So "n/a" among ages is a fault, and ticket
        codes of which most happen to be digits are text, as is a column with
        a code like 007. Where most cells would be numbers but for signs such
        as "$", or all but for the sign before decimals, the user is asked.

        Raises
        ------
        DataError
            With the lines of the cells, or with the options to choose from.
        """
        strays: dict[int, frozenset[str]] = {}
        fits: list[tuple[str, NumberFit]] = []
        named: list[tuple[str, NumberFit]] = []
        texts = [
            ours
            for ours in self.ours
            if self.types[ours] == "VARCHAR"
            and (ours in self.numeric or ours not in self.stated)
            and not self.options.is_unused(self.names[ours])
        ]
        self.first_cells(texts)
        for ours, table in by_columns(self.connection, "raw", texts):
            asked, name = ours in self.numeric, self.names[ours]
            if asked and self._all_numbers(ours, table):
                continue
            (found, many), fit = self._strays(ours, table), self._other_way(ours, table)
            if fit is not None and (not found or (fit.whole and (asked or many))):
                fits.append((name, fit))
            elif found:
                strays[self.ours.index(ours)] = found
                if fit is not None and fit.whole:
                    named.append((name, fit))
        fits += () if strays else self._points()
        if not (strays or fits):
            return
        from nnplug.tables.diagnosis import stray_error  # noqa: PLC0415  # only for faults
        from nnplug.tables.number_formats import ask, number_error  # noqa: PLC0415  # the same

        if strays:
            ways = ask(named, apart=True) if len(named) == len(strays) == 1 else ()
            raise stray_error(self.text, self.dialect, strays, ways)
        names = {name for name, _ in fits}
        asked = any(self.names[ours] in names for ours in self.numeric)
        may_be_text = not (asked or self.options.lenient)
        raise number_error(self.text.name, fits, text=may_be_text, point=self._point(names))

    def _point(self, names: set[str]) -> str | None:
        """Return the sign before the decimals of the other columns, if they have decimals."""
        others = {self.types[ours] for ours, name in self.names.items() if name not in names}
        return self.options.point if self.dialect.delimiter == "," or "DOUBLE" in others else None

    def _other_way(self, ours: str, table: str) -> NumberFit | None:
        """Find how the numbers of a text column may be written, if not as stated."""
        (first,) = self.first_cells([ours]).values()
        if not any_digit(first):
            return None
        from nnplug.tables.number_formats import find_numerals  # noqa: PLC0415  # few need it

        return find_numerals(self.connection, ours, table, first, self.options, self.names[ours])

    def _all_numbers(self, ours: str, table: str) -> bool:
        number = self.numerals(ours).sql(ours)
        found = self.connection.execute(
            f"SELECT count({ours}) = count({number}) FROM {table}"
        ).fetchone()
        return bool(found and found[0])

    def _strays(self, ours: str, table: str) -> tuple[frozenset[str], bool]:
        """Find the cells that are not numbers in a column of numbers.

        Also tell whether they are more than a tenth of the cells.
        """
        way = self.numerals(ours)
        texts = (
            f"SELECT {ours} AS t, count(*) AS n FROM {table} WHERE {ours} IS NOT NULL GROUP BY 1"
        )
        counts = self.connection.execute(
            "SELECT sum(n), sum(n) FILTER (fits), count(*) FILTER (NOT fits), "
            "sum(n) FILTER (mark AND NOT fits), count(*) FILTER (mark AND NOT fits), "
            f"count(*) FILTER (code) FROM (SELECT n, {way.sql('t')} IS NOT NULL "
            f"AS fits, {usual_mark('t')} AS mark, {is_code('t')} AS code FROM ({texts}))"
        ).fetchone()
        assert counts is not None  # an aggregate always has its row
        filled, fitting, spellings, marks, marked, codes = (int(count or 0) for count in counts)
        must = ours in self.numeric and fitting < filled
        few = not codes and mostly(fitting, filled, spellings, marks, marked)
        if not (must or few):
            return frozenset(), False
        rows = self.connection.execute(
            f"SELECT DISTINCT {ours} FROM {table} "
            f"WHERE {ours} IS NOT NULL AND {way.sql(ours)} IS NULL"
        ).fetchall()
        return frozenset(row[0] for row in rows), (filled - fitting) * 10 > filled

    def _points(self) -> list[tuple[str, NumberFit]]:
        """Find the columns of numbers that mix 999 and 1.234, if the user did not say."""
        wanted = [o for o in self.ours if self.types[o] == "DOUBLE" or o in self.numeric]
        wanted = [o for o in wanted if self.options.asks_for_decimal(self.names[o])]
        wanted = [o for o in wanted if not self.options.is_unused(self.names[o])]
        wanted = self._of_few_digits(wanted)
        texts = [o for o in wanted if o in self.numeric and self.numerals(o) == PLAIN]
        found = self.ask({ours: mixes_points(ours) for ours in texts})
        numbers = [o for o in wanted if o not in self.numeric]
        answers = self.ask({ours: may_be_thousands(ours) for ours in numbers})
        if doubtful := [ours for ours in numbers if answers[ours]]:
            # A cell that was read as a number no longer shows its decimals.
            found |= self.ask({o: mixes_points(o) for o in doubtful}, self.cells_as_text())
        mixed = {self.names[ours]: cell for ours, cell in found.items() if cell}
        if not mixed:
            return []
        from nnplug.tables.number_formats import points_fit  # noqa: PLC0415  # few tables ask

        return [(name, points_fit(cell)) for name, cell in mixed.items()]

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

    # --- the result --------------------------------------------------------------------

    def begins_with_row_numbers(self) -> bool:
        """Tell whether the first column holds whole numbers, each once and none below 0."""
        whole = f"min({INDEX}) >= 0"
        if self.types[INDEX] == "VARCHAR":  # as an unused column is
            whole = f"bool_and(regexp_full_match({INDEX}, '0|[1-9][0-9]*'))"
        elif self.types[INDEX] not in INTEGERS:
            return False
        found = self.connection.execute(
            f"SELECT {whole} AND count(DISTINCT {INDEX}) = count(*) FROM raw"
        ).fetchone()
        return bool(found and found[0])

    def finish(self) -> tuple[Field, ...]:
        """Bring each column of `raw` to the type of its kind, and call the table `part`."""
        raw = self.described()
        if self.dialect.indexed:
            self.connection.execute(f"ALTER TABLE raw DROP COLUMN {INDEX}")
            index_note(self.text.name, "the first column has no name and numbers the rows")
        fields, changed = [], {}
        for ours in self.ours[self.dialect.indexed :]:
            field, cell = self._field(ours, raw[ours])
            fields.append(field)
            if raw[ours] != SQL_TYPES[field.kind]:
                changed[ours] = (SQL_TYPES[field.kind], cell)
        if len(changed) <= TOGETHER:
            for ours, (type_name, cell) in changed.items():
                self.connection.execute(
                    f"ALTER TABLE raw ALTER {ours} SET DATA TYPE {type_name} USING {cell}"
                )
            self.connection.execute("ALTER TABLE raw RENAME TO part")
        else:  # DuckDB looks through all columns for each one that is altered
            cells = [
                f"CAST({changed[ours][1]} AS {changed[ours][0]}) AS {ours}"
                if ours in changed
                else ours
                for ours in self.ours[self.dialect.indexed :]
            ]
            self.connection.execute(f"CREATE TABLE part AS SELECT {', '.join(cells)} FROM raw")
            self.connection.execute("DROP TABLE raw")
        return tuple(fields)

    def _field(self, ours: str, raw: str) -> tuple[Field, str]:
        """Tell what a column is, and write the SQL of its cells, stored as `raw`, as that."""
        name = self.names[ours]
        whole = self.types[ours] in INTEGERS
        kind: Kind = "number"
        if ours not in self.numeric:
            kind = kind_of(self.types[ours], name, self.text.name)
        if kind == "number":
            way = self.numerals(ours)
            cell = way.sql(ours) if ours in self.numeric else as_kind(ours, raw, kind)
            return Field(name, kind, whole, way.written), cell
        fit = self.fits.get(ours)
        if fit is not None and fit.ways:
            from nnplug.tables.date_formats import ISO, as_instant  # noqa: PLC0415  # see fit_dates

            written = "" if fit.usual == ISO else fit.usual
            return Field(name, kind, whole, written), as_instant(ours, fit.usual)
        if self.types[ours] == "TIME":
            return Field(name, kind, whole), as_kind(f"CAST({ours} AS TIME)", "TIME", kind)
        return Field(name, kind, whole), as_kind(ours, raw, kind)
