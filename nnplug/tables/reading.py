"""Reading: files and data frames as columns of four kinds.

A file is parsed once, fast and strictly, by DuckDB. Only when that fails, or
when a column of numbers turns out to hold a few cells that are none, is the
file gone through again, slowly, to say which lines are at fault.

What a file means is never guessed: the first line holds the names, the text
is UTF-8, every row is as long as the first, and an empty cell is the only
missing value (in a column of numbers `nan` is one too).
"""

from __future__ import annotations

import csv
import datetime
import decimal
import itertools
import json
import math
import numbers
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, suggest
from nnplug.types import AnyArray

if TYPE_CHECKING:
    import duckdb

__all__ = ["SUFFIXES", "Column", "Kind", "Table", "quote", "read_table", "show", "table_from"]

Kind = Literal["number", "boolean", "text", "date"]
"""What the values of a column are."""

BoolArray = npt.NDArray[np.bool_]

_DELIMITED = (".csv", ".tsv", ".txt")
_PARQUET = (".parquet",)
SUFFIXES = (*_DELIMITED, *_PARQUET)
"""How the names of files that can be read end."""
_SHOWN = 20  # as many faults, or names, as one message lists


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        As the table has it.
    kind : str
        `"number"`, `"boolean"`, `"text"` or `"date"`.
    values : array of shape (N,)
        float64 for numbers, bool for booleans, str objects for text,
        datetime64[us] for dates. Where a value is missing stands NaN, False,
        the empty text or NaT.
    missing : array of bool of shape (N,), or None
        Where values are missing; None if nowhere.
    integer : bool
        Whether the numbers were declared whole, by their type and not their
        values: 2.0 is not.
    """

    name: str
    kind: Kind
    values: AnyArray
    missing: BoolArray | None = None
    integer: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Columns of one length, with what messages call them.

    Attributes
    ----------
    columns : tuple of Column
        In the order of the source; their names differ.
    source : str
        The file's name, or what else messages should say.
    rows : int
        How many rows there are; at least one.
    """

    columns: tuple[Column, ...]
    source: str
    rows: int

    def __repr__(self) -> str:
        return f"<table {self.source}: {self.rows} rows, {len(self.columns)} columns>"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Find a column by its exact name.

        Raises
        ------
        DataError
            If there is none of that name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(
            f"{self.source}: there is no column {quote(name)}.{suggest(name, self.names)}\n"
            f"Its columns are {_listed(quote(each) for each in self.names)}."
        )


def quote(text: object) -> str:
    """Put text from a table into a message: quoted, on one line, not endless."""
    text = str(text)
    return json.dumps(text if len(text) <= 60 else text[:57] + "...", ensure_ascii=False)


def show(value: object) -> str:
    """Put a value of any kind into a message: text quoted, 2.0 as 2."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, numbers.Real):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return quote(value)


def _listed(items: Iterable[str]) -> str:
    """Join with commas, up to a bound and then a count."""
    every = list(items)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


# --------------------------------------------------------------------- files


def read_table(
    path: str | os.PathLike[str],
    *,
    text: Sequence[str] = (),
    header: bool | None = None,
) -> Table:
    """Read a table from a file: delimited text (.csv, .tsv, .txt) or Parquet.

    The delimiter of a text file (comma, semicolon, tab or `|`) comes from its
    first lines, the type of each column from all of its rows. A column that
    holds numbers but for a few cells is refused rather than read as text.

    Parameters
    ----------
    path : path
        Of a file on this machine.
    text : sequence of str
        Columns to be read as text whatever they hold, such as codes that
        look like numbers.
    header : bool, optional
        Whether the first line of a text file holds the names. By default it
        does, and a name that is a number is refused, since it is probably the
        first row of a file without names. With False the names are
        `column0`, `column1` and so on.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If there is no such file, it cannot be read as a table, it has no
        rows, names are empty or double, or a cell is not as its column needs.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    _check_file(path, suffix)
    if suffix in _PARQUET:
        return _read_parquet(path, tuple(text))
    return _read_delimited(path, tuple(text), header)


