"""A sheet of an Excel workbook as a table, with its cells as they are typed there."""

from __future__ import annotations

import itertools
import json
import warnings
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.errors import DataError, NnplugWarning, suggest
from nnplug.tables.json_lines import load_records
from nnplug.tables.numerals import reads_as_number
from nnplug.tables.options import ReadOptions
from nnplug.tables.relation import Field, index_note
from nnplug.tables.table import check_names
from nnplug.tables.text_file import TextFile, unreadable
from nnplug.tables.wording import listed, quote, shell_word
from nnplug.tables.workbook import Cell, Row, Workbook, column_letters, open_workbook

if TYPE_CHECKING:
    import duckdb

__all__ = ["load_excel"]

_HEAD = 50
"""Rows in which the names are looked for, if they are not in the first one."""


def load_excel(
    connection: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions, scratch: Path
) -> tuple[Field, ...]:
    """Load a sheet into the table `part` with the columns c0, c1 and so on.

    Its rows become lines of JSON, which keep the type of each cell: a number,
    a truth value, text, or a date, if the format of a number shows a date.

    Raises
    ------
    DataError
        If it cannot be read as a table, with the row at fault.
    """
    copy = scratch / "rows.jsonl"
    try:
        with open_workbook(path, options) as book, copy.open("w", encoding="utf-8") as target:
            sheet = _choose(book, options.sheet)
            rows = (row for row in book.rows(sheet) if row[0] > options.skip)
            head = list(itertools.islice(rows, _HEAD))
            if not head:
                raise DataError(
                    f"{path.name}: the sheet {quote(sheet)} is empty. A table needs names and rows."
                )
            names = _names(path.name, head, options)
            lines = array("q")
            records = _records(path.name, itertools.chain(head, rows), names, options)
            empty: dict[str, object] = dict.fromkeys(names.values())
            for number, record in records:
                # The first line has all columns, so that an empty column is there too.
                target.write(json.dumps(record if lines else empty | record) + "\n")
                lines.append(number)
    except OSError as error:
        raise unreadable(path, error) from None
    if not lines:
        raise DataError(f"{path.name}: the table has no rows, only the names of its columns.")
    text = TextFile(copy, path.name, lines, unit="row", longest=-1)
    return load_records(connection, text, options)


def _choose(book: Workbook, wanted: str | None) -> str:
    """Choose the sheet to read."""
    sheets = book.sheets
    if not sheets:
        raise DataError(f"{book.source}: the workbook has no visible sheet with cells.")
    if wanted is None:
        if len(sheets) > 1:
            warnings.warn(
                f"{book.source}: the first of {len(sheets)} sheets is read, {quote(sheets[0])}. "
                f"Another: --read {shell_word(f'sheet={sheets[1]}')}",
                NnplugWarning,
                stacklevel=2,
            )
        return sheets[0]
    if wanted not in sheets:
        raise DataError(
            f"{book.source}: there is no sheet {quote(wanted)}.{suggest(wanted, sheets)}\n"
            f"Its sheets are {listed(map(quote, sheets))}."
        )
    return wanted


def _names(source: str, head: Sequence[tuple[int, Row]], options: ReadOptions) -> dict[int, str]:
    """Find the names of the columns; an index that pandas wrote has none."""
    number, first = head[0]
    if options.header is False:
        width = max(max(cells) for _, cells in head) + 1
        return {column: f"column{column}" for column in range(width)}
    names = {column: str(cell).strip() for column, cell in first.items()}
    beyond = {column for _, cells in head[1:] for column in cells} - set(names)
    if beyond - {min(names) - 1}:
        raise _preamble(source, head) or _nameless(source, head, min(beyond))
    for name in names.values():
        if options.header is None and reads_as_number(name):
            raise _preamble(source, head) or DataError(
                f"{source}: row {number}: the number {quote(name)} stands where a column's name "
                "should be.\nWrite the names in the first row. For a sheet without names, use "
                "--read header=false;\nfor names that are numbers, --read header=true."
            )
    check_names(source, list(names.values()))
    return names


def _nameless(source: str, head: Sequence[tuple[int, Row]], column: int) -> DataError:
    row = next(number for number, cells in head[1:] if column in cells)
    return DataError(
        f"{source}: row {row}: the cell in column {column_letters(column)} has no name above it, "
        f"in row {head[0][0]}.\nName the column, or remove it. If the names are in a later row: "
        "--read skip=N skips the rows before them."
    )


def _preamble(source: str, head: Sequence[tuple[int, Row]]) -> DataError | None:
    """Say where the table seems to begin, if shorter rows come before its names."""
    for start in range(1, len(head) - 1):
        number, names = head[start]
        texts = [cell for cell in names.values() if isinstance(cell, str) and cell.strip()]
        rest = {column for _, cells in head[start + 1 :] for column in cells}
        short = all(2 * len(cells) <= len(names) for _, cells in head[:start])
        if len(texts) == len(names) == len(set(texts)) > 1 and rest <= set(names) and short:
            return DataError(
                f"{source}: the table seems to begin in row {number}, with the names "
                f"{listed(map(quote, texts), 5)};\nthe rows before are shorter.\n"
                f"If so: --read skip={number - 1}"
            )
    return None


def _records(
    source: str,
    rows: Iterator[tuple[int, Row]],
    names: dict[int, str],
    options: ReadOptions,
) -> Iterator[tuple[int, dict[str, object]]]:
    """Give the cells of each row by the names of their columns."""
    index, counted = min(names) - 1, set[Cell]()
    for number, cells in itertools.islice(rows, int(options.header is not False), None):
        if not names.keys() >= cells.keys():
            for column in sorted(cells.keys() - names.keys()):
                cell = cells[column]
                whole = not isinstance(cell, str | bool) and cell >= 0 and int(cell) == cell
                if column != index or not whole or cell in counted:
                    raise DataError(
                        f"{source}: row {number}: the cell in column {column_letters(column)} has "
                        "no name above it.\nName the column, or remove it."
                    )
                counted.add(cell)
        record = {names[column]: cell for column, cell in cells.items() if column in names}
        if record:
            yield number, dict(record)
    if counted:
        index_note(source, "the first column has no name and numbers the rows")
