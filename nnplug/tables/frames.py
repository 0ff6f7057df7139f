"""Data frames, arrays and lists as tables."""

from __future__ import annotations

import datetime
import decimal
import numbers
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnplug.errors import DataError
from nnplug.tables.table import (
    BoolArray,
    Column,
    Kind,
    Table,
    as_text,
    check_names,
    kind_error,
    make_column,
    make_table,
    stack,
)
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray

__all__ = ["as_kinds", "column_of", "table_from", "with_rows"]


def table_from(data: object, *, source: str = "the data") -> Table:
    """Make a table from data in memory.

    Parameters
    ----------
    data : DataFrame of pandas or polars, pyarrow Table, or mapping
        A mapping has arrays or lists of shape (N,) by the names of the
        columns. Names that are not text are converted to text. A pandas
        categorical is text, whatever its categories are.
    source : str
        What messages call the data.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If it is none of these, has no rows, a name is empty or used twice, or
        a column mixes kinds or has a kind that cannot be used.
    """
    if isinstance(data, Table):
        return data
    # Recognised by their methods, so that their libraries need not be installed.
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
        names = [column.name for column in series]
    elif hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow
        names = list(anything.column_names)
        series = [anything.column(i) for i in range(len(names))]
    else:
        raise DataError(
            f"{source}: a {type(data).__name__} is not a table.\nGive a DataFrame of pandas or "
            "polars, a pyarrow Table, or a dict from column names to arrays."
        )
    labels = [str(name) for name in names]
    check_names(source, labels)
    columns = [column_of(label, data, source) for label, data in zip(labels, series, strict=True)]
    length = len(columns[0])
    for column in columns:
        if len(column) != length:
            raise DataError(
                f"{source}: column {quote(column.name)} has {len(column)} values, "
                f"{quote(columns[0].name)} has {length}. All must have the same number."
            )
    return make_table(columns, source)


def with_rows(table: Table, rows: Mapping[str, Sequence[Any]]) -> Table:
    """Append rows to a table.

    Parameters
    ----------
    rows : mapping
        A list of the same length, (M,), for each of the table's columns.

    Raises
    ------
    DataError
        If a column lacks values, or they are of another kind.

    Examples
    --------
    >>> table = with_rows(table_from({"x": [1, 2], "kind": ["a", "b"]}), {"x": [3], "kind": ["a"]})
    >>> table.column("x").values.tolist(), table.column("kind").values.tolist()
    ([1.0, 2.0, 3.0], ['a', 'b', 'a'])
    """
    if set(rows) != set(table.names):
        raise DataError(
            f"{table.source}: the rows to append have the columns {', '.join(map(quote, rows))}, "
            f"and the table has {', '.join(map(quote, table.names))}.\nGive values for each."
        )
    more = table_from({name: list(rows[name]) for name in table.names}, source="the rows to append")
    columns = []
    for before, column in zip(table.columns, more.columns, strict=True):
        if column.kind != before.kind:
            raise kind_error(more.source, column, before.kind)
        # Whole numbers that are given as 2.0 leave a column of whole numbers what it is.
        whole = before.integer and all(value == int(value) for value in column.data.tolist())
        columns.append(replace(column, integer=whole))
    return stack([table, replace(more, columns=tuple(columns))])


def column_of(name: str, series: Any, source: str) -> Column:
    """Make a column from a data frame's column, an array or a list."""
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
        values = series.to_numpy("datetime64[us]")  # drops the time zone and keeps the instant
    elif hasattr(series, "to_numpy"):
        values = series.to_numpy()
    elif isinstance(series, Sequence) and not isinstance(series, str | bytes):
        # As objects, since NumPy would silently turn [1, "a"] into text.
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
        return make_column(name, "number", values, missing, integer=integer or code in "iu")
    if code == "b":
        return make_column(name, "boolean", values, missing, integer=False)
    if code == "M":
        return make_column(name, "date", values.astype("M8[us]"), missing, integer=False)
    if code == "U":
        return make_column(name, "text", values.astype(object), missing, integer=False)
    if code == "T":  # NumPy's variable-width text, which may hold a NaN
        return _from_objects(name, values.astype(object), missing, source)
    if code != "O":
        raise DataError(
            f"{source}: column {quote(name)} is an array of {values.dtype}, which is neither "
            "numbers, truth values, text nor dates.\nRemove the column or convert it."
        )
    return _from_objects(name, values, missing, source)


