"""A delimited file as a table in DuckDB, with the types that all of its rows show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnplug.tables.duck import TOGETHER, first_cells, literal, location
from nnplug.tables.limits import LINE
from nnplug.tables.options import ReadOptions
from nnplug.tables.sniffing import Dialect, Marks, look_at_bytes
from nnplug.tables.text_file import TextFile

if TYPE_CHECKING:
    import duckdb

    from nnplug.tables.date_formats import Fit

__all__ = ["INDEX", "RawText", "any_digit"]

_LARGE = 4 << 20
"""Above this size in bytes, a file is first read with the types of a sample."""
_SAMPLE = 20_480
"""Rows of that sample."""
INDEX = "numbers_of_rows"
"""The name given to a first column without one."""


class RawText:
    """A text file, which DuckDB reads into the table `raw`.

    Attributes
    ----------
    ours : list of str
        The names of the columns in DuckDB, by position. Those in the file
        will not do: DuckDB renames doubles, and takes "Age" and "age" for one.
    names : dict
        The name in the file of each.
    numeric : list of str
        The columns that must be numbers.
    stated : list of str
        Those, and the columns that must be text. All are read as text.
    dated : list of str
        The columns that must be dates. They are read as text, too.
    foreign : list of str
        Columns that DuckDB takes for dates and that are not written as in
        ISO 8601. They are text here.
    types : dict
        The type of each column, by all of its cells.
    fits : dict
        How text columns can be read as dates, for the columns asked about.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        text: TextFile,
        dialect: Dialect,
        options: ReadOptions,
    ) -> None:
        self.connection, self.text, self.dialect, self.options = connection, text, dialect, options
        # An index is not counted, since it is dropped in the end.
        self.ours = [INDEX] * dialect.indexed
        self.ours += [f"c{i}" for i in range(len(dialect.names) - dialect.indexed)]
        self.names = dict(zip(self.ours, dialect.names, strict=True))
        pairs = self.names.items()
        self.numeric = [
            o for o, name in pairs if options.is_numeric(name) and not options.is_text(name)
        ]
        # Columns that must be numbers are checked cell by cell, and so read as text.
        self.stated = self.numeric + [ours for ours, name in pairs if options.is_text(name)]
        self.dated = [ours for ours, name in pairs if options.date_format(name)]
        self.foreign: list[str] = []
        self.types: dict[str, str] = {}
        self.fits: dict[str, Fit | None] = {}
        self._first: dict[str, tuple[str, ...]] = {}

    def _settings(self) -> dict[str, str]:
        """Write DuckDB's settings for a file of this dialect."""
        text, dialect, options = self.text, self.dialect, self.options
        nulls = ", ".join(map(literal, ("", *options.na)))
        longest = LINE if text.longest == LINE else max(LINE, text.path.stat().st_size + 1)
        return {
            "max_line_size": str(longest),
            "header": str(dialect.header).lower(),
            "delim": literal(dialect.delimiter),
            "quote": literal(dialect.quote),
            "escape": literal(dialect.quote),
            "nullstr": f"[{nulls}]",
            "decimal_separator": literal(options.point),
            "comment": "''",  # otherwise a row that begins with # could be dropped
            "skip": "0",  # otherwise lines before a "better" header could be
            "encoding": "'utf-8'",
            "strict_mode": "true",
            "null_padding": "false",
            "ignore_errors": "false",
        }

    def _call(self, function: str, settings: dict[str, str]) -> str:
        written = ", ".join(f"{key}={value}" for key, value in settings.items())
        return f"{function}({location(self.text.path)}, {written})"

    def _read_csv(self, types: dict[str, str]) -> str:
        """Write the SQL that reads the file with one type for each column."""
        columns = {"columns": _mapping(types), "auto_detect": "false"}
        return self._call("read_csv", self._settings() | columns)

    def cells_as_text(self) -> str:
        """Write the SQL of the file's cells as they stand."""
        return self._read_csv(dict.fromkeys(self.ours, "VARCHAR"))

    def _sniff(self, sample: int) -> dict[str, str]:
        """Find the type of each column from a number of rows, or from all (-1)."""
        settings = self._settings()
        settings["names"] = "[" + ", ".join(map(literal, self.ours)) + "]"
        settings["sample_size"] = str(sample)
        if texts := self.stated + self.dated:
            settings["types"] = _mapping(dict.fromkeys(texts, "VARCHAR"))
        if dates := self.options.dates:
            # With a stated format, digits alone may be dates.
            settings["timestampformat"] = literal(dates)
            if not any(sign in dates for sign in ("%H", "%I", "%M", "%S", "%X", "%c")):
                settings["dateformat"] = literal(dates)
        found = self.connection.execute(
            f"SELECT Columns, DateFormat, TimestampFormat FROM {self._call('sniff_csv', settings)}"
        ).fetchone()
        assert found is not None  # it gives one row, or raises
        columns, day, instant = found
        foreign = {"DATE"} if day not in (None, "%Y-%m-%d") else set()
        foreign |= {"TIMESTAMP"} if instant is not None else set()
        types = dict(zip(self.ours, (str(column["type"]) for column in columns), strict=True))
        self.foreign = [ours for ours, type_name in types.items() if type_name in foreign]
        return types | dict.fromkeys(self.foreign, "VARCHAR")

    def _create(self, types: dict[str, str]) -> None:
        """Read the file into the table `raw`, with one type for each column."""
        self.connection.execute(
            f"CREATE OR REPLACE TABLE raw AS SELECT * FROM {self._read_csv(types)}"
        )

    def described(self) -> dict[str, str]:
        """Return the type in which each column of `raw` is stored."""
        described = self.connection.execute("DESCRIBE raw").fetchall()
        return {ours: str(row[1]) for ours, row in zip(self.ours, described, strict=True)}

    def ask(self, questions: dict[str, str], source: str = "raw") -> dict[str, Any]:
        """Compute an aggregate, in SQL, for each of some columns."""
        answers: dict[str, Any] = {}
        names = list(questions)
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            asked = ", ".join(questions[ours] for ours in some)
            found = self.connection.execute(f"SELECT {asked} FROM {source}").fetchone()
            assert found is not None  # an aggregate always has its row
            answers |= zip(some, found, strict=True)
        return answers

    def read(self) -> Marks:
        """Read the file in the fastest way that gives the types that all rows show."""
        text, dialect = self.text, self.dialect
        if text.path.stat().st_size <= _LARGE:
            marks = look_at_bytes(text, dialect)
            done = False
        else:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # 7 ms, rarely used

            # At the same time: neither needs the other, and both release Python's lock.
            with ThreadPoolExecutor(1, "nnplug-look") as pool:
                looking = pool.submit(look_at_bytes, text, dialect)
                done = self._read_by_sample()
                marks = looking.result()
            done = done and not (marks.codes and marks.codes != self._codes())
        if not done:
            self._read_by_all_rows()
        if self._instants() and (marks.zones or self._holds_words()):
            self._read_by_all_rows(as_text=self._instants())
        return marks

    def _instants(self) -> list[str]:
        """List the columns that DuckDB takes for days or instants."""
        return [
            ours
            for ours, type_name in self.types.items()
            if type_name.startswith(("DATE", "TIMESTAMP"))
        ]

    def _holds_words(self) -> bool:
        """Tell whether a cell may be epoch or infinity, words that DuckDB takes for instants."""
        word = "bool_or({0} = TIMESTAMP '1970-01-01' OR NOT isfinite({0}))"
        asked = {ours: word.format(ours) for ours in self._instants()}
        return True in self.ask(asked).values()

    def _codes(self) -> int:
        """Count the cells of text columns that begin with a zero and a digit.

        If the file has no more such cells, no code like 007 was read as a number.
        """
        texts = [ours for ours, type_name in self.described().items() if type_name == "VARCHAR"]
        counts = {c: f"count(*) FILTER ({c} >= '00' AND {c} < '0:')" for c in texts}
        return sum(map(int, self.ask(counts).values()))

    def _read_by_all_rows(self, as_text: Sequence[str] = ()) -> None:
        """Read with the types that all rows show, except for columns that must be text."""
        self.types, self.fits, self._first = self._sniff(-1), {}, {}
        self.types |= dict.fromkeys(as_text, "VARCHAR")
        truths = [ours for ours, type_name in self.types.items() if type_name == "BOOLEAN"]
        self._create(self.types | dict.fromkeys(truths, "VARCHAR"))
        self._settle_truths(truths)

    def _settle_truths(self, columns: Sequence[str]) -> None:
        """Take columns of true and false for truth values, and columns of yes and no for text."""
        checks = {c: f"bool_and(lower({c}) IN ('true', 'false'))" for c in columns}
        for ours, answer in self.ask(checks).items():
            self.types[ours] = "VARCHAR" if answer is False else "BOOLEAN"

    def _read_by_sample(self) -> bool:
        """Read with the types of a sample, several times faster; False if they may be wrong.

        Each column is read in a wider type that shows whether all rows would
        have led to the same type: whole numbers as any numbers, days as
        instants, truth values and times of day as text.
        """
        import duckdb  # noqa: PLC0415  # see connect

        wide = {"BIGINT": "DOUBLE", "DATE": "TIMESTAMP", "BOOLEAN": "VARCHAR", "TIME": "VARCHAR"}
        try:
            found = self._sniff(_SAMPLE)
            if set(found.values()) - {*wide, *wide.values()}:
                return False
            self._create({ours: wide.get(name, name) for ours, name in found.items()})
        except duckdb.Error:
            return False
        whole, needed = {}, {}
        for ours, type_name in found.items():
            if type_name == "BIGINT":
                whole[ours] = f"bool_and({ours} = trunc({ours}))"
                # Beyond this range DuckDB chooses another type from all rows.
                needed[ours] = f"bool_and(abs({ours}) < 9e18)"
            elif type_name == "TIME":
                # 24:01 is not a time of day, and in 1/2/24 a cast would find one.
                clock = r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?"
                time = f"regexp_full_match({ours}, {literal(clock)})"
                time += f" AND TRY_CAST({ours} AS TIME) IS NOT NULL"
                needed[ours] = f"count(*) FILTER ({time}) = count({ours})"
            elif type_name == "VARCHAR" and ours not in self.stated:
                # A column that is empty in the sample is text there.
                sampled = f"count({ours}) FILTER (rowid < {_SAMPLE // 2})"
                needed[ours] = f"{sampled} > 0 OR count({ours}) = 0"
        if False in self.ask(needed).values():  # None: a column without values
            return False
        for ours, answer in self.ask(whole).items():
            if answer is False:
                found[ours] = "DOUBLE"
        self.types = found
        self._settle_truths([ours for ours, name in found.items() if name == "BOOLEAN"])
        self.fit_dates(self.foreign)
        return all((fit := self.fits[ours]) is not None and fit.ways for ours in self.foreign)

    def fit_dates(self, columns: Sequence[str]) -> None:
        """Find out how text columns can be read as dates, if that is not known yet."""
        for ours, first in self.first_cells(columns).items():
            if ours not in self.fits:
                self.fits[ours] = self._fit_dates(ours, first)

    def _fit_dates(self, ours: str, first: Sequence[str]) -> Fit | None:
        must = self.options.date_format(self.names[ours])
        if not (must or self.options.dates or any_digit(first)):
            return None  # no date is written without a digit
        from nnplug.tables.date_formats import find_format  # noqa: PLC0415  # few tables need it

        return find_format(self.connection, ours, "raw", first, must=must, hint=self.options.dates)

    def first_cells(self, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Fetch some texts of each column: see `nnplug.tables.duck.first_cells`."""
        new = [ours for ours in columns if ours not in self._first]
        self._first |= zip(new, first_cells(self.connection, new, "raw"), strict=True)
        return {ours: self._first[ours] for ours in columns}

    def forget(self, ours: str) -> None:
        """Forget what was found from the cells of a column, which have changed."""
        self.fits.pop(ours, None)
        self._first.pop(ours, None)


def any_digit(cells: Sequence[str]) -> bool:
    """Tell whether some cell holds a digit."""
    return any(sign.isdecimal() for cell in cells for sign in cell)


def _mapping(types: dict[str, str]) -> str:
    """Write the types of columns as an SQL struct."""
    return "{" + ", ".join(f"{literal(c)}: {literal(name)}" for c, name in types.items()) + "}"
