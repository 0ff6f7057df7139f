"""The format of a file, by the end of its name, and the files that a path stands for."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Literal

from nnplug.errors import DataError, SettingError, suggest
from nnplug.tables.options import ReadOptions
from nnplug.tables.text_file import unreadable
from nnplug.tables.wording import quote, shell_word

__all__ = [
    "KNOWN",
    "Format",
    "check_options",
    "find_files",
    "format_of",
    "inapplicable",
    "is_known",
    "is_pattern",
    "suffix_of",
]

Format = Literal["delimited", "json_lines", "json", "parquet", "excel", "database"]

_TEXT: dict[str, Format] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json",
}
_BINARY: dict[str, Format] = {
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".db": "database",
    ".duckdb": "database",
    ".sqlite": "database",
    ".sqlite3": "database",
}
_COMPRESSED = ".gz"
"""Text may be compressed: `.csv.gz`."""
KNOWN = f"{', '.join(_TEXT)} (each also with {_COMPRESSED}), {', '.join(_BINARY)}"
"""The ends of the names of files that can be read, for messages."""

_DELIMITED: tuple[tuple[Format, ...], str] = (("delimited",), "delimited text")
_SHEETS: tuple[tuple[Format, ...], str] = (("delimited", "excel"), "delimited text or a workbook")
_TAKEN_BY: dict[str, tuple[tuple[Format, ...], str]] = {
    "delimiter": _DELIMITED,
    "quote": _DELIMITED,
    "comment": _DELIMITED,
    "encoding": (("delimited", "json_lines", "json"), "text"),
    "header": _SHEETS,
    "skip": _SHEETS,
    "table": (("database",), "a database"),
    "sheet": (("excel",), "a workbook"),
}
"""The reading options that only some formats take, with the words for these."""


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the end of a file's name that tells its format: `.csv`, or `.csv.gz`."""
    *before, last = ["", *(suffix.lower() for suffix in Path(path).suffixes)]
    return before[-1] + last if last == _COMPRESSED else last


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """Tell the format of a file by its name; None if it is unknown."""
    suffix = suffix_of(path)
    return _BINARY.get(suffix) or _TEXT.get(suffix.removesuffix(_COMPRESSED))


def is_known(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file has a format that can be read, by its name."""
    return format_of(path) is not None


def is_pattern(path: str) -> bool:
    """Tell whether a path stands for several files."""
    return any(sign in path for sign in "*?[") and not Path(path).exists()


def inapplicable(path: str | os.PathLike[str]) -> dict[str, str]:
    """List the reading options that do not apply to a file, each with what it applies to."""
    found = format_of(path)
    return {key: words for key, (formats, words) in _TAKEN_BY.items() if found not in formats}


def check_options(path: Path, options: ReadOptions) -> None:
    """Refuse an option that would have no effect on a file.

    Raises
    ------
    SettingError
        If there is one.
    """
    stated = options.to_dict()
    for key, words in inapplicable(path).items():
        if key in stated:
            raise SettingError(
                f"{path.name}: --read {key}= says how {words} is read, and this is another file. "
                "Leave it out."
            )


def find_files(path: str | os.PathLike[str]) -> list[Path]:
    """List the files that a path or a pattern stands for.

    Raises
    ------
    DataError
        If there is none, or one of them cannot be read as a table.
    """
    pattern = os.fspath(path)
    if not is_pattern(pattern):
        _check_file(Path(path))
        return [Path(path)]
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
    files = [Path(name) for name in found if Path(name).is_file()]
    if not files:
        raise DataError(f"{pattern}: no file matches this pattern.")
    for file in files:
        _check_file(file)
    return files


def _check_file(path: Path) -> None:
    """Refuse a path that is not a readable file of a known format."""
    try:
        if path.is_dir():
            raise DataError(
                f"{path}: is a folder, not a table. Name one file in it, or several: "
                f"{shell_word(str(path / '*.csv'))}."
            )
        if not path.exists():
            folder = path.parent
            if not folder.is_dir():
                raise DataError(f"{path}: no such file; the folder {folder} does not exist either.")
            near = suggest(path.name, (file.name for file in folder.iterdir() if file.is_file()))
            raise DataError(f"{path}: no such file.{near}")
        if not is_known(path):
            other = " Save it as .xlsx." if suffix_of(path) in (".xls", ".xlsb", ".ods") else ""
            raise DataError(
                f"{path}: files that end in {quote(suffix_of(path))} are not supported.{other}\n"
                f"Tables are read from {KNOWN}."
            )
        if not path.is_file():
            raise DataError(f"{path}: is not a regular file. Save the table to one first.")
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty. A table needs names and rows.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        # ValueError: a path with a zero byte.
        raise unreadable(path, error) from None
