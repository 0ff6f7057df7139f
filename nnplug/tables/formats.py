"""Formats: what the end of a file's name says of it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = [
    "DATABASES",
    "EXCEL",
    "JSON",
    "JSON_LINES",
    "KNOWN",
    "PARQUET",
    "is_compressed",
    "is_known",
    "is_pattern",
    "not_taken",
    "suffix_of",
]

_COMPRESSED = ".gz"
_DELIMITED = (".csv", ".tsv", ".txt")
_JSON_LINES = (".jsonl", ".ndjson")
_JSON = (".json",)
_TEXT = (*_DELIMITED, *_JSON_LINES, *_JSON)
JSON_LINES = (*_JSON_LINES, *(each + _COMPRESSED for each in _JSON_LINES))
JSON = (*_JSON, *(each + _COMPRESSED for each in _JSON))
PARQUET = (".parquet",)
EXCEL = (".xlsx", ".xlsm")
DATABASES = (".db", ".duckdb", ".sqlite", ".sqlite3")
_SUFFIXES = (*_TEXT, *(each + _COMPRESSED for each in _TEXT), *PARQUET, *EXCEL, *DATABASES)
_OTHERS = (*PARQUET, *EXCEL, *DATABASES)
KNOWN = f"{', '.join(_TEXT)} (each also with {_COMPRESSED}), {', '.join(_OTHERS)}"
"""How the names of files that can be read end, for messages."""


_DELIMITED_TEXT = (*_DELIMITED, *(each + _COMPRESSED for each in _DELIMITED))
_TAKEN = {
    **dict.fromkeys(("delimiter", "quote", "comment"), (_DELIMITED_TEXT, "delimited text")),
    "encoding": ((*_DELIMITED_TEXT, *JSON_LINES, *JSON), "text"),
    **dict.fromkeys(
        ("header", "skip"), ((*_DELIMITED_TEXT, *EXCEL), "delimited text or a workbook")
    ),
    "table": (DATABASES, "a database"),
    "sheet": (EXCEL, "a workbook"),
}
"""The options of reading that say something of some formats alone, by name."""


def not_taken(path: str | os.PathLike[str]) -> dict[str, str]:
    """List the options of reading that say nothing of a file, each with what it is about."""
    suffix = suffix_of(path)
    return {key: what for key, (suffixes, what) in _TAKEN.items() if suffix not in suffixes}


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Give the end of a file's name that tells its format: `.csv`, or `.csv.gz`."""
    *before, last = ["", *(each.lower() for each in Path(path).suffixes)]
    return before[-1] + last if last == _COMPRESSED else last


def is_compressed(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is compressed, by its name."""
    return suffix_of(path).endswith(_COMPRESSED)


def is_known(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file's name ends as those that can be read."""
    return suffix_of(path) in _SUFFIXES


def is_pattern(path: str) -> bool:
    """Tell whether a path stands for several files."""
    return any(sign in path for sign in "*?[") and not Path(path).exists()
