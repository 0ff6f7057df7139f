"""Delimited text (CSV): found out from the whole file, read once and strictly.

What a file means is never guessed: the first line holds the names, the text
is UTF-8, every row is as long as the first, an empty cell is the only
missing value (in a column of numbers `nan` is one too), and dates that could
be read in two ways are refused, unless the user says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.date_formats import (
    ISO,
    Fit,
    ambiguous_error,
    as_instant,
    check_formats,
    is_dated,
)
from nnplug.tables.diagnosis import (
    find_faults,
    mostly,
    refusal,
    stray_date_error,
)
from nnplug.tables.duck import (
    INTEGERS,
    SQL_TYPES,
    TOGETHER,
    as_kind,
    kind_of,
    without_marks,
)
from nnplug.tables.formats import suffix_of
from nnplug.tables.missing import usual_mark
from nnplug.tables.number_columns import NumberColumns
from nnplug.tables.options import ReadOptions
from nnplug.tables.raw_text import INDEX
from nnplug.tables.relation import Field, check_known, index_note
from nnplug.tables.sniffing import find_dialect, preamble_error
from nnplug.tables.table import Kind, check_names
from nnplug.tables.text_file import TextFile, plain_text, rows_alone, unreadable

if TYPE_CHECKING:
    import duckdb

__all__ = ["load_delimited"]


def load_delimited(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load a text file into the table `part` with the columns c0, c1 and so on.

    The delimiter (comma, semicolon, tab or `|`) comes from the first lines,
    the type of each column from all rows, and how its dates are written too. A
    column that holds numbers but for a few cells is refused rather than read
    as text.

    Raises
    ------
    DataError
        If it cannot be read as a table, names are empty or double, or a cell
        is not as its column needs.
    """
    text = plain_text(path, options, scratch)
    text = rows_alone(text, options, scratch)
    try:
        return _load(connection, text, options, suffix_of(path))
    except DataError:
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
    if len(dialect.names) == 1 and (found := preamble_error(text, options)):
        raise found  # else what has a line of text before it is read as one column
    check_names(text.name, dialect.names[dialect.indexed :])
    check_known(text.name, options, dialect.names[dialect.indexed :])
    check_formats(connection, options)
    try:
        columns = _Columns(connection, text, dialect, options)
        marks = columns.read()
        columns.take_marks()
        wrong = find_faults(text, dialect) if marks.ends_in_delimiter else None
        if wrong is not None:
            raise wrong
        columns.find_numbers()
        columns.find_dates()
        columns.settle_numbers()
        if dialect.indexed and not columns.begins_with_row_numbers():
            check_names(text.name, dialect.names)  # which says so
        return columns.finish()
    except duckdb.Error as error:
        raise refusal(text, dialect, error) from None