def _check_file(path: Path, suffix: str) -> None:
    """Refuse a path that is no readable file of a known format."""
    try:
        if path.is_dir():
            raise DataError(f"{path}: is a folder, not a table. Name one file in it.")
        if not path.exists():
            folder = path.parent
            if not folder.is_dir():
                raise DataError(f"{path}: no such file; the folder {folder} does not exist either.")
            near = suggest(path.name, (each.name for each in folder.iterdir() if each.is_file()))
            raise DataError(f"{path}: no such file.{near}")
        if suffix not in (*_DELIMITED, *_PARQUET):
            raise DataError(
                f"{path}: files that end in {quote(suffix)} are not supported.\n"
                f"Tables are read from {', '.join((*_DELIMITED, *_PARQUET))}."
            )
        if not path.is_file():
            raise DataError(f"{path}: is not a regular file. Save the table to one first.")
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty. A table needs names and rows.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        # ValueError: a path with a zero byte.
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DataError(f"{path}: the file cannot be read: {reason}.")


def _connect() -> duckdb.DuckDBPyConnection:
    # Imported here because it is large and only reading a file needs it.
    import duckdb  # noqa: PLC0415  # only when a table is read

    # Nothing is ever fetched from elsewhere because of what a file holds.
    return duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
    )


def _literal(text: str) -> str:
    """Write text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _identifier(text: str) -> str:
    """Write a name as a quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def _location(path: Path) -> str:
    """Write a path so that none of its characters is a wildcard."""
    # Absolute, so that a name like "s3:x.csv" is not taken for an address.
    return _literal("".join(f"[{c}]" if c in "*?[" else c for c in str(path.absolute())))


def _check_names(source: str, names: Sequence[str]) -> None:
    """Refuse empty and double names."""
    if not names:
        raise DataError(f"{source}: the table has no columns.")
    for position, name in enumerate(names, start=1):
        if not name:
            hint = (
                " Row numbers saved along with a table look like this."
                if position == 1 and len(names) > 1
                else " A delimiter at the end of the first line looks like this."
                if position == len(names) and position > 1
                else ""
            )
            raise DataError(
                f"{source}: column {position} of {len(names)} has no name."
                f"{hint}\nName it, or take the column out."
            )
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        places = [str(i) for i, name in enumerate(names, start=1) if name == double[0]]
        others = f" So do {_listed(map(quote, double[1:]))}." if double[1:] else ""
        raise DataError(
            f"{source}: the name {quote(double[0])} stands over several columns "
            f"({_listed(places)}).{others}\nRename or remove all but one."
        )


def _check_known(source: str, text: tuple[str, ...], names: Sequence[str]) -> None:
    """Refuse a request about a column that is not there."""
    for name in text:
        if name not in names:
            raise DataError(
                f"{source}: there is no column {quote(name)} to be read as text."
                f"{suggest(name, names)}\nIts columns are {_listed(map(quote, names))}."
            )


# ------------------------------------------------------------ delimited text


@dataclass(frozen=True)
class _Dialect:
    """How the cells of a text file are told apart."""

    delimiter: str
    names: tuple[str, ...]
    header: bool


