"""JSON: an object on each line, or an array of objects; their keys are the columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.errors import DataError
from nnplug.tables.date_formats import (
    ISO,
    ambiguous_error,
    as_instant,
    check_formats,
    find_format,
    stray_dates,
)
from nnplug.tables.diagnosis import ways_out
from nnplug.tables.duck import first_cells, identifier, literal, location
from nnplug.tables.formats import format_of
from nnplug.tables.json_faults import (
    RECORD,
    as_records,
    check_case,
    fault_error,
    objects,
    refusal,
)
from nnplug.tables.limits import LINE
from nnplug.tables.missing import is_usual_mark
from nnplug.tables.number_formats import number_error, number_of_text
from nnplug.tables.options import ReadOptions
from nnplug.tables.relation import Field, check_known
from nnplug.tables.table import Kind, check_names
from nnplug.tables.text_file import TextFile, plain_text, unreadable
from nnplug.tables.wording import column_list, quote, shell_word

if TYPE_CHECKING:
    import duckdb

__all__ = ["load_json", "load_records"]

_WHOLE = ("UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT")
_KINDS: dict[str, Kind] = {
    **dict.fromkeys((*_WHOLE, "DOUBLE"), "number"),
    "BOOLEAN": "boolean",
    "VARCHAR": "text",
}
"""The kinds of DuckDB's types of JSON values; lists and objects have none."""
_ONE_OF: dict[Kind, str] = {"number": "a number", "boolean": "true or false", "text": "text"}
_PYTHON: dict[Kind, tuple[type, ...]] = {"number": (int, float), "boolean": (bool,), "text": (str,)}
_ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"


