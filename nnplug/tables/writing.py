"""Writing: columns as a CSV or Parquet file, a chunk of rows at a time."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np

from nnplug.durable import Disk, NewFile
from nnplug.errors import SettingError, StorageError, suggest
from nnplug.tables.duck import interruptible
from nnplug.types import AnyArray

__all__ = ["WRITTEN_SUFFIXES", "CsvStream", "TableWriter", "write_table"]

WRITTEN_SUFFIXES = (".csv", ".tsv", ".parquet")
"""The suffixes of files that can be written."""

QUOTED_NOTHING = '""'

_RISKY = ("=", "+", "-", "@", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_SQL_TYPES = {"f": "DOUBLE", "i": "BIGINT", "u": "UBIGINT", "b": "BOOLEAN", "M": "TIMESTAMP"}


class _Sink(Protocol):
    """Where chunks of rows go."""

    def write(self, columns: Mapping[str, AnyArray]) -> None: ...

    def finish(self) -> None: ...


class TableWriter:
    """A table that is written a chunk of rows at a time.

    Use it in a `with` statement: at its end the whole file appears, and after
    an exception there is none. See `nnplug.durable.NewFile`.

    Parameters
    ----------
    path : path
        Ends in `.csv`, `.tsv` or `.parquet`.
    overwrite : bool, optional
        Whether an existing file may be replaced.
    disk : Disk, optional

    Raises
    ------
    SettingError
        If the name has another suffix.
    StorageError
        If the file exists and may not be replaced, or writing fails.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, disk: Disk | None = None
    ) -> None:
        self.path = Path(path)
        self.rows = 0
        suffix = self.path.suffix.lower()
        if suffix not in WRITTEN_SUFFIXES:
            raise SettingError(
                f"{path}: the name of a table to write must end in {', '.join(WRITTEN_SUFFIXES)}."
                + suggest(suffix, WRITTEN_SUFFIXES)
            )
        self._file = NewFile(path, overwrite=overwrite, disk=disk)
        self._suffix = suffix
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._file)
        try:
            self._sink = self._open_sink()
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _open_sink(self) -> _Sink:
        if self._suffix == ".parquet":
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="nnplug-"))
            sink = _ParquetSink(Path(folder), self._file.temporary)
            self._stack.callback(sink.close)
            return sink
        return CsvStream(self._file, "\t" if self._suffix == ".tsv" else ",")

    def write(self, columns: Mapping[str, AnyArray]) -> None:
        """Append rows.

        Parameters
        ----------
        columns : mapping of str to array
            Each (N,): numbers, truth values, dates, or texts as objects. The
            names are the same in each call. NaN, NaT, None and what is masked
            are missing values.
        """
        self._sink.write(columns)
        self.rows += len(next(iter(columns.values())))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._sink.finish()
            except BaseException as fault:
                self._stack.__exit__(type(fault), fault, fault.__traceback__)
                raise
        self._stack.__exit__(kind, error, traceback)


def write_table(
    path: str | os.PathLike[str],
    columns: Mapping[str, AnyArray],
    *,
    overwrite: bool = False,
    disk: Disk | None = None,
) -> None:
    """Write a whole table; see `TableWriter`.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> write_table(path, {"name": np.array(["=1+1", "-2"], object), "x": np.array([0.5, np.nan])})
    >>> print(path.read_text(), end="")
    name,x
    '=1+1,0.5
    -2,
    """
    with TableWriter(path, overwrite=overwrite, disk=disk) as writer:
        writer.write(columns)


# --- delimited text ---------------------------------------------------------------------


