"""Tables: reading files and data frames, and turning them into numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnplug.lazy import lazy_names

if TYPE_CHECKING:
    from nnplug.tables.encoder import Encoder as Encoder
    from nnplug.tables.folds import parts_of as parts_of
    from nnplug.tables.formats import is_pattern as is_pattern
    from nnplug.tables.frames import as_kinds as as_kinds
    from nnplug.tables.frames import table_from as table_from
    from nnplug.tables.frames import with_rows as with_rows
    from nnplug.tables.loading import load_rows as load_rows
    from nnplug.tables.options import ReadOptions as ReadOptions
    from nnplug.tables.preparation import Prepared as Prepared
    from nnplug.tables.preparation import prepare_table as prepare_table
    from nnplug.tables.reading import open_table as open_table
    from nnplug.tables.reading import read_table as read_table
    from nnplug.tables.reading import table_of as table_of
    from nnplug.tables.rows import Rows as Rows
    from nnplug.tables.rows import matrix as matrix
    from nnplug.tables.rows import row_weights as row_weights
    from nnplug.tables.splitting import Parts as Parts
    from nnplug.tables.splitting import Split as Split
    from nnplug.tables.splitting import split_rows as split_rows
    from nnplug.tables.streaming import RowsOnDisk as RowsOnDisk
    from nnplug.tables.table import Column as Column
    from nnplug.tables.table import Table as Table
    from nnplug.tables.wishes import TableOptions as TableOptions
    from nnplug.tables.wishes import Wishes as Wishes

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "nnplug.tables.encoder": ("Encoder",),
        "nnplug.tables.folds": ("parts_of",),
        "nnplug.tables.formats": ("is_pattern",),
        "nnplug.tables.frames": ("as_kinds", "table_from", "with_rows"),
        "nnplug.tables.options": ("ReadOptions",),
        "nnplug.tables.preparation": ("Prepared", "prepare_table"),
        "nnplug.tables.reading": ("open_table", "read_table", "table_of"),
        "nnplug.tables.loading": ("load_rows",),
        "nnplug.tables.rows": ("Rows", "matrix", "row_weights"),
        "nnplug.tables.splitting": ("Parts", "Split", "split_rows"),
        "nnplug.tables.streaming": ("RowsOnDisk",),
        "nnplug.tables.table": ("Column", "Table"),
        "nnplug.tables.wishes": ("TableOptions", "Wishes"),
    },
)

__all__ = [
    "Column",
    "Encoder",
    "Parts",
    "Prepared",
    "ReadOptions",
    "Rows",
    "RowsOnDisk",
    "Split",
    "Table",
    "TableOptions",
    "Wishes",
    "as_kinds",
    "is_pattern",
    "load_rows",
    "matrix",
    "open_table",
    "parts_of",
    "prepare_table",
    "read_table",
    "row_weights",
    "split_rows",
    "table_from",
    "table_of",
    "with_rows",
]
