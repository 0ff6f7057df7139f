"""Summaries of objects: as text by `summary()`, and as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nnplug.untrusted import clean, escaped

__all__ = ["Block", "Summarized"]

_WIDTH = 80
_LEFT = " style='text-align: left'"  # notebooks align to the right


@dataclass(frozen=True)
class Block:
    """A table of a summary; without a head, its rows are names and their values.

    Attributes
    ----------
    rows : sequence of sequence of str
    head : sequence of str
        As long as a row, or empty.
    """

    rows: Sequence[Sequence[str]]
    head: Sequence[str] = ()


class Summarized:
    """An object with a summary of a few lines, which a notebook shows as a table.

    The title is its `repr`; text from data or plugins is escaped.
    """

    def _summary(self) -> Iterable[Block]:
        """Give the tables of the summary."""
        raise NotImplementedError

    @property
    def _title(self) -> str:
        return repr(self).removeprefix("<").removesuffix(">")

    def summary(self, width: int = _WIDTH) -> str:
        """Write a summary to be printed.

        Parameters
        ----------
        width : int, optional
            The width in columns.
        """
        from nnplug.layout import columns, fold  # noqa: PLC0415  # a run need not print one

        parts = [fold(escaped(self._title), width)]
        for block in self._summary():
            rows = [*([block.head] if block.head else []), *block.rows]
            if not block.rows:
                continue
            right = range(1, len(rows[0])) if _is_numeric(block) else ()
            texts = [[escaped(cell) for cell in row] for row in rows]
            parts += ["", *columns(texts, width, right=right, indent="  ")]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        return "\n".join(self._html())

    def _html(self) -> Iterator[str]:
        yield f"<p><b>{clean(self._title)}</b></p>"
        for block in self._summary():
            if not block.rows:
                continue
            yield "<table>"
            if block.head:
                heads = "".join(f"<th{_LEFT}>{clean(cell)}</th>" for cell in block.head)
                yield f"<thead><tr>{heads}</tr></thead>"
            yield "<tbody>"
            for row in block.rows:
                cells = "".join(f"<td{_LEFT}>{_indent(cell)}{clean(cell)}</td>" for cell in row)
                yield f"<tr>{cells}</tr>"
            yield "</tbody></table>"


def _indent(cell: str) -> str:
    """Write the spaces that a cell begins with, which HTML would drop."""
    return "&nbsp;" * (len(cell) - len(cell.lstrip(" ")))


def _is_numeric(block: Block) -> bool:
    """Whether all but the first column of a table with a head are numbers."""
    return bool(block.head) and all(
        cell[:1].isdigit() or cell[:1] in ("", "-", "n") for row in block.rows for cell in row[1:]
    )