def _read_delimited(path: Path, text: tuple[str, ...], header: bool | None) -> Table:
    dialect = _dialect(path, header)
    names = dialect.names
    source = path.name
    _check_names(source, names)
    _check_known(source, text, names)
    import duckdb  # noqa: PLC0415 - see _connect

    # DuckDB renames double names and takes "Age" and "age" for one; it is
    # given names of ours instead, so that columns are known by position.
    ours = [f"c{i}" for i in range(len(names))]
    as_text = [ours[names.index(name)] for name in dict.fromkeys(text)]
    settings = {
        "names": "[" + ", ".join(map(_literal, ours)) + "]",
        "header": str(dialect.header).lower(),
        "delim": _literal(dialect.delimiter),
        "quote": _literal('"'),
        "escape": _literal('"'),
        "comment": "''",  # else a row that begins with # could be dropped
        "skip": "0",  # else lines before a "better" header could be
        "encoding": "'utf-8'",
        "sample_size": "-1",  # the types come from every row
        "strict_mode": "true",
        "null_padding": "false",
        "ignore_errors": "false",
    }
    if as_text:
        settings["types"] = "{" + ", ".join(f"{_literal(c)}: 'VARCHAR'" for c in as_text) + "}"
    options = ", ".join(f"{key}={value}" for key, value in settings.items())
    try:
        suspicious = _suspicious(path, dialect)
        with _connect() as connection:
            connection.execute(
                f"CREATE TEMP TABLE rows AS SELECT * FROM read_csv({_location(path)}, {options})"
            )
            wrong = _fault(path, dialect) if suspicious else None
            if wrong is not None:
                raise wrong
            described = connection.execute("DESCRIBE rows").fetchall()
            types = {ours[i]: str(row[1]) for i, row in enumerate(described)}
            free = [c for c in ours if types[c] == "VARCHAR" and c not in as_text]
            strays = {ours.index(c): found for c, found in _strays(connection, free).items()}
            if strays:
                raise _stray_error(path, dialect, strays)
            return _fetched(
                connection,
                "rows",
                names=dict(zip(ours, names, strict=True)),
                types=types,
                source=source,
            )
    except duckdb.Error as error:
        raise _diagnosed(path, dialect, error) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _suspicious(path: Path, dialect: _Dialect) -> bool:
    """Tell whether some line ends in a delimiter; refuse zero bytes.

    DuckDB takes an empty cell too many at the end of a row for none, so the
    rows of such a file must be counted out.
    """
    delimiter = dialect.delimiter.encode()
    suspicious = False
    last, line = b"", 1
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if b"\0" in chunk:
                line += chunk[: chunk.index(b"\0")].count(b"\n")
                raise DataError(
                    f"{path.name}:{line}: the line holds a zero byte, so the file is not text or "
                    "is damaged.\nSave it again as UTF-8."
                )
            line += chunk.count(b"\n")
            block = last + chunk
            suspicious |= delimiter + b"\n" in block or delimiter + b"\r" in block
            last = block[-1:]
    return suspicious or last == delimiter


