"""Sniffing: what a text file is, before DuckDB parses it.

Its bytes as UTF-8, its delimiter and the names of its columns, and two things
that its bytes show at once. Nothing is guessed that a user could not see.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError
from nnplug.tables.diagnosis import Dialect, is_number
from nnplug.tables.options import ReadOptions
from nnplug.tables.text_file import TextFile, encoding_error, unreadable
from nnplug.tables.wording import listed, quote

__all__ = ["Marks", "find_dialect", "look_at_bytes", "preamble_error"]

_STRETCH = 1 << 18
_HEAD = 100
"""Records at the beginning of a file by which its dialect is found."""
_BEFORE = 16
"""Bytes of the stretch before that are looked at again: the longest time with its fraction."""


@dataclass(frozen=True)
class Marks:
    """What the bytes of a file show.

    Attributes
    ----------
    ends_in_delimiter : bool
        Whether some line does. DuckDB takes an empty cell too many at the end
        of a row for none, so the rows of such a file must be counted out.
    codes : int
        How many cells begin with a zero and a digit, at least: codes such as
        007 are text, and a number to DuckDB's cast. Inside quotes, what
        follows a delimiter, a quote or a line's end counts too.
    zones : bool
        Whether a time of day with an offset or a zone may be among the cells:
        10:00:00+05:00, 10:00 CET. DuckDB takes such a cell for an instant and
        drops the zone without a word, wherever its sample had none.
    """

    ends_in_delimiter: bool
    codes: int
    zones: bool


def look_at_bytes(text: TextFile, dialect: Dialect) -> Marks:
    """Look at every byte once; refuse zero bytes."""
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
            # Whole passes over bytes: NumPy does some ten of them in a byte's
            # time for a loop, and a search for one byte is as fast again.
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
            digits = block - ord("0") < 10  # which wraps around below "0"
            begin = edges[:-2] & (block[1:-1] == ord("0")) & digits[2:]
            codes += int(np.count_nonzero(begin))
            zones = zones or (b":" in memory and _has_zone(buffer[: _BEFORE + count]))
            buffer[:_BEFORE] = buffer[count : _BEFORE + count].copy()
    end = np.concatenate([buffer[:_BEFORE], np.full(_BEFORE, ord("\n"), np.uint8)])
    zones = zones or _has_zone(end)
    return Marks(ends_in_delimiter or int(end[_BEFORE - 1]) == delimiter, codes, zones)


def _has_zone(block: npt.NDArray[np.uint8]) -> bool:
    """Tell whether some bytes look like a time of day with an offset or a zone behind it.

    Times that begin among the last bytes are left to the next stretch, which
    begins with these.

    Of minutes or seconds, `:05+02`, `:05.123-0330`, `:05 CET`; too many places
    may look so. Each step leaves few places to the next: most times end in what
    no zone begins with.
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


def _digit(some: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = some - ord("0") < 10  # which wraps around below "0"
    return found


def _letter(some: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (some | 32) - ord("a") < 26
    return found


def _zero_byte(text: TextFile) -> DataError:
    """Name the line that holds a zero byte."""
    line = next(number for number, each in text.numbered() if b"\0" in each)
    return DataError(
        f"{text.place(line)}: the line holds a zero byte, so the file is not text or "
        "is damaged.\nSave it again as UTF-8."
    )


def find_dialect(text: TextFile, options: ReadOptions, suffix: str) -> Dialect:
    """Find delimiter and names from the first lines.

    The delimiter is the one for which most of the first rows are as long as
    the first line; among equals the one that makes most columns.
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
        if options.header is None and is_number(name):
            raise DataError(
                f"{text.place(1)}: the number {quote(name)} stands where a column's name should be."
                "\nWrite the names on the first line. For a file without names, use "
                "--read header=false;\nfor names that are numbers, --read header=true."
            )
    return Dialect(delimiter, options.quote, names, header=True)


def _best_delimiter(text: TextFile, options: ReadOptions, suffix: str) -> tuple[str, list[str]]:
    """Choose the delimiter, and give the cells of the first line."""
    candidates = (
        options.delimiter or text.delimiter or ("\t,;|" if suffix.startswith(".tsv") else ",;\t|")
    )
    best: tuple[float, int] = (-1.0, 0)
    delimiter, first = candidates[0], [""]
    for candidate in candidates:
        records = [record for _, record in _head(text, candidate, options.quote)]
        if not records:
            raise DataError(f"{text.name}: the file is blank. A table needs names and rows.")
        width = len(records[0])
        if width == 1 and candidate != candidates[0]:
            continue
        alike = [len(record) == width for record in records[1:]]
        score = (sum(alike) / len(alike) if alike else 1.0, width)
        if width == 1:
            score = (-0.5, 1)  # one column only if no candidate makes more
        if score > best:
            best, delimiter, first = score, candidate, records[0]
    return delimiter, first


def _head(text: TextFile, delimiter: str, mark: str) -> list[tuple[int, list[str]]]:
    """Read the first records that are not blank, as far as they can be told apart.

    Each comes with the line it ends on.

    Raises
    ------
    DataError
        If a line is too long to be looked at.
    """
    for _ in itertools.islice(text.numbered(), _HEAD):
        pass
    records = []
    with text.path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, quotechar=mark)
        try:
            for record in itertools.islice(reader, _HEAD):
                records += [(reader.line_num, record)] * bool(record)
        except csv.Error:
            pass  # what came before an error is kept
    return records


def preamble_error(text: TextFile, options: ReadOptions) -> DataError | None:
    """Say where the table seems to begin, if lines of another kind come before it.

    These are short, the names that follow are all there, and so are all cells
    of the rows. It is asked when a file was refused.
    """
    if options.header is False:
        return None
    heads = {}
    for delimiter in options.delimiter or text.delimiter or ",;\t|":
        try:
            heads[delimiter] = _head(text, delimiter, options.quote)
        except (OSError, UnicodeDecodeError, DataError):
            return None
        records = [record for _, record in heads[delimiter]]
        if records and _begins(records):
            return None  # whatever is wrong with it, it is a table from its first line on
    for delimiter, head in heads.items():
        records = [record for _, record in head]
        start = next((k for k in range(len(records)) if _begins(records[k:])), 0)
        if not start or not all(_is_apart(each, len(records[start])) for each in records[:start]):
            continue
        end, names = head[start]
        number = text.number(end - sum(name.count("\n") for name in names))
        if all(each[0].startswith("#") for each in records[:start]):
            option = "comment=#"
        else:
            option = f"skip={number - 1}"
        lines = "the line before is" if start == 1 else f"the {start} lines before are"
        return DataError(
            f"{text.name}: the table seems to begin on line {number}, with the names "
            f"{listed(map(quote, names), 5)};\n{lines} not as long as its rows: "
            f"{quote(delimiter.join(records[0]))}{' ...' if start > 1 else ''}\n"
            f"If so: --read {option}"
        )
    return None


def _begins(records: list[list[str]]) -> bool:
    """Tell whether records look like a table: names, and rows as long as these."""
    names = [name.strip() for name in records[0]]
    alike = all(len(record) == len(names) for record in records[1:])
    named = all(names) and len(set(names)) == len(names) and not any(map(is_number, names))
    return len(records) > 1 and len(names) > 1 and alike and named


def _is_apart(record: list[str], width: int) -> bool:
    """Tell whether a record is too short for a row of a table, or a comment."""
    return record[0].startswith("#") or 2 * sum(map(bool, record)) <= width