class CsvStream:
    """Rows as UTF-8 delimited text: names first, a line feed after each row.

    A text that a spreadsheet would take for a formula, because it begins with
    = + - @ or a control character, gets an apostrophe in front, unless it is
    a plain number.

    Parameters
    ----------
    file : file
        Open for writing bytes, or anything else with such a `write`.
    delimiter : str, optional
    """

    def __init__(self, file: BinaryIO | NewFile, delimiter: str = ",") -> None:
        self.file, self.delimiter = file, delimiter
        self._begun = False
        # One search tells the texts that need no care, which most are.
        signs = re.escape(f'{delimiter}"\n\r')
        self._special = re.compile(rf"[{signs}]|^[{re.escape(''.join(_RISKY))}]|^$")

    def write(self, columns: Mapping[str, AnyArray]) -> None:
        """Append rows; see `TableWriter.write`."""
        lines = zip(*(self._cells(column) for column in columns.values()), strict=True)
        # An empty line would not be a row.
        text = "".join(f"{self.delimiter.join(cells) or QUOTED_NOTHING}\n" for cells in lines)
        if not self._begun:
            self._begun = True
            text = f"{self.delimiter.join(map(self._text, columns))}\n{text}"
        self.file.write(text.encode("utf-8", "surrogatepass"))

    def finish(self) -> None:
        """Do nothing: every row is written already."""

    def _cells(self, column: AnyArray) -> list[str]:
        """Write the values as text."""
        kind = column.dtype.kind
        if kind == "b":
            words = {None: "", True: "true", False: "false"}
            return [words[value] for value in column.tolist()]
        if kind == "f":
            # str of NumPy's own scalar: the shortest text that gives a float32 back.
            wide = column.dtype.itemsize == 8
            texts = map(repr, column.tolist()) if wide else map(str, column)
            return ["" if text == "nan" else text for text in texts]
        if kind == "M":
            return _dates(column)
        if kind in "iu":
            return ["" if value is None else str(value) for value in column.tolist()]
        return ["" if value is None else self._text(str(value)) for value in column.tolist()]

    def _text(self, text: str) -> str:
        if self._special.search(text) is None:
            return text
        if text.startswith(_RISKY) and not _PLAIN_NUMBER.fullmatch(text):
            text = f"'{text}"
        if any(sign in text for sign in (self.delimiter, '"', "\n", "\r")) or not text:
            return '"' + text.replace('"', '""') + '"'
        return text


def _dates(column: AnyArray) -> list[str]:
    """Write days, or instants if any of them has a time of day."""
    days = column.astype("datetime64[D]")
    whole = (days.astype(column.dtype) == column) | np.isnat(column)
    texts = np.datetime_as_string(days if whole.all() else column.astype("datetime64[us]"))
    return ["" if text == "NaT" else text for text in texts.tolist()]


# --- Parquet ----------------------------------------------------------------------------


class _ParquetSink:
    """Collects rows in a database on disk, since Parquet is written column by column."""

    def __init__(self, folder: Path, target: Path) -> None:
        import duckdb  # noqa: PLC0415  # large, and only Parquet needs it

        self.target = target
        self.connection = duckdb.connect(
            str(folder / "rows.duckdb"),
            config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
        )
        # The bar would go to stdout, among the results.
        self.connection.execute("SET enable_progress_bar = false")
        self._begun = False

    def write(self, columns: Mapping[str, AnyArray]) -> None:
        ours = {f"c{number}": _plain(column) for number, column in enumerate(columns.values())}
        if not self._begun:
            self._begun = True
            self.names = list(columns)
            listed = ", ".join(
                f"{name} {_sql_type(column)}"
                for name, column in zip(ours, columns.values(), strict=True)
            )
            self.connection.execute(f"CREATE TABLE rows ({listed})")
        self.connection.register("part", ours)
        self._execute("INSERT INTO rows SELECT * FROM part")
        self.connection.unregister("part")

    def finish(self) -> None:
        quoted = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in self.names]
        cells = ", ".join(f"c{number} AS {name}" for number, name in enumerate(quoted))
        path = str(self.target).replace("'", "''")
        # Without a temporary file of its own: the target is one, and stays open.
        self._execute(
            f"COPY (SELECT {cells} FROM rows) TO '{path}' (FORMAT parquet, USE_TMP_FILE false)"
        )

    def close(self) -> None:
        self.connection.close()

    def _execute(self, query: str) -> None:
        import duckdb  # noqa: PLC0415  # see __init__

        try:
            with interruptible(self.connection):
                self.connection.execute(query)
        except duckdb.IOException as error:
            raise StorageError(f"The Parquet file cannot be written: {error}") from None


def _sql_type(column: AnyArray) -> str:
    if column.dtype == np.float32:
        return "FLOAT"
    return _SQL_TYPES.get(column.dtype.kind, "VARCHAR")


def _plain(column: AnyArray) -> AnyArray:
    """Turn a column into what DuckDB takes: NaN as missing, texts as objects."""
    if column.dtype.kind == "f" and np.isnan(column).any():
        return np.ma.masked_invalid(column)
    if column.dtype.kind == "M":
        return column.astype("datetime64[us]")
    return column.astype(object) if column.dtype.kind in "US" else column