def _dialect(path: Path, header: bool | None) -> _Dialect:
    """Find delimiter and names from the first lines.

    The delimiter is the one for which most of the first rows are as long as
    the first line; among equals the one that makes most columns.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:4096]:
            raise DataError(
                f"{path.name}: the file is not UTF-8 text; it begins like UTF-16 or a binary "
                "file.\nSave it as UTF-8."
            )
        candidates = "\t,;|" if path.suffix.lower() == ".tsv" else ",;\t|"
        best: tuple[float, int] = (-1.0, 0)
        delimiter, first = candidates[0], [""]
        for candidate in candidates:
            records = [record for record in _head(path, candidate) if record]
            if not records:
                raise DataError(f"{path.name}: the file is blank. A table needs names and rows.")
            width = len(records[0])
            if width == 1 and candidate != candidates[0]:
                continue
            alike = [len(record) == width for record in records[1:]]
            score = (sum(alike) / len(alike) if alike else 1.0, width)
            if width == 1:
                score = (-0.5, 1)  # one column only if no candidate makes more
            if score > best:
                best, delimiter, first = score, candidate, records[0]
    except UnicodeDecodeError as error:
        raise _encoding_error(path) or _unreadable(path, error) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if header is False:
        return _Dialect(delimiter, tuple(f"column{i}" for i in range(len(first))), header=False)
    names = tuple(name.strip() for name in first)
    for name in names:
        if header is None and _is_number(name):
            raise DataError(
                f"{path.name}:1: the number {quote(name)} stands where a column's name should be."
                "\nWrite the names on the first line; for a file without names, or with numbers "
                "as names, say so (header=False or header=True)."
            )
    return _Dialect(delimiter, names, header=True)


def _head(path: Path, delimiter: str) -> list[list[str]]:
    """Read the first records, as far as they can be told apart."""
    records = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for record in itertools.islice(reader, 100):
                records.append(record)  # noqa: PERF402 - what came before an error is kept
        except csv.Error:
            pass
    return records


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _strays(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Find the cells that are no numbers in columns that are numbers otherwise.

    A column counts as numbers if more than half of its cells are, and the
    rest is little: a tenth of the cells, or three different spellings; or if
    all would be, with a point for the comma. So "n/a" among ages is a fault,
    and ticket codes of which most happen to be digits are text.
    """
    if not columns:
        return {}
    # Cells such as 007 are numbers to a cast and codes to DuckDB's sniffer,
    # which is right: such a column has no strays and stays text.
    counts = connection.execute(
        "SELECT "
        + ", ".join(
            f"count({c}), count(TRY_CAST({c} AS DOUBLE)), "
            f"count(TRY_CAST(replace({c}, ',', '.') AS DOUBLE))"
            for c in columns
        )
        + " FROM rows"
    ).fetchone()
    assert counts is not None  # an aggregate always has its row
    found = {}
    for column, filled, fitting, with_point in zip(
        columns, counts[::3], counts[1::3], counts[2::3], strict=True
    ):
        decimal_commas = with_point == filled > fitting
        if not (decimal_commas or filled / 2 < fitting < filled):
            continue
        rows = connection.execute(
            f"SELECT DISTINCT {column} FROM rows "
            f"WHERE {column} IS NOT NULL AND TRY_CAST({column} AS DOUBLE) IS NULL"
        ).fetchall()
        if decimal_commas or len(rows) <= 3 or (filled - fitting) * 10 <= filled:
            found[column] = frozenset(row[0] for row in rows)
    return found


def _stray_error(path: Path, dialect: _Dialect, strays: dict[int, frozenset[str]]) -> DataError:
    """Name the lines of cells that are no numbers."""
    faults = []
    count = 0
    try:
        for line, record in _records(path, dialect):
            for position, spellings in strays.items():
                if position < len(record) and record[position] in spellings:
                    count += 1
                    if count <= _SHOWN:
                        faults.append(
                            f"{path.name}:{line}: column {quote(dialect.names[position])}: "
                            f"cannot read {quote(record[position])} as a number"
                        )
    except _QuoteError:
        pass  # a cell beyond the csv module's limit: what came before it is named
    if not faults:
        # The two parsers took the cells apart differently; there is no line.
        faults = [
            f"{path.name}: column {quote(dialect.names[position])}: cannot read "
            f"{_listed(map(quote, sorted(spellings)))} as a number"
            for position, spellings in strays.items()
        ]
    named = json.dumps([dialect.names[position] for position in strays], ensure_ascii=False)
    commas = any(
        _is_number(each.replace(",", ".")) for spellings in strays.values() for each in spellings
    )
    return DataError(
        "\n".join(faults)
        + (f"\nand {count - _SHOWN} more" if count > _SHOWN else "")
        + "\nThe column's other cells are numbers. Correct these"
        + (" (decimals are written with a point, not a comma)" if commas else "")
        + f", or in Python\nread the column as text: nnplug.tables.read_table(path, text={named})."
    )