class _Columns(NumberColumns):
    """The columns of a text file, each brought from `raw` to its one type."""

    def find_dates(self) -> None:
        """Find the columns of text that are dates, and how they are written.

        Raises
        ------
        DataError
            If the cells of one can be read in several ways, or a few are no dates.
        """
        given = {*self.stated, *self.numeric}
        texts = [o for o in self.ours if self.types[o] == "VARCHAR" and o not in given]
        self.fit_dates(texts)
        for ours in texts:
            fit = self.fits[ours]
            unused = self.names[ours] in self.options.unused
            if fit is None or (unused and len(fit.ways) != 1):
                self.fits[ours] = None
                continue
            position = self.ours.index(ours)
            if len(fit.ways) > 1:
                raise ambiguous_error(self.text.name, self.dialect.names[position], fit)
            if fit.ways:
                self.types[ours] = "TIMESTAMP"
            else:
                self._refuse_stray_dates(position, fit)

    def _refuse_stray_dates(self, position: int, fit: Fit) -> None:
        """Refuse a column of dates in which a few cells are none: see `refuse_strays`."""
        ours = self.ours[position]
        strays = f"FROM raw WHERE {ours} IS NOT NULL AND NOT {is_dated(ours, fit.usual)}"
        mark = usual_mark(ours, date=True)
        found = self.connection.execute(
            f"SELECT count(DISTINCT {ours}), count(*) FILTER ({mark}), "
            f"count(DISTINCT {ours}) FILTER ({mark}) {strays}"
        ).fetchone()
        assert found is not None  # an aggregate always has its row
        spellings, marks, marked = map(int, found)
        must = ours in self.dated
        if must or mostly(fit.fitting, fit.filled, spellings, marks, marked):
            rows = self.connection.execute(f"SELECT DISTINCT {ours} {strays}").fetchall()
            cells = {position: frozenset(str(row[0]) for row in rows)}
            raise stray_date_error(self.text, self.dialect, cells, fit.usual, must=must)

    def take_marks(self) -> None:
        """Empty the cells that stand for a missing value in one column alone."""
        for ours, name in zip(self.ours, self.dialect.names, strict=True):
            marks = self.options.marks(name)
            if not marks:
                continue
            raw = self.described()[ours]
            cell = without_marks(ours, raw, marks)
            self.connection.execute(
                f"ALTER TABLE raw ALTER {ours} SET DATA TYPE {raw} USING {cell}"
            )
            self.forget(ours)

    def begins_with_row_numbers(self) -> bool:
        """Tell whether the first column holds whole numbers, each once and none below 0."""
        whole = f"min({INDEX}) >= 0"
        if self.types[INDEX] == "VARCHAR":  # as what is not needed is
            whole = f"bool_and(regexp_full_match({INDEX}, '0|[1-9][0-9]*'))"
        elif self.types[INDEX] not in INTEGERS:
            return False
        found = self.connection.execute(
            f"SELECT {whole} AND count(DISTINCT {INDEX}) = count(*) FROM raw"
        ).fetchone()
        return bool(found and found[0])

    def finish(self) -> tuple[Field, ...]:
        """Bring each column of `raw` to its kind's one type, and call the table `part`."""
        fields = []
        raw = self.described()
        changed = {}
        if self.dialect.indexed:
            self.connection.execute(f"ALTER TABLE raw DROP COLUMN {INDEX}")
            index_note(self.text.name, "the first column has no name and numbers the rows")
        for ours, name in zip(self.ours, self.dialect.names, strict=True):
            if ours == INDEX:
                continue
            kind: Kind = "number"
            cell = self.as_number(ours)
            fit = self.fits.get(ours)
            way = fit.usual if fit is not None and fit.ways else ""
            if ours not in self.numeric:
                kind = kind_of(self.types[ours], name, self.text.name)
                if way:
                    cell = as_instant(ours, way)
                elif self.types[ours] == "TIME":
                    cell = as_kind(f"CAST({ours} AS TIME)", "TIME", kind)
                else:
                    cell = as_kind(ours, raw[ours], kind)
            if raw[ours] != SQL_TYPES[kind]:
                changed[ours] = (SQL_TYPES[kind], cell)
            whole = self.types[ours] in INTEGERS
            written = "" if way == ISO else way
            if kind == "number":
                written = self.numerals(ours).written
            fields.append(Field(name, kind, whole, written))
        if len(changed) <= TOGETHER:
            for ours, (kept_as, cell) in changed.items():
                self.connection.execute(
                    f"ALTER TABLE raw ALTER {ours} SET DATA TYPE {kept_as} USING {cell}"
                )
            self.connection.execute("ALTER TABLE raw RENAME TO part")
        else:  # DuckDB looks through all columns for each that is altered
            cells = [
                f"CAST({changed[ours][1]} AS {changed[ours][0]}) AS {ours}"
                if ours in changed
                else ours
                for ours in self.ours
                if ours != INDEX
            ]
            self.connection.execute(f"CREATE TABLE part AS SELECT {', '.join(cells)} FROM raw")
            self.connection.execute("DROP TABLE raw")
        return tuple(fields)
