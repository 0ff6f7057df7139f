"""Delimited text (CSV): found out from the whole file, read once and strictly.

What a file means is never guessed: the first line holds the names, the text
is UTF-8, every row is as long as the first, and an empty cell is the only
missing value (in a column of numbers `nan` is one too), unless the user says
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.tables.diagnosis import (
    Dialect,
    TextFile,
    find_faults,
    refusal,
    stray_error,
    unreadable,
)
from nnplug.tables.duck import (
    INTEGERS,
    SQL_TYPES,
    as_kind,
    kind_of,
    literal,
    location,
    without_marks,
)
from nnplug.tables.formats import suffix_of
from nnplug.tables.options import ReadOptions
from nnplug.tables.relation import Field, check_known
from nnplug.tables.sniffing import Marks, find_dialect, look_at_bytes, plain_text
from nnplug.tables.table import Kind, check_names

if TYPE_CHECKING:
    import duckdb

__all__ = ["load_delimited"]

_LARGE = 4 << 20
"""A file with more bytes is first tried with the types of its sample."""

_SAMPLE = 20_480
"""Rows from which the types of a large file are first found."""


def load_delimited(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load a text file into the table `part` with the columns c0, c1 and so on.

    The delimiter (comma, semicolon, tab or `|`) comes from the first lines,
    the type of each column from all rows. A column that holds numbers but for
    a few cells is refused rather than read as text.

    Raises
    ------
    DataError
        If it cannot be read as a table, names are empty or double, or a cell
        is not as its column needs.
    """
    import duckdb  # noqa: PLC0415  # see connect

    text = plain_text(path, options.encoding, scratch)
    dialect = find_dialect(text, options, suffix_of(path))
    check_names(text.name, dialect.names)
    check_known(text.name, options, dialect.names)
    try:
        reader = _Reader(connection, text, dialect, options)
        marks = reader.read()
        reader.take_marks()
        wrong = find_faults(text, dialect) if marks.ends_in_delimiter else None
        if wrong is not None:
            raise wrong
        reader.refuse_strays()
        return reader.finish()
    except duckdb.Error as error:
        raise refusal(text, dialect, error) from None
    except OSError as error:
        raise unreadable(path, error) from None