def _records(path: Path, dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows of a text file, each with the line it begins on."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=dialect.delimiter, strict=True)
        line = 1
        seen = not dialect.header
        try:
            for record in reader:
                if record and seen:
                    yield line, record
                seen = seen or bool(record)
                line = reader.line_num + 1
        except csv.Error as error:
            raise _QuoteError(line, str(error)) from None


class _QuoteError(Exception):
    """A record cannot be taken apart."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def _diagnosed(path: Path, dialect: _Dialect, error: Exception) -> DataError:
    """Find out why DuckDB refused a text file."""
    found = _encoding_error(path) or _fault(path, dialect) or _mixed_line_ends(path)
    if found is not None:
        return found
    first = str(error).strip().splitlines()[0][:200]
    return DataError(f"{path.name}: the file cannot be read as a table: {first}")


def _fault(path: Path, dialect: _Dialect) -> DataError | None:
    """Name the rows that are not as long as the first line, and open quotes."""
    width = len(dialect.names)
    faults = []
    count = 0
    advice = ""
    try:
        for line, record in _records(path, dialect):
            if len(record) != width:
                count += 1
                if count <= _SHOWN:
                    faults.append(
                        f"{path.name}:{line}: the row has {len(record)} "
                        f"{'cell' if len(record) == 1 else 'cells'}, the first line {width}"
                    )
    except _QuoteError as wrong:
        count += 1
        if "end of data" in wrong.reason:
            reason = "a quote is opened and never closed"
        elif "field limit" in wrong.reason:
            reason = "a cell is longer than 131072 characters, perhaps for want of a closing quote"
        else:
            reason = "text follows a closing quote"
            advice = ' A quote inside a quoted cell is written twice ("").'
        faults.append(f"{path.name}:{wrong.line}: {reason}")
    if not faults:
        return None
    if not advice and any("the first line" in fault for fault in faults):
        advice = (
            f" The delimiter is {quote(dialect.delimiter)}; a cell that holds one needs "
            "quotes around it."
        )
    hidden = count - len(faults)
    more = f"\nand {hidden} more" if hidden else ""
    return DataError("\n".join(faults) + f"{more}\nCorrect the file.{advice}")


def _encoding_error(path: Path) -> DataError | None:
    """Name the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return DataError(
                    f"{path.name}:{number}: the file is not UTF-8 text (byte "
                    f"0x{line[error.start]:02x} at position {error.start + 1} of the line).\n"
                    "Save it as UTF-8; an encoding is not guessed."
                )
    return None


def _mixed_line_ends(path: Path) -> DataError | None:
    """Name the first line that ends otherwise than the line before."""
    ends: bytes | None = None
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            end = b"\r\n" if line.endswith(b"\r\n") else line[-1:]
            if end not in (b"\r\n", b"\n"):
                continue  # the last line may have none
            if ends is not None and end != ends:
                return DataError(
                    f"{path.name}:{number}: the line ends in {_LINE_ENDS[end]}, those before in "
                    f"{_LINE_ENDS[ends]}.\nSave the file with one kind of line end."
                )
            ends = end
    return None


_LINE_ENDS = {b"\r\n": "CR LF (Windows)", b"\n": "LF (Unix)"}


# ------------------------------------------------------------------- Parquet


def _read_parquet(path: Path, text: tuple[str, ...]) -> Table:
    import duckdb  # noqa: PLC0415 - see _connect

    source = path.name
    where = f"read_parquet({_location(path)}, hive_partitioning=false)"
    with _connect() as connection:
        try:
            # The file's own names: DuckDB renames those that are double, and
            # takes "Age" and "age" for one.
            schema = connection.execute(
                f"SELECT name, num_children FROM parquet_schema({_location(path)})"
            ).fetchall()
            names = _top_names(schema)
            _check_names(source, names)
            _check_known(source, text, names)
            described = connection.execute(f"DESCRIBE SELECT * FROM {where}").fetchall()
            theirs = [str(row[0]) for row in described]
            types = {str(row[0]): str(row[1]) for row in described}
            return _fetched(
                connection,
                where,
                names=dict(zip(theirs, names, strict=True)),
                types=types,
                source=source,
                as_text=text,
            )
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0]
            raise DataError(
                f"{source}: the file cannot be read as Parquet: {first}\n"
                "It may be cut short, or another format under this name."
            ) from None


