"""Data frames, arrays and lists as tables."""

from __future__ import annotations

import datetime
import decimal
import numbers
import warnings
from collections.abc import Mapping, Sequence
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
    make_column,
    make_table,
)
from nnplug.tables.wording import quote, show
from nnplug.types import AnyArray

__all__ = ["as_kinds", "column_of", "table_from"]


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
    check_names(source, labels)
    columns = [column_of(label, each, source) for label, each in zip(labels, series, strict=True)]
    length = len(columns[0])
    for column in columns:
        if len(column) != length:
            raise DataError(
                f"{source}: column {quote(column.name)} has {len(column)} values, "
                f"{quote(columns[0].name)} has {length}. All need the same number."
            )
    return make_table(columns, source)


def column_of(name: str, series: Any, source: str) -> Column:
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
        return make_column(name, "number", values, missing, integer=integer or code in "iu")
    if code == "b":
        return make_column(name, "boolean", values, missing, integer=False)
    if code == "M":
        return make_column(name, "date", values.astype("M8[us]"), missing, integer=False)
    if code == "U":
        return make_column(name, "text", values.astype(object), missing, integer=False)
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
    return make_column(name, first, array, missing, integer=integer)


_ONE_OF: dict[Kind | None, str] = {
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


def as_kinds(table: Table, *, text: Sequence[str] = (), numeric: Sequence[str] = ()) -> Table:
    """Bring columns to text, or to numbers, whatever they are.

    Raises
    ------
    DataError
        If a text is no number.
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
                f"{quote(column.words[code])} in row {row + 1} as a number"
            ) from None
    return make_column(column.name, "number", numbers[column.data], column.missing)