class _Reader:
    """Reads one text file with DuckDB, first as it stands, into the table `raw`.

    Attributes
    ----------
    ours : list of str
        Names for DuckDB, which renames double names and takes "Age" and
        "age" for one: so columns are known by their position.
    types : dict
        The type of each column, by all of its cells.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        text: TextFile,
        dialect: Dialect,
        options: ReadOptions,
    ) -> None:
        self.connection, self.text, self.dialect, self.options = connection, text, dialect, options
        self.ours = [f"c{i}" for i in range(len(dialect.names))]
        pairs = list(zip(self.ours, dialect.names, strict=True))
        self.numeric = [ours for ours, name in pairs if name in options.numeric]
        # Numbers that the user asks for are looked at cell by cell.
        self.stated = self.numeric + [ours for ours, name in pairs if name in options.text]
        self.types: dict[str, str] = {}

    def _source(self, types: dict[str, str], sample: int | None) -> str:
        """Write the SQL that reads the file.

        Parameters
        ----------
        types : dict
            Of some columns; of all if nothing is to be found out.
        sample : int or None
            The rows from which the other types are found, -1 for all; None if
            nothing is to be found out, which is faster.
        """
        dialect, options = self.dialect, self.options
        nulls = ", ".join(map(literal, ("", *options.na)))
        settings = {
            "header": str(dialect.header).lower(),
            "delim": literal(dialect.delimiter),
            "quote": literal(dialect.quote),
            "escape": literal(dialect.quote),
            "nullstr": f"[{nulls}]",
            "decimal_separator": literal(options.decimal),
            "comment": "''",  # else a row that begins with # could be dropped
            "skip": "0",  # else lines before a "better" header could be
            "encoding": "'utf-8'",
            "strict_mode": "true",
            "null_padding": "false",
            "ignore_errors": "false",
        }
        if options.dates:
            settings["timestampformat"] = literal(options.dates)
            if not any(sign in options.dates for sign in ("%H", "%I", "%M", "%S", "%X", "%c")):
                settings["dateformat"] = literal(options.dates)
        typed = ", ".join(f"{literal(c)}: {literal(each)}" for c, each in types.items())
        if sample is None:
            settings |= {"columns": f"{{{typed}}}", "auto_detect": "false"}
        else:
            settings["names"] = "[" + ", ".join(map(literal, self.ours)) + "]"
            settings["sample_size"] = str(sample)
            if types:
                settings["types"] = f"{{{typed}}}"
        written = ", ".join(f"{key}={value}" for key, value in settings.items())
        return f"read_csv({location(self.text.path)}, {written})"

    def _described(self, query: str) -> dict[str, str]:
        described = self.connection.execute(f"DESCRIBE {query}").fetchall()
        return {ours: str(row[1]) for ours, row in zip(self.ours, described, strict=True)}

    def read(self) -> Marks:
        """Read the file the fastest way that gives the types that all rows show."""
        text, dialect = self.text, self.dialect
        large = text.path.stat().st_size > _LARGE
        if not large or look_at_bytes(text, dialect, _LARGE).codes:
            marks = look_at_bytes(text, dialect)
            self.read_by_all_rows()
            return marks
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # 7 ms, for large files

        # Beside each other: neither needs the other, nor Python's lock.
        with ThreadPoolExecutor(1, "nnplug-look") as pool:
            looking = pool.submit(look_at_bytes, text, dialect)
            done = self.read_by_sample()
            marks = looking.result()
        if marks.codes or not done:
            self.read_by_all_rows()
        return marks

    def read_by_all_rows(self) -> None:
        """Read with the types that all rows show."""
        stated = dict.fromkeys(self.stated, "VARCHAR")
        self._create(stated, -1)
        self.types = self._described("raw")
        truths = [ours for ours, each in self.types.items() if each == "BOOLEAN"]
        if truths:  # see _settle_truths, for which they must be as they are written
            self._create(stated | dict.fromkeys(truths, "VARCHAR"), -1)
            self._settle_truths(truths)

    def _create(self, types: dict[str, str], sample: int | None) -> None:
        self.connection.execute(
            f"CREATE OR REPLACE TABLE raw AS SELECT * FROM {self._source(types, sample)}"
        )

    def _settle_truths(self, columns: Sequence[str]) -> None:
        """Take columns of true and false as truth values, and others, of yes and no, as text."""
        if not columns:
            return
        checks = ", ".join(f"bool_and(lower({c}) IN ('true', 'false'))" for c in columns)
        answers = self.connection.execute(f"SELECT {checks} FROM raw").fetchone()
        assert answers is not None  # an aggregate always has its row
        for ours, answer in zip(columns, answers, strict=True):
            self.types[ours] = "VARCHAR" if answer is False else "BOOLEAN"

    def read_by_sample(self) -> bool:
        """Read with the types of a sample, several times faster.

        Each column is read in a form that shows whether all rows would have
        said the same: whole numbers as any numbers, days as instants, truth
        values as text. False if they would not, or may not.
        """
        import duckdb  # noqa: PLC0415  # see connect

        stated = dict.fromkeys(self.stated, "VARCHAR")
        wide = {"BIGINT": "DOUBLE", "DATE": "TIMESTAMP", "BOOLEAN": "VARCHAR"}
        try:
            found = self._described(f"SELECT * FROM {self._source(stated, _SAMPLE)}")
            if set(found.values()) - {*wide, *wide.values()}:
                return False
            self._create({ours: wide.get(each, each) for ours, each in found.items()}, None)
        except duckdb.Error:
            return False
        checks, within = {self.ours[0]: "true"}, ["true"]
        for ours, each in found.items():
            if each == "BIGINT":
                # Beyond its range the type that all rows show is DuckDB's affair.
                checks[ours] = f"bool_and({ours} = trunc({ours}))"
                within.append(f"coalesce(bool_and(abs({ours}) < 9e18), true)")
            elif each == "VARCHAR" and ours not in self.stated:
                # A column that is empty in the sample is text there.
                sampled = f"count({ours}) FILTER (rowid < {_SAMPLE // 2})"
                checks[ours] = f"{sampled} > 0 OR count({ours}) = 0"
        query = f"SELECT {' AND '.join(within)}, {', '.join(checks.values())} FROM raw"
        answers = self.connection.execute(query).fetchone()
        assert answers is not None  # an aggregate always has its row
        if not answers[0]:
            return False
        for ours, answer in zip(checks, answers[1:], strict=True):
            if answer is False:
                if found[ours] != "BIGINT":
                    return False
                found[ours] = "DOUBLE"
        self.types = found
        self._settle_truths([ours for ours, each in found.items() if each == "BOOLEAN"])
        return True

    def take_marks(self) -> None:
        """Empty the cells that stand for a missing value in one column alone."""
        for ours, name in zip(self.ours, self.dialect.names, strict=True):
            marks = self.options.marks(name)
            if not marks:
                continue
            raw = self._described("raw")[ours]
            cell = without_marks(ours, raw, marks)
            self.connection.execute(
                f"ALTER TABLE raw ALTER {ours} SET DATA TYPE {raw} USING {cell}"
            )
            if self.types[ours] == "VARCHAR" and ours not in self.stated:
                # What is left may be numbers, if no code such as 007 is among it.
                found = self.connection.execute(
                    f"SELECT bool_and({self._as_number(ours)} IS NOT NULL "
                    f"AND NOT regexp_matches({ours}, '^[+-]?0[0-9]')), "
                    f"bool_and(regexp_full_match({ours}, '[+-]?[0-9]+')) "
                    f"FROM raw WHERE {ours} IS NOT NULL"
                ).fetchone()
                if found is not None and found[0]:
                    self.numeric.append(ours)
                    self.types[ours] = "BIGINT" if found[1] else "DOUBLE"

    def refuse_strays(self) -> None:
        """Refuse columns of numbers in which a few cells are none.

        A column counts as numbers if the user says so; if more than half of
        its cells are, and the rest is little: a tenth of the cells, or three
        different spellings; or if all would be, with a point for the comma.
        So "n/a" among ages is a fault, and ticket codes of which most happen
        to be digits are text.
        """
        strays = {}
        for position, ours in enumerate(self.ours):
            if self.types[ours] == "VARCHAR" and (ours in self.numeric or ours not in self.stated):
                found = self._strays(ours)
                if found:
                    strays[position] = found
        if strays:
            raise stray_error(self.text, self.dialect, strays, self.options.decimal)

    def _strays(self, ours: str) -> frozenset[str]:
        """Find the spellings that are no numbers in a column of numbers; else none."""
        # Cells such as 007 are numbers to a cast and codes to DuckDB's
        # sniffer, which is right: such a column has no strays and stays text.
        number, swapped = self._as_number(ours), self._as_number(ours, swapped=True)
        counts = self.connection.execute(
            f"SELECT sum(n), sum(n) FILTER ({number} IS NOT NULL), "
            f"sum(n) FILTER ({swapped} IS NOT NULL), count(*) FILTER ({number} IS NULL) "
            f"FROM (SELECT {ours}, count(*) AS n FROM raw WHERE {ours} IS NOT NULL GROUP BY 1)"
        ).fetchone()
        assert counts is not None  # an aggregate always has its row
        filled, fitting, other_way, spellings = (int(each or 0) for each in counts)
        asked = ours in self.numeric and fitting < filled
        mostly = filled / 2 < fitting < filled
        few = spellings <= 3 or (filled - fitting) * 10 <= filled
        if not (asked or other_way == filled > fitting or (mostly and few)):
            return frozenset()
        rows = self.connection.execute(
            f"SELECT DISTINCT {ours} FROM raw WHERE {ours} IS NOT NULL AND {number} IS NULL"
        ).fetchall()
        return frozenset(row[0] for row in rows)

    def _as_number(self, ours: str, *, swapped: bool = False) -> str:
        """Write a cell as a number, its decimals as the user says, or the other way."""
        comma = (self.options.decimal == ",") != swapped
        # A number with decimal commas has no points: else 1.5 were 1.5 again.
        point = f"replace(replace({ours}, '.', '?'), ',', '.')"
        return f"TRY_CAST({point if comma else ours} AS DOUBLE)"

    def finish(self) -> tuple[Field, ...]:
        """Bring each column of `raw` to its kind's one type, and call the table `part`."""
        fields = []
        raw = self._described("raw")
        for ours, name in zip(self.ours, self.dialect.names, strict=True):
            kind: Kind = "number"
            cell = self._as_number(ours)
            if ours not in self.numeric:
                kind = kind_of(self.types[ours], name, self.text.name)
                cell = as_kind(ours, raw[ours], kind)
            if raw[ours] != SQL_TYPES[kind]:
                self.connection.execute(
                    f"ALTER TABLE raw ALTER {ours} SET DATA TYPE {SQL_TYPES[kind]} USING {cell}"
                )
            fields.append(Field(name, kind, self.types[ours] in INTEGERS))
        self.connection.execute("ALTER TABLE raw RENAME TO part")
        return tuple(fields)
