"""Excel workbooks: a ZIP archive of XML documents, read cell by cell (ECMA-376, part 1).

A workbook may come from anybody. The standard library's parsers read it as a
stream, so that it takes the memory of its text, not of what it claims to
hold; a document type, which could define entities, is refused; and a name in
the archive is never used as a path on this machine.
"""

from __future__ import annotations

import datetime
import math
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from nnplug.errors import DataError
from nnplug.tables.limits import most_cells, most_unpacked, too_many_cells, unpacked_error
from nnplug.tables.options import ReadOptions
from nnplug.tables.wording import quote

__all__ = ["Cell", "Row", "Workbook", "column_letters", "open_workbook"]

Cell = str | float | bool
Row = dict[int, Cell]
"""The cells of a row that are not empty, by column, counted from 0."""

_STRETCH = 1 << 16
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384  # the limits of Excel itself
_DATES = frozenset([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)])
"""The numbers of the built-in formats that show a day or a time of day."""
_NOT_SIGNS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|General', re.IGNORECASE)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LAST_DAY = 2_958_466  # the end of 31 December 9999
_OLD = b"\xd0\xcf\x11\xe0"


class Workbook:
    """An open workbook, as `open_workbook` gives it.

    Attributes
    ----------
    sheets : tuple of str
        The names of the visible worksheets, in order.
    most_cells : float
        The most cells that a sheet may have.
    """

    def __init__(
        self, archive: zipfile.ZipFile, source: str, most: float, most_cells: float
    ) -> None:
        self._archive, self.source, self.most_cells = archive, source, most_cells
        if len(archive.infolist()) > 10_000 or sum(i.file_size for i in archive.infolist()) > most:
            raise unpacked_error(source, most)
        self._parts: dict[str, str] = {}
        self._from_1904 = False
        main = next(iter(self._related("", "/officeDocument").values()), "xl/workbook.xml")
        places = self._related(main, "/worksheet")
        self._strings = self._related(main, "/sharedStrings")
        self._styles = self._related(main, "/styles")

        def start(name: str, given: dict[str, str]) -> None:
            if name == "workbookPr":
                self._from_1904 = given.get("date1904") in ("1", "true")
            elif name == "sheet":
                number = next((v for k, v in given.items() if k.rpartition(":")[2] == "id"), "")
                if number in places and given.get("state", "visible") == "visible":
                    self._parts[given.get("name", "")] = places[number]

        self._read(main, start)
        self.sheets = tuple(self._parts)

    def rows(self, sheet: str) -> Iterator[tuple[int, Row]]:
        """Go through the rows of a sheet that have cells, with their numbers, from 1."""
        with _faults_named(self.source):
            strings = [text for part in self._strings.values() for text in self._texts(part)]
            days = [day for part in self._styles.values() for day in self._shown_as_days(part)]
            yield from _Sheet(self, strings, days, self._from_1904).rows(
                self.stretches(self._parts[sheet])
            )

    def stretches(self, part: str) -> Iterator[bytes]:
        """Read a document of the archive, a stretch at a time."""
        with self._archive.open(part) as file:
            while stretch := file.read(_STRETCH):
                yield stretch

    def damaged(self, reason: str) -> DataError:
        """Say what is wrong with the workbook."""
        return _damaged(self.source, reason)

    def parser(self) -> expat.XMLParserType:
        """Make a parser that refuses document types, and thus entities."""
        parser = expat.ParserCreate()
        parser.buffer_text = True

        def refuse(*_: object) -> None:
            raise self.damaged("it has a document type, which no workbook has")

        parser.StartDoctypeDeclHandler = refuse
        return parser

    def _read(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Parse a whole document; the handlers get names without prefixes."""
        parser = self.parser()
        parser.StartElementHandler = lambda name, given: start(name.rpartition(":")[2], given)
        if end is not None:
            parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
        parser.CharacterDataHandler = text
        for stretch in self.stretches(part):
            parser.Parse(stretch)
        parser.Parse(b"", True)

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """List the documents of a kind that a document refers to, by their identifiers."""
        folder, name = posixpath.split(part)
        listing = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, str] = {}

        def start(element: str, given: dict[str, str]) -> None:
            target = given.get("Target", "")
            inside = given.get("TargetMode", "Internal") != "External"
            if element == "Relationship" and inside and given.get("Type", "").endswith(kind):
                place = posixpath.normpath(posixpath.join("/", folder, target))
                found[given.get("Id", "")] = place.lstrip("/")

        if listing in self._archive.NameToInfo:
            self._read(listing, start)
        return found

    def _texts(self, part: str) -> list[str]:
        """Read the shared texts of cells, without their phonetic hints."""
        texts: list[str] = []
        pieces: list[str] = []
        inside = {"t": False, "rPh": False}

        def start(name: str, _: dict[str, str]) -> None:
            if name == "si":
                pieces.clear()
            elif name in inside:
                inside[name] = True

        def end(name: str) -> None:
            if name == "si":
                texts.append(_plain("".join(pieces)))
            elif name in inside:
                inside[name] = False

        def text(piece: str) -> None:
            if inside["t"] and not inside["rPh"]:
                pieces.append(piece)

        self._read(part, start, end, text)
        return texts

    def _shown_as_days(self, part: str) -> list[bool]:
        """Tell for each style whether it shows a number as a date or a time of day."""
        codes: dict[str, str] = {}
        styles: list[str] = []
        inside = False

        def start(name: str, given: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt":
                codes[given.get("numFmtId", "")] = given.get("formatCode", "")
            inside = inside or name == "cellXfs"
            if name == "xf" and inside:
                styles.append(given.get("numFmtId", "0"))

        def end(name: str) -> None:
            nonlocal inside
            inside = inside and name != "cellXfs"

        self._read(part, start, end)
        return [_shows_days(number, codes) for number in styles]


class _Sheet:
    """Builds the rows of a sheet from its elements as they are parsed."""

    def __init__(
        self, book: Workbook, strings: list[str], days: list[bool], from_1904: bool
    ) -> None:
        self.book, self.strings, self.days, self.from_1904 = book, strings, days, from_1904
        self.done: list[tuple[int, Row]] = []
        self.row, self.column, self.cells = 0, -1, dict[int, Cell]()
        self.count = 0
        self.kind, self.style, self.formula = "n", 0, False
        self.pieces: list[str] | None = None
        self.text = ""

    def rows(self, stretches: Iterator[bytes]) -> Iterator[tuple[int, Row]]:
        parser = self.book.parser()
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        for stretch in stretches:
            parser.Parse(stretch)
            yield from self.done
            self.done.clear()
        parser.Parse(b"", True)

    def start(self, name: str, given: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "c":
            self.count += 1
            if self.count > self.book.most_cells:
                raise too_many_cells(self.book.source, self.book.most_cells)
            place = given.get("r")
            column = self.column + 1 if place is None else _column_of(place)
            if not self.column < column < _MOST_COLUMNS:
                raise self.book.damaged(f"row {self.row} has a cell out of its place")
            self.column = column
            self.kind, self.style = given.get("t", "n"), int(given.get("s", "0"))
            self.text, self.formula = "", False
        elif name in ("v", "t"):
            self.pieces = []
        elif name == "f":
            self.formula = True
        elif name == "row":
            row = int(given.get("r", self.row + 1))
            if not self.row < row <= _MOST_ROWS:
                raise self.book.damaged(f"row {row} comes after row {self.row}")
            self.row, self.column, self.cells = row, -1, {}

    def characters(self, piece: str) -> None:
        if self.pieces is not None:
            self.pieces.append(piece)

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in ("v", "t") and self.pieces is not None:
            self.text += "".join(self.pieces)
            self.pieces = None
        elif name == "c":
            value = self.value()
            if value is not None:
                self.cells[self.column] = value
        elif name == "row" and self.cells:
            self.done.append((self.row, self.cells))

    def value(self) -> Cell | None:
        """Return the value of a cell; None if it is empty."""
        text, kind = self.text, self.kind
        if not text:
            if self.formula and kind not in ("str", "inlineStr"):
                raise DataError(
                    f"{self.place()}: the formula has no value: the program that wrote the file "
                    "did not compute it.\nOpen the file in Excel or LibreOffice and save it."
                )
            return None
        try:
            if kind == "s":
                return self.strings[int(text)] or None
            if kind == "b":
                return text in ("1", "true")
            if kind == "n":
                day = self.style < len(self.days) and self.days[self.style]
                return self.day(float(text)) if day else _number(float(text))
        except (ValueError, IndexError, OverflowError):
            raise self.book.damaged(
                f"row {self.row} holds {quote(text)} where a number should be"
            ) from None
        if kind == "d":
            return text.removesuffix("Z")
        return _plain(text)  # text, or an error such as #DIV/0!

    def place(self) -> str:
        return f"{self.book.source}: row {self.row}, column {column_letters(self.column)}"

    def day(self, serial: float) -> str:
        """Write a number of days as a date, or as a time of day if it is less than 1."""
        if not 0 <= serial < _LAST_DAY:
            raise DataError(
                f"{self.place()}: {_number(serial)} is shown as a date, and is not one: days are "
                "counted from 1900 to 9999.\nCorrect the cell, or show it as a number."
            )
        first = datetime.datetime(1970, 1, 1)
        if serial >= 1:
            # Excel has a 29 February 1900, which never was; the days before it are one off.
            first = datetime.datetime(1899, 12, 30) + datetime.timedelta(days=serial < 60)
        if self.from_1904:
            first = datetime.datetime(1904, 1, 1)
        instant = first + datetime.timedelta(milliseconds=round(serial * 86_400_000))
        whole = (instant.hour, instant.minute, instant.second, instant.microsecond) == (0, 0, 0, 0)
        return instant.date().isoformat() if whole else instant.isoformat()


@contextmanager
def open_workbook(path: Path, options: ReadOptions) -> Iterator[Workbook]:
    """Open a workbook.

    Raises
    ------
    DataError
        If it is not a workbook, or damaged; also while it is read.
    """
    # Opened here, since zipfile would leave the file open after an unfinished stream.
    with path.open("rb") as file:
        yield from _opened(file, path, options)


def _opened(file: BinaryIO, path: Path, options: ReadOptions) -> Iterator[Workbook]:
    if file.read(len(_OLD)) == _OLD:
        raise DataError(
            f"{path.name}: the workbook has a password, or is one of Excel 2003 or earlier under "
            "this name.\nOpen it in Excel or LibreOffice and save it as .xlsx, without a password."
        )
    with ExitStack() as kept:
        with _faults_named(path.name):
            archive = kept.enter_context(zipfile.ZipFile(file))
            size = path.stat().st_size
            most = (most_unpacked(size, options), most_cells(size, options))
            book = Workbook(archive, path.name, *most)
        yield book


@contextmanager
def _faults_named(source: str) -> Iterator[None]:
    """Turn the standard library's errors into one that says that the workbook is damaged.

    It surrounds only the reading, so that an error of the caller's is not blamed on the file.
    """
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, expat.ExpatError, KeyError) as error:
        reason = "it is not a ZIP archive, or a damaged one"
        if isinstance(error, expat.ExpatError):
            reason = f"a document in it is not XML: {error}"
        elif isinstance(error, KeyError):
            reason = "a document is missing from it"
        raise _damaged(source, reason) from None
    except (NotImplementedError, RuntimeError, ValueError, OverflowError, AttributeError):
        raise _damaged(source, "it is packed or numbered as Excel never does") from None


def _damaged(source: str, reason: str) -> DataError:
    return DataError(
        f"{source}: the file cannot be read as an Excel workbook: {reason}.\n"
        "Save it again as .xlsx, or as CSV."
    )


def _number(value: float) -> float:
    """Return a whole number as int, since a workbook does not distinguish 5 from 5.0."""
    if not math.isfinite(value):
        raise ValueError
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _column_of(place: str) -> int:
    """Return the column of a place such as AB12, counted from 0."""
    number = 0
    for letter in place[:4]:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def column_letters(column: int) -> str:
    """Write a column as Excel does: A, Z, AA."""
    name, number = "", column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _plain(text: str) -> str:
    """Replace the escapes for characters that XML cannot hold, such as _x000D_."""
    if "_x" not in text:
        return text
    half = range(0xD800, 0xE000)  # halves of surrogate pairs, which no text has alone
    return _ESCAPED.sub(
        lambda found: found[0] if int(found[1], 16) in half else chr(int(found[1], 16)), text
    )


def _shows_days(number: str, codes: dict[str, str]) -> bool:
    """Tell whether a format shows a date or a time of day; elapsed hours are numbers."""
    code = codes.get(number)
    if code is None:
        return number.isdecimal() and int(number) in _DATES
    first = code.partition(";")[0]
    signs = _NOT_SIGNS.sub("", first).lower()
    return not _ELAPSED.search(first) and any(sign in signs for sign in "dmyhs")