def _top_names(schema: Sequence[tuple[Any, ...]]) -> list[str]:
    """Pick the columns from a schema that is listed depth first."""
    names = []
    position = 1  # after the root
    while position < len(schema):
        names.append(str(schema[position][0]))
        open_nodes = 1
        while open_nodes:
            open_nodes += int(schema[position][1] or 0) - 1
            position += 1
    return names


# ---------------------------------------------------------- DuckDB's columns

_NUMBERS = ("FLOAT", "DOUBLE", "DECIMAL")
_INTEGERS = frozenset(
    f"{sign}{size}"
    for sign in ("", "U")
    for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
) | {"BIGNUM"}


def _kind(type_name: str) -> Kind | None:
    """Tell the kind of one of DuckDB's types; None if it has none."""
    if type_name.endswith("]"):
        return None
    stem = type_name.partition("(")[0]
    if stem in _INTEGERS or stem in _NUMBERS:
        return "number"
    if stem == "BOOLEAN":
        return "boolean"
    if stem in ("VARCHAR", "ENUM", "UUID"):
        return "text"
    if stem == "DATE" or stem.startswith("TIME"):
        return "date"
    return None


def _fetched(
    connection: duckdb.DuckDBPyConnection,
    where: str,
    *,
    names: Mapping[str, str],
    types: Mapping[str, str],
    source: str,
    as_text: tuple[str, ...] = (),
) -> Table:
    """Fetch columns, names and types keyed by DuckDB's names, as a table."""
    kinds: dict[str, Kind] = {}
    selected = []
    for position, (theirs, name) in enumerate(names.items()):
        kind = "text" if name in as_text else _kind(types[theirs])
        if kind is None:
            raise DataError(
                f"{source}: column {quote(name)} holds {types[theirs]}, which is neither "
                "numbers, truth values, text nor dates.\nTake the column out or convert it."
            )
        kinds[theirs] = kind
        cell = _identifier(theirs)
        if types[theirs] == "BIGNUM":
            cell = f"CAST({cell} AS VARCHAR)"  # which overflows to infinity, as 1e400 does
        if kind == "date" and types[theirs].startswith("TIME "):
            cell = f"CAST({cell} AS TIME)"  # with a time zone
        if kind == "date" and types[theirs].partition(" ")[0] == "TIME":
            cell = f"DATE '1970-01-01' + {cell}"
        sql = {"number": "DOUBLE", "boolean": "BOOLEAN", "text": "VARCHAR", "date": "TIMESTAMP"}
        selected.append(f"CAST({cell} AS {sql[kind]}) AS c{position}")
    fetched = connection.execute(f"SELECT {', '.join(selected)} FROM {where}").fetchnumpy()
    columns = []
    for position, (theirs, name) in enumerate(names.items()):
        array = fetched[f"c{position}"]
        columns.append(
            _column(
                name,
                kinds[theirs],
                np.ma.getdata(array),
                np.ma.getmaskarray(array) if np.ma.isMaskedArray(array) else None,
                integer=types[theirs] in _INTEGERS and kinds[theirs] == "number",
            )
        )
    return _table(columns, source)


def _column(
    name: str, kind: Kind, values: AnyArray, missing: BoolArray | None, *, integer: bool
) -> Column:
    """Make a column with one filling for what is missing."""
    dtype = {"number": "f8", "boolean": "?", "text": "O", "date": "M8[us]"}[kind]
    filling: Any = {"number": np.nan, "boolean": False, "text": "", "date": "NaT"}[kind]
    if kind in ("number", "date"):
        unset = np.isnan(values) if kind == "number" else np.isnat(values)
        missing = unset if missing is None else missing | unset
    if missing is None or not missing.any():
        return Column(name, kind, np.ascontiguousarray(values, dtype), None, integer)
    filled = np.full(values.shape, filling, dtype)
    filled[~missing] = values[~missing]
    return Column(name, kind, filled, np.ascontiguousarray(missing), integer)


