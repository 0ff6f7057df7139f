"""JSON: an object a line, or an array of objects; their keys are the columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnplug.errors import DataError
from nnplug.tables.date_formats import (
    ISO,
    ambiguous_error,
    as_instant,
    check_formats,
    find_format,
    first_cells,
    is_dated,
)
from nnplug.tables.diagnosis import mostly, ways_out
from nnplug.tables.duck import identifier, literal, location
from nnplug.tables.formats import JSON, suffix_of
from nnplug.tables.json_faults import (
    RECORD,
    as_records,
    check_case,
    fault_error,
    objects,
    refusal,
)
from nnplug.tables.limits import LINE
from nnplug.tables.missing import is_usual_mark, usual_mark
from nnplug.tables.number_formats import heads, number_error, number_of_text
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
_ONE_OF: dict[Kind, str] = {"number": "a number", "boolean": "true or false", "text": "text"}
_PYTHON: dict[Kind, tuple[type, ...]] = {"number": (int, float), "boolean": (bool,), "text": (str,)}
_ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"


def load_json(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load a file of JSON into the table `part` with the columns c0, c1 and so on.

    Raises
    ------
    DataError
        See `load_records`; or if it is no array of objects, and no lines of them.
    """
    text = plain_text(path, options, scratch)
    try:
        if suffix_of(path) in JSON:
            text = as_records(text)
        return load_records(connection, text, options)
    except OSError as error:
        raise unreadable(path, error) from None


def load_records(
    connection: duckdb.DuckDBPyConnection, text: TextFile, options: ReadOptions
) -> tuple[Field, ...]:
    """Load lines of objects, or an array of them, into the table `part`.

    A key that an object does not have, or that is null there, is a missing
    value. A column of ISO dates is dates.

    Raises
    ------
    DataError
        If a line is no object, a key mixes kinds, or holds a list or an object.
    """
    import duckdb  # noqa: PLC0415  # see connect

    longest = LINE if text.longest == LINE else max(LINE, text.path.stat().st_size + 1)
    # A depth of 1 leaves each value as it stands, with its own type.
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
            field, cell = _field(connection, text, f"c{position}", name, options)
            fields.append(field)
            typed.append(f"{cell} AS c{position}")
        connection.execute(f"CREATE TABLE part AS SELECT {', '.join(typed)} FROM raw")
        connection.execute("DROP TABLE raw")
        return tuple(fields)
    except duckdb.Error as error:
        raise refusal(text, error) from None


def _field(
    connection: duckdb.DuckDBPyConnection,
    text: TextFile,
    ours: str,
    name: str,
    options: ReadOptions,
) -> tuple[Field, str]:
    """Tell a column's kind from the types of all of its values, and the SQL of a cell."""
    plain = f"({ours} ->> '$')"
    missing = f"({ours} IS NULL OR json_type({ours}) = 'NULL'"
    marks = (*options.na, *options.marks(name))
    if marks:
        missing += f" OR {plain} IN ({', '.join(map(literal, marks))})"
    missing += ")"
    rows = connection.execute(
        f"SELECT json_type({ours}), count(*) FROM raw WHERE NOT {missing} GROUP BY 1"
    ).fetchall()
    types = {str(row[0]): int(row[1]) for row in rows}
    cell = f"CASE WHEN {missing} THEN NULL ELSE {plain} END"
    nested = set(types) - set(_KINDS)
    found = {_KINDS[each] for each in types if each in _KINDS}
    must = options.date_format(name)
    if options.is_text(name) and (not nested or name not in options.text):
        return Field(name, "text"), cell
    if not nested and "text" in found <= {"number", "text"} and not must:
        number = _numbers(connection, text, ours, name, cell, options)
        if number is not None:
            return number
    if must and not nested and found <= {"number", "text"}:
        return _dates(connection, text, name, cell, options) or (Field(name, "text"), cell)
    if len(found) > 1 or nested:
        raise _mixed_error(text, name, options, types)
    kind: Kind = next(iter(found), "text")
    if kind == "text":
        dates = connection.execute(
            f"SELECT bool_and(regexp_full_match({plain}, {literal(_ISO_DATE)}) "
            f"AND TRY_CAST({plain} AS TIMESTAMP) IS NOT NULL) FROM raw WHERE NOT {missing}"
        ).fetchone()
        if dates is not None and dates[0]:
            return Field(name, "date"), f"CAST({cell} AS TIMESTAMP)"
        return _dates(connection, text, name, cell, options) or (Field(name, "text"), cell)
    sql = "BOOLEAN" if kind == "boolean" else "DOUBLE"
    integer = kind == "number" and set(types) <= set(_WHOLE)
    return Field(name, kind, integer), f"CAST({cell} AS {sql})"


