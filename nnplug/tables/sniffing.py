"""Sniffing: what a delimited file is, found out before DuckDB parses it.

Its delimiter, the names of its columns, and what its bytes show in one pass.
Nothing is guessed that a user could not see.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.tables.numerals import reads_as_number
from nnplug.tables.options import ReadOptions
from nnplug.tables.text_file import TextFile, encoding_error, unreadable
from nnplug.tables.wording import quote

__all__ = ["Dialect", "Marks", "QuoteError", "find_dialect", "head_of", "look_at_bytes", "records"]

_STRETCH = 1 << 18
_HEAD = 100
"""Records at the beginning of a file from which its dialect is found."""
_BEFORE = 16
"""Bytes of the last stretch that are looked at again: the longest time with its fraction."""


@dataclass(frozen=True)
class Dialect:
    """How a text file is divided into cells, and the names of its columns."""

    delimiter: str
    quote: str
    names: tuple[str, ...]
    header: bool

    @property
    def indexed(self) -> bool:
        """Whether the first column has no name, like the index that pandas writes."""
        return len(self.names) > 1 and not self.names[0]


class QuoteError(Exception):
    """A record cannot be divided into cells; `line` is where it begins."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(said)
        self.line = line
        self.reason = (
            "a quote is opened and never closed"
            if "end of data" in said
            else "a cell is longer than 131072 characters; a closing quote may be missing"
            if "field limit" in said
            else "text follows a closing quote"
        )


@dataclass(frozen=True)
class Marks:
    """What the bytes of a file show.

    Attributes
    ----------
    ends_in_delimiter : bool
        Whether some line does. DuckDB ignores one empty cell too many at the
        end of a row, so that the cells of such a file must be counted.
    codes : int
        At least how many cells begin with a zero and a digit. Codes such as
        007 are text, but DuckDB's cast takes them for numbers. Inside quotes,
        what follows a delimiter, a quote or a line's end counts too.
    zones : bool
        Whether some cell may be a time of day with an offset or a zone:
        10:00:00+05:00, 10:00 CET. DuckDB takes such a cell for an instant and
        silently drops the zone if its sample had none.
    """

    ends_in_delimiter: bool
    codes: int
    zones: bool


def look_at_bytes(text: TextFile, dialect: Dialect) -> Marks:
    """Look at every byte once, and refuse zero bytes."""
    delimiter, mark = ord(dialect.delimiter), ord(dialect.quote)
    ends_in_delimiter, codes, zones = False, 0, False
    memory = bytearray(_BEFORE + _STRETCH)  # after the last bytes of the stretch before
    buffer = np.frombuffer(memory, np.uint8)
    with text.path.open("rb", buffering=0) as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            file.seek(0)
        buffer[:_BEFORE] = ord("\n")  # the first cell begins as all others do
        while count := file.readinto(buffer[_BEFORE:].data):
            block = buffer[_BEFORE - 2 : _BEFORE + count]
            # Passes over whole stretches, for which NumPy is fast; a search for a single
            # byte is faster still.
            if memory.find(0, _BEFORE, _BEFORE + count) >= 0:
                raise _zero_byte(text)
            ends = block == ord("\n")
            if b"\r" in memory:
                ends |= block == ord("\r")
            delimiters = block == delimiter
            ends_in_delimiter |= bool((delimiters[1:-1] & ends[2:]).any())
            edges = ends | delimiters
            if mark in memory:
                edges |= block == mark
            digits = block - ord("0") < 10  # bytes below "0" wrap around
            begin = edges[:-2] & (block[1:-1] == ord("0")) & digits[2:]
            codes += int(np.count_nonzero(begin))
            zones = zones or (b":" in memory and _has_zone(buffer[: _BEFORE + count]))
            buffer[:_BEFORE] = buffer[count : _BEFORE + count].copy()
    end = np.concatenate([buffer[:_BEFORE], np.full(_BEFORE, ord("\n"), np.uint8)])
    zones = zones or _has_zone(end)
    return Marks(ends_in_delimiter or int(end[_BEFORE - 1]) == delimiter, codes, zones)


