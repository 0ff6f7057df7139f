"""Tables: reading files and data frames, and turning them into numbers."""

from nnplug.tables.duck import machine_memory
from nnplug.tables.encoder import Encoder
from nnplug.tables.frames import as_kinds, table_from
from nnplug.tables.given import matrix, table_of
from nnplug.tables.options import ReadOptions, TableOptions
from nnplug.tables.preparation import CHUNK, Prepared, Wishes, prepare_table, with_file
from nnplug.tables.reading import (
    SUFFIXES,
    is_pattern,
    is_sqlite_path,
    open_relation,
    read_table,
)
from nnplug.tables.relation import Relation
from nnplug.tables.splitting import Parts, Split, split_rows
from nnplug.tables.streaming import RowsOnDisk, write_rows
from nnplug.tables.table import Column, Table

__all__ = [
    "CHUNK",
    "SUFFIXES",
    "Column",
    "Encoder",
    "Parts",
    "Prepared",
    "ReadOptions",
    "Relation",
    "RowsOnDisk",
    "Split",
    "Table",
    "TableOptions",
    "Wishes",
    "as_kinds",
    "is_pattern",
    "is_sqlite_path",
    "machine_memory",
    "matrix",
    "open_relation",
    "prepare_table",
    "read_table",
    "split_rows",
    "table_from",
    "table_of",
    "with_file",
    "write_rows",
]
