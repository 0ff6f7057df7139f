"""The objects of a JSON file one by one, read slowly to find what is wrong with them."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from nnplug.errors import DataError
from nnplug.tables.duck import first_line
from nnplug.tables.text_file import TextFile, encoding_error
from nnplug.tables.wording import listed, quote

__all__ = ["RECORD", "as_records", "check_case", "fault_error", "objects", "refusal"]

RECORD = "record"
"""What is counted in an array, where an object may take several lines, or part of one."""
_STRETCH = 1 << 20
_SPACE = re.compile(r"\s*")
_EXAMPLE = '{"age": 31, "city": "Rome"}'


def as_records(text: TextFile) -> TextFile:
    """Tell an array of objects from lines of objects, both of which pandas writes.

    Raises
    ------
    DataError
        If the file holds neither.
    """
    with text.path.open("rb") as file:
        head = file.read(_STRETCH).removeprefix(codecs.BOM_UTF8).lstrip()
    if head.startswith(b"["):
        return replace(text, unit=RECORD)
    first, _, rest = head.partition(b"\n")
    try:
        lines = isinstance(json.loads(first), dict) and rest.lstrip().startswith(b"{")
    except (ValueError, RecursionError):
        lines = False
    if lines:
        return text
    what = "one object" if head.startswith(b"{") else "neither an array nor lines of objects"
    raise DataError(
        f"{text.name}: the file is {what}, and a table is an array of objects, one per row:\n"
        f"[{_EXAMPLE}, ...]\nFrom pandas: frame.to_json({json.dumps(text.name)}, "
        'orient="records")'
    )


def check_case(text: TextFile, names: list[str]) -> None:
    """Refuse keys that differ only in case, which DuckDB renames."""
    folded = {name.casefold(): name for name in names}
    for name in names:
        stem, underscore, number = name.rpartition("_")
        if underscore and number.isdigit() and stem.casefold() in folded:
            spelt = {key for _, record in objects(text) for key in record} - set(names)
            if spelt:
                other = folded[stem.casefold()]
                raise DataError(
                    f"{text.name}: the keys {quote(other)} and {quote(min(spelt))} differ only in "
                    "case.\nGive them one spelling."
                )


def fault_error(text: TextFile, faults: list[tuple[int, str]], way_out: str) -> DataError:
    """Name the faults of some lines or objects, and the way out."""
    return DataError(f"{text.list_faults(faults)}\n{way_out}")


def _pieces(text: TextFile) -> Iterator[tuple[int, str]]:
    """Go through the lines that are not blank, or the elements of an array."""
    if text.unit == RECORD:
        yield from _elements(text)
        return
    for number, line in text.numbered():
        decoded = line.decode("utf-8-sig" if number == 1 else "utf-8")
        if decoded.strip():
            yield number, decoded


def _elements(text: TextFile) -> Iterator[tuple[int, str]]:
    """Go through the elements of an array as they are written, up to one that is not JSON."""
    decoder = json.JSONDecoder()
    most = max(text.longest, _STRETCH) if text.longest >= 0 else sys.maxsize
    with text.path.open(encoding="utf-8-sig") as file:
        buffer, number = file.read(_STRETCH).lstrip(), 0
        place = 1  # after the bracket
        while True:
            begin, sign = _after_space(buffer, place), ""
            try:
                _, end = decoder.raw_decode(buffer, begin)
                after = _after_space(buffer, end)
                sign = buffer[after : after + 1]
            except (ValueError, RecursionError):
                pass
            if sign not in (",", "]") or not sign:
                # What cannot be parsed may only be cut off, as long as the file goes on.
                more = file.read(_STRETCH) if len(buffer) - begin <= most else ""
                if not more:
                    if number or buffer[begin:].strip() != "]":
                        yield number + 1, buffer[begin : begin + most]
                    return
                buffer, place = buffer[begin:] + more, 0
                continue
            number, place = number + 1, after + 1
            yield number, buffer[begin:end]
            if sign == "]":
                if left := (buffer[place:] + file.read(_STRETCH)).strip():
                    yield number + 1, f"]{left}"  # which is not JSON, whatever follows
                return


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def objects(text: TextFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Go through the lines that are objects."""
    for number, line in _pieces(text):
        if _wrong_with(line, text.unit or "line") is None:
            yield number, json.loads(line)


def refusal(text: TextFile, error: Exception) -> DataError:
    """Find out why DuckDB refused a file of JSON."""
    wrong = encoding_error(replace(text, unit=""))  # which counts lines
    if wrong is not None:
        return wrong
    faults = [
        (number, reason)
        for number, line in _pieces(text)
        if (reason := _wrong_with(line, text.unit or "line")) is not None
    ]
    if faults:
        unit = "element" if text.unit == RECORD else "line"
        return fault_error(text, faults, f"Each {unit} must be one object, such as {_EXAMPLE}.")
    return DataError(f"{text.name}: the file cannot be read as JSON: {first_line(error)}")


class _DoubleKeyError(Exception):
    """An object has a key twice."""


def _wrong_with(line: str, what: str) -> str | None:
    """Say what is wrong with a line, or an element of an array."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        double = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        if double:
            raise _DoubleKeyError(f"the object has the key {listed(map(quote, double))} twice")
        return dict(pairs)

    try:
        value = json.loads(line, object_pairs_hook=once)
    except _DoubleKeyError as error:
        return str(error)
    except RecursionError:
        return f"the {what} is nested too deeply"
    except ValueError as error:
        place = f" at position {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return f"the {what} is not JSON{place}"
    return None if isinstance(value, dict) else f"the {what} is not an object"