def _from_objects(name: str, values: AnyArray, missing: BoolArray | None, source: str) -> Column:
    """Make a column from Python objects, which must all be of one kind."""
    types = list(map(type, values.tolist()))
    found = set(types)
    if missing is None:
        missing = np.zeros(len(values), bool)
    blank = {kind for kind in found if kind.__name__ in ("NoneType", "NAType", "NaTType")}
    if blank:
        missing = missing | np.fromiter(map(blank.__contains__, types), bool, len(types))
    if float in found or np.float64 in found:
        # NaN is the only value left that differs from itself, since NA is marked already.
        kept = np.flatnonzero(~missing)
        missing = missing.copy()
        missing[kept] = [value != value for value in values[kept].tolist()]  # noqa: PLR0124  # only NaN differs from itself
    present = values[~missing].tolist()
    by_type = {value_type: _kind_of(value_type) for value_type in set(map(type, present))}
    kinds = set(by_type.values())
    if not kinds:  # nothing but missing values
        return make_column(name, "text", values, missing, integer=False)
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
            else f"is {_ONE_OF[by_type[type(value)]]}, and the first is {_ONE_OF[first]}"
        )
        raise DataError(
            f"{source}: column {quote(name)}: the value {show(value)} in row {position + 1} "
            f"{reason}.\nRemove the column or convert it to one kind."
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
        whole: AnyArray = np.zeros(len(values), array.dtype)
        whole[~missing] = array
        array = whole
    integer = first == "number" and all(issubclass(t, numbers.Integral) for t in by_type)
    return make_column(name, first, array, missing, integer=integer)


_ONE_OF: dict[Kind | None, str] = {
    "number": "a number",
    "boolean": "a truth value",
    "text": "text",
    "date": "a date",
}


def _kind_of(value_type: type) -> Kind | None:
    if issubclass(value_type, bool | np.bool_):
        return "boolean"
    if issubclass(value_type, numbers.Real | decimal.Decimal):
        return "number"
    if issubclass(value_type, str):
        return "text"
    if issubclass(value_type, datetime.date | datetime.time | np.datetime64):
        return "date"
    return None


def _instants(present: list[Any]) -> AnyArray:
    """Convert dates and times of day to datetime64; a time of day is one on 1970-01-01."""
    if any(isinstance(value, datetime.time) for value in present):
        day = datetime.date(1970, 1, 1)
        present = [
            datetime.datetime.combine(day, value) if isinstance(value, datetime.time) else value
            for value in present
        ]
    with warnings.catch_warnings():
        # NumPy warns that it drops time zones; the instants stay the same.
        warnings.simplefilter("ignore", UserWarning)
        return np.array(present, "M8[us]")


def as_kinds(table: Table, *, text: Sequence[str] = (), numeric: Sequence[str] = ()) -> Table:
    """Convert some columns to text, and others to numbers, whatever they are.

    Raises
    ------
    DataError
        If a text is not a number.
    """
    columns = [
        as_text(column)
        if column.name in text
        else _as_number(column, table.source)
        if column.name in numeric
        else column
        for column in table.columns
    ]
    return Table(tuple(columns), table.source, table.rows)


def _as_number(column: Column, source: str) -> Column:
    if column.kind == "boolean":
        return make_column(column.name, "number", column.data.astype(np.float64), column.missing)
    if column.kind != "text":
        return column
    numbers = np.full(len(column.words) + 1, np.nan)
    used = np.bincount(column.data[column.present], minlength=len(column.words)) > 0
    for code in np.flatnonzero(used).tolist():
        try:
            numbers[code] = float(column.words[code])
        except ValueError:
            row = int(np.flatnonzero(column.data == code)[0])
            raise DataError(
                f"{source}: column {quote(column.name)}: cannot read "
                f"{quote(column.words[code])} in row {row + 1} as a number.\nCorrect the value."
            ) from None
    return make_column(column.name, "number", numbers[column.data], column.missing)