def load_json(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load a JSON file into the table `part` with the columns c0, c1 and so on.

    Raises
    ------
    DataError
        As `load_records`; or if it holds neither an array of objects nor lines of objects.
    """
    text = plain_text(path, options, scratch)
    try:
        if format_of(path) == "json":
            text = as_records(text)
        return load_records(connection, text, options)
    except OSError as error:
        raise unreadable(path, error) from None


def load_records(
    connection: duckdb.DuckDBPyConnection, text: TextFile, options: ReadOptions
) -> tuple[Field, ...]:
    """Load lines of objects, or an array of them, into the table `part`.

    A key that an object lacks, or that is null there, is a missing value. A
    column of ISO dates is dates.

    Raises
    ------
    DataError
        If a line is not an object, or a key mixes kinds, or holds a list or an object.
    """
    import duckdb  # noqa: PLC0415  # see connect

    longest = LINE if text.longest == LINE else max(LINE, text.path.stat().st_size + 1)
    # With a depth of 1, each value stays as it is, with its own type.
    source = (
        f"read_json({location(text.path)}, "
        f"format='{'array' if text.unit == RECORD else 'newline_delimited'}', records='true', "
        "sample_size=-1, maximum_depth=1, map_inference_threshold=-1, "
        f"maximum_object_size={longest})"
    )
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        names = [str(row[0]) for row in described]
        check_case(text, names)
        check_names(text.name, names)
        check_known(text.name, options, names)
        check_formats(connection, options)
        cells = ", ".join(f"{identifier(name)} AS c{i}" for i, name in enumerate(names))
        connection.execute(f"CREATE TABLE raw AS SELECT {cells} FROM {source}")
        fields, typed = [], []
        for position, name in enumerate(names):
            field, cell = _Column(connection, text, f"c{position}", name, options).field()
            fields.append(field)
            typed.append(f"{cell} AS c{position}")
        connection.execute(f"CREATE TABLE part AS SELECT {', '.join(typed)} FROM raw")
        connection.execute("DROP TABLE raw")
        return tuple(fields)
    except duckdb.Error as error:
        raise refusal(text, error) from None


class _Column:
    """A column of the table `raw`, which holds JSON.

    Attributes
    ----------
    ours, name : str
        Its name in DuckDB, and in the file.
    missing, cell : str
        The SQL that tells whether a value is missing, and that of a value as text.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        text: TextFile,
        ours: str,
        name: str,
        options: ReadOptions,
    ) -> None:
        self.connection, self.text, self.options = connection, text, options
        self.ours, self.name = ours, name
        self.marks = (*options.na, *options.marks(name))
        self.plain = f"({ours} ->> '$')"
        missing = f"{ours} IS NULL OR json_type({ours}) = 'NULL'"
        if self.marks:
            missing += f" OR {self.plain} IN ({', '.join(map(literal, self.marks))})"
        self.missing = f"({missing})"
        self.cell = f"CASE WHEN {self.missing} THEN NULL ELSE {self.plain} END"

    @cached_property
    def types(self) -> dict[str, int]:
        """How many values have each of DuckDB's types."""
        rows = self.connection.execute(
            f"SELECT json_type({self.ours}), count(*) FROM raw WHERE NOT {self.missing} GROUP BY 1"
        ).fetchall()
        return {str(row[0]): int(row[1]) for row in rows}

    def values(self) -> Iterator[tuple[int, object]]:
        """Go through the values that are not missing, each with its line."""
        for line, record in objects(self.text):
            value = record.get(self.name)
            if value is not None and str(value) not in self.marks:
                yield line, value

    def field(self) -> tuple[Field, str]:
        """Tell the column's kind from the types of all of its values, and the SQL of a cell."""
        name, options = self.name, self.options
        nested = self.types.keys() - _KINDS.keys()
        found = {_KINDS[type_name] for type_name in self.types if type_name in _KINDS}
        must = options.date_format(name)
        if options.is_text(name) and (not nested or name not in options.text):
            return Field(name, "text"), self.cell
        if not nested and "text" in found <= {"number", "text"} and not must:
            number = self._numbers_in_text()
            if number is not None:
                return number
        if must and not nested and found <= {"number", "text"}:
            return self._dates() or (Field(name, "text"), self.cell)
        if len(found) > 1 or nested:
            raise self._mixed_error()
        kind: Kind = next(iter(found), "text")
        if kind == "text":
            dates = self.connection.execute(
                f"SELECT bool_and(regexp_full_match({self.plain}, {literal(_ISO_DATE)}) AND "
                f"TRY_CAST({self.plain} AS TIMESTAMP) IS NOT NULL) FROM raw "
                f"WHERE NOT {self.missing}"
            ).fetchone()
            if dates is not None and dates[0]:
                return Field(name, "date"), f"CAST({self.cell} AS TIMESTAMP)"
            return self._dates() or (Field(name, "text"), self.cell)
        sql = "BOOLEAN" if kind == "boolean" else "DOUBLE"
        integer = kind == "number" and set(self.types) <= set(_WHOLE)
        return Field(name, kind, integer), f"CAST({self.cell} AS {sql})"

    def _dates(self) -> tuple[Field, str] | None:
        """Take the column for dates, if it holds dates: see `nnplug.tables.delimited`."""
        source, must = f"(SELECT {self.cell} AS t FROM raw)", self.options.date_format(self.name)
        (first,) = first_cells(self.connection, ["t"], source)
        hint = self.options.dates
        fit = find_format(self.connection, "t", source, first, must=must, hint=hint)
        if fit is None or (self.options.is_unused(self.name) and len(fit.ways) != 1):
            return None
        if len(fit.ways) > 1:
            raise ambiguous_error(self.text.name, self.name, fit)
        if fit.ways:
            written = "" if fit.usual == ISO else fit.usual
            return Field(self.name, "date", written=written), as_instant(self.cell, fit.usual)
        strays = stray_dates(self.connection, "t", source, fit, must=bool(must))
        if not strays:
            return None
        which = "must be" if must else "elsewhere are"
        advice = (
            f"The column's dates {which} written {fit.usual}. Correct these, or say what they are: "
            f"--read {shell_word(f'dates.{self.name}=...')}\nIf the column is text: "
            f"--categorical {column_list([self.name])}"
        )
        if all(is_usual_mark(cell, date=True) for cell in strays):
            advice = ways_out([self.name], strays, f"dates written {fit.usual}")
        found = ((line, value) for line, value in self.values() if str(value) in strays)
        raise self._stray_error(found, "a date", advice)

    def _numbers_in_text(self) -> tuple[Field, str] | None:
        """Take a column with text for numbers, if it must be or people write numbers so."""
        is_text = f"json_type({self.ours}) = 'VARCHAR'"
        texts = f"CASE WHEN {is_text} THEN {self.cell} END"
        (first,) = first_cells(self.connection, [texts], "raw", outermost=False)
        way, fit = number_of_text(self.connection, texts, "raw", first, self.options, self.name)
        if fit is not None:
            may_be_text = not self.options.lenient
            raise number_error(self.text.name, [(self.name, fit)], text=may_be_text, apart=True)
        if way is None:
            return None
        strays = [
            (line, value)
            for line, value in self.values()
            if isinstance(value, str) and way.read(value) is None
        ]
        if strays:
            raise self._stray_error(strays, "a number", "Correct these, or leave --numeric out.")
        number = (
            f"CASE WHEN {is_text} THEN {way.sql(self.cell)} "
            f"ELSE TRY_CAST({self.cell} AS DOUBLE) END"
        )
        return Field(self.name, "number", written=way.written), number

    def _mixed_error(self) -> DataError:
        """Name the lines whose value is not of the kind that most are."""
        usual: Counter[Kind] = Counter()
        for type_name, count in self.types.items():
            if type_name in _KINDS:
                usual[_KINDS[type_name]] += count
        if not usual:
            return DataError(
                f"{self.text.name}: column {quote(self.name)} holds lists or objects, which are "
                "neither numbers, truth values, text nor dates.\nRemove the column or convert it."
            )
        if len(usual) > 1:  # usual marks of a missing value do not count
            texts = (value for _, value in self.values() if isinstance(value, str))
            usual["text"] -= sum(map(is_usual_mark, texts))
        kind = usual.most_common(1)[0][0]
        strays = [
            (line, value) for line, value in self.values() if type(value) not in _PYTHON[kind]
        ]
        advice = (
            f"The column's other values are {'numbers' if kind == 'number' else _ONE_OF[kind]}. "
            "Correct these, or remove the column."
        )
        if kind == "number" and all(isinstance(value, str) for _, value in strays):
            advice = ways_out([self.name], {str(value) for _, value in strays}, "numbers")
        return self._stray_error(strays, _ONE_OF[kind], advice)

    def _stray_error(
        self, strays: Iterable[tuple[int, object]], kind: str, advice: str
    ) -> DataError:
        """Name the lines of values that are not of a kind."""
        column = f"column {quote(self.name)}"
        faults = [
            (line, f"{column}: cannot read {_as_json(value)} as {kind}") for line, value in strays
        ]
        return fault_error(self.text, faults, advice)


def _as_json(value: object) -> str:
    """Write a value as JSON, shortened."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
