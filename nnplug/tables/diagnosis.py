"""Diagnosis: which lines of a text file are at fault.

DuckDB parses fast and says little. When it refuses a file, or a column of
numbers holds a few cells that are none, the file is gone through again,
slowly, to name the lines.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nnplug.errors import DataError
from nnplug.tables.duck import first_line
from nnplug.tables.missing import is_usual_mark
from nnplug.tables.text_file import TextFile, encoding_error
from nnplug.tables.wording import column_list, listed, quote, shell_word

__all__ = [
    "Dialect",
    "QuoteError",
    "find_faults",
    "is_number",
    "mostly",
    "records",
    "refusal",
    "stray_date_error",
    "stray_error",
    "ways_out",
]

Strays = Mapping[int, frozenset[str]]
"""From a column's position to the cells that are not as its others."""
_LINE_ENDS = {b"\r\n": "CR LF (Windows)", b"\n": "LF (Unix)"}


@dataclass(frozen=True)
class Dialect:
    """How the cells of a text file are told apart."""

    delimiter: str
    quote: str
    names: tuple[str, ...]
    header: bool

    @property
    def indexed(self) -> bool:
        """Whether a column without a name comes first, as the index that pandas writes."""
        return len(self.names) > 1 and not self.names[0]


class QuoteError(Exception):
    """A record cannot be taken apart."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(said)
        self.line = line
        self.reason = (
            "a quote is opened and never closed"
            if "end of data" in said
            else "a cell is longer than 131072 characters, perhaps for want of a closing quote"
            if "field limit" in said
            else "text follows a closing quote"
        )


def refusal(text: TextFile, dialect: Dialect, error: Exception) -> DataError:
    """Find out why DuckDB refused a text file."""
    found = encoding_error(text) or find_faults(text, dialect) or _mixed_line_ends(text)
    if found is not None:
        return found
    return DataError(f"{text.name}: the file cannot be read as a table: {first_line(error)}")


def find_faults(text: TextFile, dialect: Dialect) -> DataError | None:
    """Name the rows that are not as long as the first line, and open quotes."""
    width = len(dialect.names)
    advice = (
        f" The delimiter is {quote(dialect.delimiter)}; a cell that holds one needs quotes around "
        "it."
    )

    comments = True

    def faults() -> Iterator[tuple[int, str]]:
        nonlocal advice, comments
        try:
            for line, record in records(text, dialect):
                if len(record) != width:
                    comments = comments and record[0].startswith("#")
                    cells = "cell" if len(record) == 1 else "cells"
                    yield line, f"the row has {len(record)} {cells}, the first line {width}"
        except QuoteError as wrong:
            comments = False
            if "text follows" in wrong.reason:
                advice = f" A quote inside a quoted cell is written twice ({dialect.quote * 2})."
            yield wrong.line, wrong.reason

    found = text.list_faults(faults())
    if not found:
        return None
    if comments:
        advice = " If the lines that begin with # are comments: --read comment=#"
    elif "the first line" not in found and "written twice" not in advice:
        advice = ""
    return DataError(f"{found}\nCorrect the file.{advice}")


def stray_error(
    text: TextFile, dialect: Dialect, strays: Strays, ways: Sequence[str] = ()
) -> DataError:
    """Name the lines of cells that are no numbers.

    Parameters
    ----------
    ways : sequence of str
        What can be said of the cells so that they are numbers, each a line.
    """
    advice = _ways_out(dialect, strays, "numbers")
    if ways:
        which = "If they are, say how they are written:"
        names = column_list([dialect.names[position] for position in strays])
        advice = "\n".join([
            f"{_others(len(strays))} are numbers. Correct these. {which}",
            *ways,
            f"If {'the column is' if len(strays) == 1 else 'they are'} text: --categorical {names}",
        ])  # fmt: skip
    return DataError(f"{_stray_lines(text, dialect, strays, 'a number')}\n{advice}")


def stray_date_error(
    text: TextFile, dialect: Dialect, strays: Strays, way: str, *, must: bool
) -> DataError:
    """Name the lines of cells that are no dates.

    Parameters
    ----------
    way : str
        How the other cells are written; or all must be.
    must : bool
        Whether it is not the cells that say so.
    """
    advice = _ways_out(dialect, strays, f"dates written {way}")
    if must:
        (name,) = (dialect.names[position] for position in strays)
        advice = (
            f"The dates of {quote(name)} are to be written {way}, as stated, or as in training.\n"
            f"Correct the cells, or say how they are: --read {shell_word(f'dates.{name}=...')}"
        )
    return DataError(f"{_stray_lines(text, dialect, strays, 'a date')}\n{advice}")


def _stray_lines(text: TextFile, dialect: Dialect, strays: Strays, wanted: str) -> str:
    def faults() -> Iterator[tuple[int, str]]:
        try:
            for line, record in records(text, dialect):
                for position, spellings in strays.items():
                    if position < len(record) and record[position] in spellings:
                        name = quote(dialect.names[position])
                        cell = quote(record[position])
                        yield line, f"column {name}: cannot read {cell} as {wanted}"
        except QuoteError:
            pass  # a cell beyond the csv module's limit: what came before it is named

    # Where the two parsers took the cells apart differently, there is no line.
    return text.list_faults(faults()) or "\n".join(
        f"{text.name}: column {quote(dialect.names[position])}: cannot read "
        f"{listed(map(quote, sorted(spellings)))} as {wanted}"
        for position, spellings in strays.items()
    )


def _others(columns: int) -> str:
    return "The column's other cells" if columns == 1 else "The other cells of these columns"


def _ways_out(dialect: Dialect, strays: Strays, usual: str) -> str:
    cells = {each for spellings in strays.values() for each in spellings}
    return ways_out([dialect.names[position] for position in strays], cells, usual)


def ways_out(columns: Sequence[str], cells: Collection[str], usual: str) -> str:
    """Say the three ways out: correct the cells, call them missing, call the column text."""
    marks = " ".join(f"--read {shell_word('na=' + each)}" for each in sorted(cells))
    names, others = column_list(columns), _others(len(columns))
    text = f"If {'the column is' if len(columns) == 1 else 'they are'} text: --categorical {names}"
    if all(map(is_usual_mark, cells)):
        signs = listed(map(quote, sorted(cells)))
        often = f"{signs} often stands for a missing value. If so here: {marks}"
        return f"{others} are {usual}.\n{often}\n{text}\nElse correct the file."
    ways = [f"{others} are {usual}. Correct these."]
    if len(cells) <= 3:
        ways.append(f"If they stand for missing values: {marks}")
    return "\n".join([*ways, text])


def mostly(fitting: int, filled: int, spellings: int, marks: int = 0, marked: int = 0) -> bool:
    """Tell whether the cells of a column are of a kind but for a few.

    Parameters
    ----------
    spellings : int
        How many different cells are not.
    marks : int
        How many of the others are usual marks of missing values, which do
        not count.
    marked : int
        How many different ones.
    """
    filled, spellings = filled - marks, spellings - marked
    few = spellings <= 3 or (filled - fitting) * 10 <= filled
    return filled / 2 < fitting < filled + marks and few


def is_number(text: str) -> bool:
    """Tell whether text is a finite number."""
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def records(text: TextFile, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows of a text file, each with the line it begins on."""
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True)
        line = 1
        seen = not dialect.header
        try:
            for record in reader:
                if record and seen:
                    yield line, record
                seen = seen or bool(record)
                line = reader.line_num + 1
        except csv.Error as error:
            raise QuoteError(line, str(error)) from None


def _mixed_line_ends(text: TextFile) -> DataError | None:
    """Name the first line that ends otherwise than the line before."""
    ends: bytes | None = None
    for number, line in text.numbered():
        end = b"\r\n" if line.endswith(b"\r\n") else line[-1:]
        if end not in (b"\r\n", b"\n"):
            continue  # the last line may have none
        if ends is not None and end != ends:
            return DataError(
                f"{text.place(number)}: the line ends in {_LINE_ENDS[end]}, those before in "
                f"{_LINE_ENDS[ends]}.\nSave the file with one kind of line end."
            )
        ends = end
    return None