def _table(columns: Sequence[Column], source: str) -> Table:
    """Make a table, refusing one without rows."""
    rows = len(columns[0].values)
    if rows == 0:
        raise DataError(f"{source}: the table has no rows, only the names of its columns.")
    return Table(tuple(columns), source, rows)


# --------------------------------------------------------------- data frames


def table_from(data: object, *, source: str = "the data") -> Table:
    """Make a table from data in memory.

    Parameters
    ----------
    data : DataFrame of pandas or polars, pyarrow Table, or mapping
        A mapping takes the names of columns to arrays or lists of shape (N,).
        Names that are not text are written as text. A pandas categorical
        is text, whatever its categories are.
    source : str
        What messages call the data.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If it is none of these, has no rows, its names are empty or double,
        or a column mixes kinds or has one that cannot be used.
    """
    if isinstance(data, Table):
        return data
    # Their libraries are not imported: whoever has a frame has its library.
    anything: Any = data
    names: list[Any]
    series: list[Any]
    if isinstance(data, Mapping):
        names, series = list(data), list(data.values())
    elif hasattr(data, "iloc") and hasattr(data, "columns"):  # pandas
        names = list(anything.columns)
        series = [anything.iloc[:, i] for i in range(len(names))]
    elif hasattr(data, "get_columns"):  # polars
        series = list(anything.get_columns())
        names = [each.name for each in series]
    elif hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow
        names = list(anything.column_names)
        series = [anything.column(i) for i in range(len(names))]
    else:
        raise DataError(
            f"{source}: a {type(data).__name__} is not a table.\nGive a DataFrame of pandas or "
            "polars, a pyarrow Table, or a dict from column names to arrays."
        )
    labels = [str(name) for name in names]
    _check_names(source, labels)
    columns = [
        _from_series(label, each, source) for label, each in zip(labels, series, strict=True)
    ]
    length = len(columns[0].values)
    for column in columns:
        if len(column.values) != length:
            raise DataError(
                f"{source}: column {quote(column.name)} has {len(column.values)} values, "
                f"{quote(columns[0].name)} has {length}. All need the same number."
            )
    return _table(columns, source)


def _from_series(name: str, series: Any, source: str) -> Column:
    """Make a column from one of a data frame, an array or a list."""
    type_name = str(getattr(series, "dtype", getattr(series, "type", ""))).lower()
    missing: BoolArray | None = None
    for method in ("isna", "is_null"):  # pandas; polars and pyarrow
        if hasattr(series, method):
            missing = np.asarray(getattr(series, method)(), dtype=bool)
            break
    if isinstance(series, np.ma.MaskedArray):
        values, missing = np.ma.getdata(series), np.ma.getmaskarray(series)
    elif isinstance(series, np.ndarray):
        values = series
    elif type_name == "category":
        values = np.asarray(series.astype(object)).astype(str).astype(object)
    elif type_name.startswith("datetime64[") and hasattr(series, "isna"):
        values = series.to_numpy("datetime64[us]")  # drops the time zone, keeps the instant
    elif hasattr(series, "to_numpy"):
        values = series.to_numpy()
    elif isinstance(series, Sequence) and not isinstance(series, str | bytes):
        # As objects, since NumPy would turn [1, "a"] into text silently.
        values = np.empty(len(series), object)
        values[:] = list(series)
    else:
        raise DataError(
            f"{source}: column {quote(name)} is a {type(series).__name__}. "
            "Give an array or a list of shape (N,)."
        )
    if values.ndim != 1:
        raise DataError(
            f"{source}: column {quote(name)} has shape {values.shape}. A column has shape (N,)."
        )
    return _from_array(name, values, missing, type_name.startswith(("int", "uint")), source)