def _dates(
    connection: duckdb.DuckDBPyConnection,
    text: TextFile,
    name: str,
    cell: str,
    options: ReadOptions,
) -> tuple[Field, str] | None:
    """Take a column for dates, if it is one: see `nnplug.tables.delimited`."""
    source, must = f"(SELECT {cell} AS t FROM raw)", options.date_format(name)
    (first,) = first_cells(connection, ["t"], source)
    fit = find_format(connection, "t", source, first, must=must, hint=options.dates)
    if fit is None or (name in options.unused and len(fit.ways) != 1):
        return None
    if len(fit.ways) > 1:
        raise ambiguous_error(text.name, name, fit)
    if fit.ways:
        written = "" if fit.usual == ISO else fit.usual
        return Field(name, "date", written=written), as_instant(cell, fit.usual)
    rows = connection.execute(
        f"SELECT DISTINCT t FROM {source} WHERE t IS NOT NULL AND NOT {is_dated('t', fit.usual)}"
    ).fetchall()
    strays = {row[0] for row in rows}
    marks = {each for each in strays if is_usual_mark(each, date=True)}
    marked = f"SELECT count(*) FROM {source} WHERE {usual_mark('t', date=True)}"
    (missing,) = connection.execute(marked).fetchone() or (0,)
    if not (must or mostly(fit.fitting, fit.filled, len(strays), missing, len(marks))):
        return None
    faults = [
        (line, f"column {quote(name)}: cannot read {_shown(value)} as a date")
        for line, value in _values(text, name, options)
        if str(value) in strays
    ]
    which = "are to be" if must else "elsewhere are"
    advice = (
        f"The column's dates {which} written {fit.usual}. Correct these, or say what they are: "
        f"--read {shell_word(f'dates.{name}=...')}\nIf the column is text: "
        f"--categorical {column_list([name])}"
    )
    if marks == strays:
        advice = ways_out([name], strays, f"dates written {fit.usual}")
    raise fault_error(text, faults, advice)


def _mixed_error(
    text: TextFile, name: str, options: ReadOptions, types: dict[str, int]
) -> DataError:
    """Name the lines whose value is not of the kind that most are."""
    usual: Counter[Kind] = Counter()
    for each, count in types.items():
        if each in _KINDS:
            usual[_KINDS[each]] += count
    if not usual:
        return DataError(
            f"{text.name}: column {quote(name)} holds lists or objects, which are neither numbers, "
            "truth values, text nor dates.\nTake the column out or convert it."
        )
    if len(usual) > 1:  # what stands for a missing value does not count
        texts = (value for _, value in _values(text, name, options) if isinstance(value, str))
        usual["text"] -= sum(map(is_usual_mark, texts))
    kind = usual.most_common(1)[0][0]
    strays = [
        (line, value)
        for line, value in _values(text, name, options)
        if type(value) not in _PYTHON[kind]
    ]
    faults = [
        (line, f"column {quote(name)}: cannot read {_shown(value)} as {_ONE_OF[kind]}")
        for line, value in strays
    ]
    if kind == "number" and all(isinstance(value, str) for _, value in strays):
        cells = {str(value) for _, value in strays}
        return fault_error(text, faults, ways_out([name], cells, "numbers"))
    return fault_error(
        text,
        faults,
        f"The column's other values are {'numbers' if kind == 'number' else _ONE_OF[kind]}. "
        "Correct these, or take the column out.",
    )


def _shown(value: Any) -> str:
    """Write a value as JSON, not endless."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _numbers(
    connection: duckdb.DuckDBPyConnection,
    text: TextFile,
    ours: str,
    name: str,
    cell: str,
    options: ReadOptions,
) -> tuple[Field, str] | None:
    """Take a column that holds text for numbers, if it must be or people write them so."""
    is_text = f"json_type({ours}) = 'VARCHAR'"
    texts = f"CASE WHEN {is_text} THEN {cell} END"
    (first,) = heads(connection, [texts], "raw")
    way, fit = number_of_text(connection, texts, "raw", first, options, name)
    if fit is not None:
        raise number_error(text.name, [(name, fit)], text=not options.lenient, apart=True)
    if way is None:
        return None
    faults = [
        (line, f"column {quote(name)}: cannot read {_shown(value)} as a number")
        for line, value in _values(text, name, options)
        if isinstance(value, str) and way.read(value) is None
    ]
    if faults:
        raise fault_error(text, faults, "Correct these, or leave --numeric out.")
    number = f"CASE WHEN {is_text} THEN {way.sql(cell)} ELSE TRY_CAST({cell} AS DOUBLE) END"
    return Field(name, "number", written=way.written), number


def _values(text: TextFile, name: str, options: ReadOptions) -> Iterator[tuple[int, Any]]:
    """Go through the values of a key that are there, each with its line."""
    for line, record in objects(text):
        value = record.get(name)
        if value is not None and str(value) not in (*options.na, *options.marks(name)):
            yield line, value
