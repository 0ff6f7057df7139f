"""Text files as plain UTF-8, which hold the rows of the table and nothing else."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnplug.errors import DataError
from nnplug.tables.limits import LINE, line_error, most_unpacked, unpacked_error
from nnplug.tables.options import ReadOptions
from nnplug.tables.wording import fault_lines, place_of

__all__ = [
    "TextFile",
    "encoding_error",
    "plain_text",
    "rows_alone",
    "unreadable",
]

_STRETCH = 1 << 18
_SEPARATOR = re.compile(rb'"?sep=(\\t|[ -~\t])"?[ \t]*\r?\n', re.IGNORECASE)
"""A first line that states the delimiter, as Excel reads and other programs write it."""


@dataclass(frozen=True)
class TextFile:
    """A file of UTF-8 text.

    Attributes
    ----------
    path : path
        The user's file, or a copy if that is not plain UTF-8 text.
    name : str
        What messages call the file.
    lines : sequence of int, optional
        For each line of a copy, its number in the user's file.
    unit : str
        What `lines` counts, if not lines.
    delimiter : str, optional
        The delimiter that the file itself states.
    longest : int
        The most bytes of a line; -1 is any number.
    """

    path: Path
    name: str
    lines: Sequence[int] | None = None
    unit: str = ""
    delimiter: str | None = None
    longest: int = LINE

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Go through the lines, counted from 1.

        Raises
        ------
        DataError
            If a line is too long.
        """
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(self.longest):
                number += 1
                if len(line) == self.longest and not line.endswith(b"\n"):
                    raise line_error(self.place(number))
                yield number, line

    def number(self, line: int) -> int:
        """Return a line's number in the user's file."""
        return line if self.lines is None else self.lines[min(line, len(self.lines)) - 1]

    def list_faults(self, faults: Iterable[tuple[int, str]]) -> str:
        """List the faults of some lines: see `nnplug.tables.wording.fault_lines`."""
        numbered = ((self.number(line), fault) for line, fault in faults)
        return fault_lines(self.name, numbered, self.unit)

    def place(self, line: int) -> str:
        """Write the place of a line for a message, as numbered in the user's file."""
        return place_of(self.name, self.number(line), self.unit)


def unreadable(name: object, error: Exception) -> DataError:
    """Say why the system cannot read a file."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DataError(f"{name}: the file cannot be read: {reason}.")


def plain_text(path: Path, options: ReadOptions, scratch: Path) -> TextFile:
    """Return the file, or a copy that is uncompressed UTF-8.

    Parameters
    ----------
    scratch : path
        A folder for the copy.

    Raises
    ------
    DataError
        If the file is damaged, or not in the stated encoding.
    """
    text = TextFile(path, path.name, longest=-1 if options.trusted else LINE)
    if path.suffix.lower() == ".gz":
        text = _unpacked(text, options, scratch / "unpacked")
    if codecs.lookup(options.encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        text = _as_utf8(text, options.encoding, scratch / "utf-8")
    return text


def _unpacked(text: TextFile, options: ReadOptions, copy: Path) -> TextFile:
    size = 0
    try:
        most = most_unpacked(text.path.stat().st_size, options)
        with gzip.open(text.path) as file, copy.open("wb") as target:
            while stretch := file.read(_STRETCH):
                size += len(stretch)
                if size > most:
                    raise unpacked_error(text.name, most)
                target.write(stretch)
    except (gzip.BadGzipFile, zlib.error):
        raise DataError(
            f"{text.name}: the file ends in .gz but is not a gzip file, or is damaged."
        ) from None
    except EOFError:
        raise DataError(
            f"{text.name}: the file is cut short: its compressed end is missing."
        ) from None
    except OSError as error:
        raise unreadable(text.path, error) from None
    if not size:
        raise DataError(f"{text.name}: the file is empty. A table needs names and rows.")
    return replace(text, path=copy)


def _as_utf8(text: TextFile, encoding: str, copy: Path) -> TextFile:
    try:
        with (
            text.path.open(encoding=encoding, newline="") as file,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            while chunk := file.read(1 << 20):
                target.write(chunk)
    except UnicodeError as error:
        raise _undecodable(text, encoding, error) from None
    except OSError as error:
        raise unreadable(text.path, error) from None
    return replace(text, path=copy)


def _undecodable(text: TextFile, encoding: str, error: UnicodeError) -> DataError:
    """Name the line that is not in the stated encoding, if lines can be told apart."""
    way_out = "State the encoding in which it was saved: --read encoding=..."
    for number, line in text.numbered():
        if b"\0" in line:
            break  # characters of two bytes: a line does not end in one byte
        try:
            line.decode(encoding)
        except UnicodeDecodeError as wrong:
            return DataError(
                f"{text.place(number)}: the file is not {encoding} (byte "
                f"0x{line[wrong.start]:02x} at position {wrong.start + 1} of the line).\n"
                f"{way_out}"
            )
        except UnicodeError:
            break
    return DataError(f"{text.name}: the file is not {encoding}: {error}.\n{way_out}")


def rows_alone(text: TextFile, options: ReadOptions, scratch: Path) -> TextFile:
    """Return the file, or a copy without the lines that are not rows of the table.

    Such lines are those to skip, comments, and a first line such as `sep=;`.
    """
    sign = options.comment.encode()
    mark = ord(options.quote)
    try:
        first = _first_line(text, options.skip)
        found = _SEPARATOR.fullmatch(first.removeprefix(codecs.BOM_UTF8))
        skipped = options.skip
        if found is not None:
            text = replace(text, delimiter=found[1].decode().replace("\\t", "\t"))
            skipped += 1
        if not skipped and not sign:
            return text
        lines, quoted = array("q"), False
        copy = scratch / "rows"
        with copy.open("wb") as target:
            for number, line in text.numbered():
                if number <= skipped:
                    continue
                whole = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if sign and not quoted and whole.startswith(sign):
                    continue
                quoted ^= line.count(mark) % 2 == 1
                target.write(line)
                lines.append(number)
    except OSError as error:
        raise unreadable(text.path, error) from None
    if not lines:
        raise DataError(
            f"{text.name}: no lines are left in the file. A table needs names and rows."
        )
    return replace(text, path=copy, lines=lines)


def _first_line(text: TextFile, skipped: int) -> bytes:
    """Return the beginning of the first line after those to skip, which may state the delimiter."""
    with text.path.open("rb") as file:
        for _ in range(skipped):
            file.readline(text.longest)
        return file.readline(32)


def encoding_error(text: TextFile) -> DataError | None:
    """Name the first line that is not UTF-8."""
    for number, line in text.numbered():
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return DataError(
                f"{text.place(number)}: the file is not UTF-8 text (byte "
                f"0x{line[error.start]:02x} at position {error.start + 1} of the line).\n"
                "Save it as UTF-8, or say what it is, for example --read encoding=latin-1; it "
                "is not guessed."
            )
    return None