def _from_array(
    name: str, values: AnyArray, missing: BoolArray | None, integer: bool, source: str
) -> Column:
    """Make a column from an array of any dtype."""
    code = values.dtype.kind
    if code in "iuf":
        return _column(name, "number", values, missing, integer=integer or code in "iu")
    if code == "b":
        return _column(name, "boolean", values, missing, integer=False)
    if code == "M":
        return _column(name, "date", values.astype("M8[us]"), missing, integer=False)
    if code == "U":
        return _column(name, "text", values.astype(object), missing, integer=False)
    if code == "T":  # NumPy's variable-width text, which may hold its own NaN
        return _from_objects(name, values.astype(object), missing, source)
    if code != "O":
        raise DataError(
            f"{source}: column {quote(name)} is an array of {values.dtype}, which is neither "
            "numbers, truth values, text nor dates.\nTake the column out or convert it."
        )
    return _from_objects(name, values, missing, source)


def _from_objects(name: str, values: AnyArray, missing: BoolArray | None, source: str) -> Column:
    """Make a column from Python objects, which must be of one kind."""
    types = list(map(type, values.tolist()))
    found = set(types)
    if missing is None:
        missing = np.zeros(len(values), bool)
    blank = {each for each in found if each.__name__ in ("NoneType", "NAType", "NaTType")}
    if blank:
        missing = missing | np.fromiter(map(blank.__contains__, types), bool, len(types))
    if float in found or np.float64 in found:
        # NaN is the only value that differs from itself; pandas' NA is gone.
        kept = np.flatnonzero(~missing)
        missing = missing.copy()
        missing[kept] = [value != value for value in values[kept].tolist()]  # noqa: PLR0124  # only NaN differs from itself
    present = values[~missing].tolist()
    by_type = {each: _kind_of_type(each) for each in set(map(type, present))}
    kinds = set(by_type.values())
    if not kinds:  # nothing but missing values
        return _column(name, "text", values, missing, integer=False)
    first = by_type[type(present[0])]
    if len(kinds) > 1 or first is None:
        position, value = next(
            (i, values[i])
            for i in np.flatnonzero(~missing)
            if by_type[type(values[i])] is None or by_type[type(values[i])] != first
        )
        reason = (
            f"is not a number, truth value, text or date ({type(value).__name__})"
            if by_type[type(value)] is None
            else f"is {_KIND_NAMES[by_type[type(value)]]}, and the first is {_KIND_NAMES[first]}"
        )
        raise DataError(
            f"{source}: column {quote(name)}: the value {show(value)} in row {position + 1} "
            f"{reason}.\nTake the column out or bring it to one kind."
        )
    array: AnyArray
    try:
        if first == "number":
            array = np.array(present, np.float64)
        elif first == "date":
            array = _instants(present)
        else:
            array = np.array(present, bool if first == "boolean" else object)
    except (OverflowError, ValueError, TypeError) as error:
        raise DataError(f"{source}: column {quote(name)} cannot be read: {error}.") from None
    if missing.any():
        whole: Any = np.zeros(len(values), array.dtype)
        whole[~missing] = array
        array = whole
    integer = first == "number" and all(issubclass(each, numbers.Integral) for each in by_type)
    return _column(name, first, array, missing, integer=integer)


_KIND_NAMES: dict[Kind | None, str] = {
    "number": "a number",
    "boolean": "a truth value",
    "text": "text",
    "date": "a date",
}


def _kind_of_type(each: type) -> Kind | None:
    if issubclass(each, bool | np.bool_):
        return "boolean"
    if issubclass(each, numbers.Real | decimal.Decimal):
        return "number"
    if issubclass(each, str):
        return "text"
    if issubclass(each, datetime.date | datetime.time | np.datetime64):
        return "date"
    return None


def _instants(present: list[Any]) -> AnyArray:
    """Bring dates and times of day, these on 1970-01-01, to datetime64."""
    if any(isinstance(each, datetime.time) for each in present):
        day = datetime.date(1970, 1, 1)
        present = [
            datetime.datetime.combine(day, each) if isinstance(each, datetime.time) else each
            for each in present
        ]
    with warnings.catch_warnings():
        # NumPy says that it drops time zones; the instants stay what they are.
        warnings.simplefilter("ignore", UserWarning)
        return np.array(present, "M8[us]")
