"""The rows of a file in order, a stretch at a time, for a table larger than memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nnplug.tables.databases import is_sqlite
from nnplug.tables.duck import machine_memory
from nnplug.tables.formats import is_pattern
from nnplug.tables.options import ReadOptions
from nnplug.tables.reading import open_relation, read_table
from nnplug.tables.relation import Relation
from nnplug.tables.table import Table

__all__ = ["Stretches", "open_stretches"]


@dataclass(frozen=True, eq=False)
class Stretches:
    """Rows that are fetched as tables, as many at a time as are asked for."""

    content: Relation | Table

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return self.content.names

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.content.rows

    def columns(self, names: Sequence[str]) -> Table:
        """Fetch some columns whole.

        Raises
        ------
        DataError
            If there is none of a name.
        """
        return self._fetch(names, 0, self.rows)

    def of(self, names: Sequence[str], size: int) -> Iterator[Table]:
        """Fetch some columns of all rows, `size` rows at a time.

        Raises
        ------
        DataError
            If there is none of a name.
        """
        for start in range(0, self.rows, size):
            yield self._fetch(names, start, min(start + size, self.rows))

    def _fetch(self, names: Sequence[str], start: int, stop: int) -> Table:
        content = self.content
        every = content.schema if isinstance(content, Relation) else content
        for name in names:
            every.column(name)  # says what there is, if it is not there
        if isinstance(content, Relation):
            return content.fetch(names, start, stop)
        chosen = tuple(column for column in content.columns if column.name in names)
        return Table(chosen, content.source, content.rows).take(slice(start, stop))


@contextmanager
def open_stretches(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Iterator[Stretches]:
    """Open files to be read in stretches; see `read_table`.

    At most a quarter of the machine's memory is used for what is not fetched;
    the rest waits in a folder for temporary files.
    """
    options = options or ReadOptions()
    text = os.fspath(path)
    if not is_pattern(text) and Path(path).is_file() and is_sqlite(Path(path)):
        yield Stretches(read_table(path, options))  # only read whole
        return
    with open_relation(path, options, machine_memory() // 4) as relation:
        yield Stretches(relation)