def _has_zone(block: npt.NDArray[np.uint8]) -> bool:
    """Tell whether some bytes look like a time of day followed by an offset or a zone.

    They end in minutes or seconds, as `:05+02`, `:05.123-0330` and `:05 CET`
    do. Other text may look the same. Each step leaves few places to the next,
    since most times are followed by something that no zone begins with.

    Times that begin among the last bytes are left to the next stretch, which
    begins with these bytes.
    """
    colons = np.flatnonzero(block[:-_BEFORE] == ord(":"))
    colons = colons[_BEGINS[block[colons + 3]]]
    colons = colons[_digit(block[colons + 1]) & _digit(block[colons + 2])]
    behind = block[colons + 3]
    spaces = colons[behind == ord(" ")] + 4
    first, second = block[spaces], block[spaces + 1]
    half_day = ((first == ord("A")) | (first == ord("P"))) & (second == ord("M"))
    if (_letter(first) & _letter(second) & ~half_day).any():
        return True
    fractions, ends = colons[behind == ord(".")] + 4, [colons + 3, spaces]
    for _ in range(_BEFORE - 6):
        digits = _digit(block[fractions])
        ends.append(fractions[~digits])
        fractions = fractions[digits] + 1
    places = np.concatenate(ends)
    signs = block[places]
    places = places[(signs == ord("+")) | (signs == ord("-"))]
    return bool(_digit(block[places + 1]).any())


_BEGINS = np.isin(np.arange(256), [ord(sign) for sign in "+-. "])
"""Whether an offset, a fraction or a zone may begin with a byte."""


def _digit(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = values - ord("0") < 10  # bytes below "0" wrap around
    return found


def _letter(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (values | 32) - ord("a") < 26
    return found


def _zero_byte(text: TextFile) -> DataError:
    """Name the line that holds a zero byte."""
    line = next(number for number, content in text.numbered() if b"\0" in content)
    return DataError(
        f"{text.place(line)}: the line holds a zero byte, so the file is not text or "
        "is damaged.\nSave it again as UTF-8."
    )


def find_dialect(text: TextFile, options: ReadOptions, suffix: str) -> Dialect:
    """Find the delimiter and the names of the columns from the first lines.

    The delimiter is the one by which most of the first rows are as long as
    the first line; of equals the one that makes the most columns.

    Raises
    ------
    DataError
        If the file is blank or not UTF-8, or a name is a number.
    """
    try:
        with text.path.open("rb") as file:
            head = file.read(1 << 16)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:4096]:
            raise DataError(
                f"{text.name}: the file is not UTF-8 text; it begins like UTF-16 or a binary "
                "file.\nSave it as UTF-8, or say what it is, for example --read encoding=utf-16."
            )
        delimiter, first = _best_delimiter(text, options, suffix)
    except UnicodeDecodeError as error:
        raise encoding_error(text) or unreadable(text.name, error) from None
    except OSError as error:
        raise unreadable(text.path, error) from None
    if options.header is False:
        names = tuple(f"column{i}" for i in range(len(first)))
        return Dialect(delimiter, options.quote, names, header=False)
    names = tuple(name.strip() for name in first)
    for name in names:
        if options.header is None and reads_as_number(name):
            raise DataError(
                f"{text.place(1)}: the number {quote(name)} stands where a column's name should be."
                "\nWrite the names on the first line. For a file without names, use "
                "--read header=false;\nfor names that are numbers, --read header=true."
            )
    return Dialect(delimiter, options.quote, names, header=True)


def _best_delimiter(text: TextFile, options: ReadOptions, suffix: str) -> tuple[str, list[str]]:
    """Choose the delimiter, and return it with the cells of the first line."""
    candidates = (
        options.delimiter or text.delimiter or ("\t,;|" if suffix.startswith(".tsv") else ",;\t|")
    )
    best: tuple[float, int] = (-1.0, 0)
    delimiter, first = candidates[0], [""]
    for candidate in candidates:
        rows = [record for _, record in head_of(text, candidate, options.quote)]
        if not rows:
            raise DataError(f"{text.name}: the file is blank. A table needs names and rows.")
        width = len(rows[0])
        if width == 1 and candidate != candidates[0]:
            continue
        alike = [len(row) == width for row in rows[1:]]
        score = (sum(alike) / len(alike) if alike else 1.0, width)
        if width == 1:
            score = (-0.5, 1)  # a single column only if no candidate makes more
        if score > best:
            best, delimiter, first = score, candidate, rows[0]
    return delimiter, first


def head_of(text: TextFile, delimiter: str, mark: str) -> list[tuple[int, list[str]]]:
    """Read the first records that are not blank, each with the line it ends on.

    Raises
    ------
    DataError
        If a line is too long.
    """
    # The csv module would take a line of any length into memory.
    for _ in itertools.islice(text.numbered(), _HEAD):
        pass
    found: list[tuple[int, list[str]]] = []
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, quotechar=mark)
        try:
            rows = itertools.islice(reader, _HEAD)
            found.extend((reader.line_num, record) for record in rows if record)
        except csv.Error:
            pass  # the records before the error are kept
    return found


def records(text: TextFile, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows of a text file, each with the line it begins on.

    Raises
    ------
    QuoteError
        At the first record that cannot be divided into cells.
    """
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
