"""Tables: reading files and data frames, and turning them into numbers."""

from nnplug.tables.encoder import Encoder
from nnplug.tables.frames import as_kinds, table_from
from nnplug.tables.given import matrix, table_of
from nnplug.tables.loading import Loaded, load_rows, row_weights
from nnplug.tables.options import ReadOptions, TableOptions
from nnplug.tables.preparation import Prepared, Wishes, prepare_table
from nnplug.tables.reading import SUFFIXES, is_pattern, open_relation, read_table
from nnplug.tables.splitting import Parts, Split, split_rows
from nnplug.tables.streaming import RowsOnDisk
from nnplug.tables.table import Column, Table

__all__ = [
    "SUFFIXES",
    "Column",
    "Encoder",
    "Loaded",
    "Parts",
    "Prepared",
    "ReadOptions",
    "RowsOnDisk",
    "Split",
    "Table",
    "TableOptions",
    "Wishes",
    "as_kinds",
    "is_pattern",
    "load_rows",
    "matrix",
    "open_relation",
    "prepare_table",
    "read_table",
    "row_weights",
    "split_rows",
    "table_from",
    "table_of",
]
