"""Tables: reading files and data frames, and turning them into numbers."""

from nnplug.tables.encoding import Encoder
from nnplug.tables.given import matrix, table_of
from nnplug.tables.reading import SUFFIXES, Column, Table, read_table, table_from

__all__ = [
    "SUFFIXES",
    "Column",
    "Encoder",
    "Table",
    "matrix",
    "read_table",
    "table_from",
    "table_of",
]
