"""A text file as it stands, in a table of DuckDB's: found out from all rows, fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnplug.tables.date_formats import Fit, find_format, first_cells
from nnplug.tables.diagnosis import Dialect
from nnplug.tables.duck import TOGETHER, literal, location
from nnplug.tables.limits import LINE
from nnplug.tables.options import ReadOptions
from nnplug.tables.sniffing import Marks, look_at_bytes
from nnplug.tables.text_file import TextFile

if TYPE_CHECKING:
    import duckdb

__all__ = ["RawText"]

_LARGE = 4 << 20
"""A file with more bytes is first tried with the types of its sample."""

_SAMPLE = 20_480
"""Rows from which the types of a large file are first found."""


INDEX = "numbers_of_rows"
"""What a first column without a name is called."""


class RawText:
    """One text file, which DuckDB reads into the table `raw`.

    Attributes
    ----------
    ours : list of str
        Names for DuckDB, which renames double names and takes "Age" and
        "age" for one: so columns are known by their position.
    names : dict
        The user's name of each.
    numeric : list of str
        The columns that the user calls numbers.
    stated : list of str
        Those and the ones that the user calls text. All are read as text.
    dated : list of str
        The columns that are called dates. They are read as text, too.
    foreign : list of str
        Columns that DuckDB takes for dates, and that are not written as in
        ISO 8601. They are text here.
    types : dict
        The type of each column, by all of its cells.
    fits : dict
        How columns of text can be read as dates, as far as that was asked.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        text: TextFile,
        dialect: Dialect,
        options: ReadOptions,
    ) -> None:
        self.connection, self.text, self.dialect, self.options = connection, text, dialect, options
        # The index, if there is one, is taken out in the end: it does not count.
        self.ours = [INDEX] * dialect.indexed
        self.ours += [f"c{i}" for i in range(len(dialect.names) - dialect.indexed)]
        self.names = dict(zip(self.ours, dialect.names, strict=True))
        pairs = self.names.items()
        self.numeric = [
            o for o, name in pairs if options.is_numeric(name) and not options.is_text(name)
        ]
        # Numbers that the user asks for are looked at cell by cell.
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
            "comment": "''",  # else a row that begins with # could be dropped
            "skip": "0",  # else lines before a "better" header could be
            "encoding": "'utf-8'",
            "strict_mode": "true",
            "null_padding": "false",
            "ignore_errors": "false",
        }

    def _call(self, function: str, settings: dict[str, str]) -> str:
        written = ", ".join(f"{key}={value}" for key, value in settings.items())
        return f"{function}({location(self.text.path)}, {written})"

    def _sniff(self, sample: int) -> dict[str, str]:
        """Find the type of each column from so many rows, or from all (-1)."""
        settings = self._settings()
        settings["names"] = "[" + ", ".join(map(literal, self.ours)) + "]"
        settings["sample_size"] = str(sample)
        if texts := self.stated + self.dated:
            settings["types"] = _mapping(dict.fromkeys(texts, "VARCHAR"))
        if dates := self.options.dates:
            # Digits alone may be dates then.
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
        types = [str(each["type"]) for each in columns]
        self.foreign = [o for o, each in zip(self.ours, types, strict=True) if each in foreign]
        return {
            ours: "VARCHAR" if each in foreign else each
            for ours, each in zip(self.ours, types, strict=True)
        }

    def _create(self, types: dict[str, str]) -> None:
        """Read the file into the table `raw`, with one type for each column."""
        settings = self._settings() | {"columns": _mapping(types), "auto_detect": "false"}
        self.connection.execute(
            f"CREATE OR REPLACE TABLE raw AS SELECT * FROM {self._call('read_csv', settings)}"
        )

    def described(self) -> dict[str, str]:
        """Give the type in which each column of `raw` is kept."""
        described = self.connection.execute("DESCRIBE raw").fetchall()
        return {ours: str(row[1]) for ours, row in zip(self.ours, described, strict=True)}

    def _cells_as_text(self) -> str:
        """Write the SQL of all cells of the file as they stand."""
        types = dict.fromkeys(self.ours, "VARCHAR")
        settings = self._settings() | {"columns": _mapping(types), "auto_detect": "false"}
        return self._call("read_csv", settings)

    def ask(self, questions: dict[str, str], source: str = "raw") -> dict[str, Any]:
        """Answer a question about all rows, in SQL, for each of some columns."""
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
        """Read the file the fastest way that gives the types that all rows show."""
        text, dialect = self.text, self.dialect
        if text.path.stat().st_size <= _LARGE:
            marks = look_at_bytes(text, dialect)
            done = False
        else:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # 7 ms, rarely used

            # Beside each other: neither needs the other, nor Python's lock.
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
        return [o for o, each in self.types.items() if each.startswith(("DATE", "TIMESTAMP"))]

    def _holds_words(self) -> bool:
        """Whether some cell may be epoch or infinity, words that DuckDB takes for instants."""
        word = "bool_or({0} = TIMESTAMP '1970-01-01' OR NOT isfinite({0}))"
        asked = {ours: word.format(ours) for ours in self._instants()}
        return True in self.ask(asked).values()

    def _codes(self) -> int:
        """Count the cells of text that begin with a zero and a digit.

        If the file has no more of them, no number was written as 007.
        """
        texts = [ours for ours, each in self.described().items() if each == "VARCHAR"]
        counts = {c: f"count(*) FILTER ({c} >= '00' AND {c} < '0:')" for c in texts}
        return sum(map(int, self.ask(counts).values()))

    def _read_by_all_rows(self, as_text: Sequence[str] = ()) -> None:
        """Read with the types that all rows show, but for columns that are to be text."""
        self.types, self.fits, self._first = self._sniff(-1), {}, {}
        self.types |= dict.fromkeys(as_text, "VARCHAR")
        truths = [ours for ours, each in self.types.items() if each == "BOOLEAN"]
        self._create(self.types | dict.fromkeys(truths, "VARCHAR"))
        self._settle_truths(truths)

    def _settle_truths(self, columns: Sequence[str]) -> None:
        """Take columns of true and false as truth values, and others, of yes and no, as text."""
        checks = {c: f"bool_and(lower({c}) IN ('true', 'false'))" for c in columns}
        for ours, answer in self.ask(checks).items():
            self.types[ours] = "VARCHAR" if answer is False else "BOOLEAN"

    def _read_by_sample(self) -> bool:
        """Read with the types of a sample, several times faster.

        Each column is read in a form that shows whether all rows would have
        said the same: whole numbers as any numbers, days as instants, truth
        values and times of day as text. False if they would not, or may not.
        """
        import duckdb  # noqa: PLC0415  # see connect

        wide = {"BIGINT": "DOUBLE", "DATE": "TIMESTAMP", "BOOLEAN": "VARCHAR", "TIME": "VARCHAR"}
        try:
            found = self._sniff(_SAMPLE)
            if set(found.values()) - {*wide, *wide.values()}:
                return False
            self._create({ours: wide.get(each, each) for ours, each in found.items()})
        except duckdb.Error:
            return False
        whole, needed = {}, {}
        for ours, each in found.items():
            if each == "BIGINT":
                whole[ours] = f"bool_and({ours} = trunc({ours}))"
                # Beyond its range the type that all rows show is DuckDB's affair.
                needed[ours] = f"bool_and(abs({ours}) < 9e18)"
            elif each == "TIME":
                # 24:01 is none, and in 1/2/24 a cast would find one.
                clock = r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?"
                time = f"regexp_full_match({ours}, {literal(clock)})"
                time += f" AND TRY_CAST({ours} AS TIME) IS NOT NULL"
                needed[ours] = f"count(*) FILTER ({time}) = count({ours})"
            elif each == "VARCHAR" and ours not in self.stated:
                # A column that is empty in the sample is text there.
                sampled = f"count({ours}) FILTER (rowid < {_SAMPLE // 2})"
                needed[ours] = f"{sampled} > 0 OR count({ours}) = 0"
        if False in self.ask(needed).values():  # None is of a column without values
            return False
        for ours, answer in self.ask(whole).items():
            if answer is False:
                found[ours] = "DOUBLE"
        self.types = found
        self._settle_truths([ours for ours, each in found.items() if each == "BOOLEAN"])
        self.fit_dates(self.foreign)
        return all((fit := self.fits[ours]) is not None and fit.ways for ours in self.foreign)

    def fit_dates(self, columns: Sequence[str]) -> None:
        """Find out how columns of text can be read as dates, if that is not known yet."""
        for ours, first in self.first_cells(columns).items():
            if ours not in self.fits:
                must = self.options.date_format(self.dialect.names[self.ours.index(ours)])
                self.fits[ours] = find_format(
                    self.connection, ours, "raw", first, must=must, hint=self.options.dates
                )

    def first_cells(self, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Give some texts of each column: see `nnplug.tables.date_formats.first_cells`."""
        new = [ours for ours in columns if ours not in self._first]
        self._first |= zip(new, first_cells(self.connection, new, "raw"), strict=True)
        return {ours: self._first[ours] for ours in columns}

    def forget(self, ours: str) -> None:
        """Forget what was found out from the cells of a column, which have changed."""
        self.fits.pop(ours, None)
        self._first.pop(ours, None)


def _mapping(types: dict[str, str]) -> str:
    """Write the types of columns as an SQL struct."""
    return "{" + ", ".join(f"{literal(c)}: {literal(each)}" for c, each in types.items()) + "}"
