"""JSON exactly as its standard defines it, from files that are not trusted.

Python's reader accepts `NaN`, keeps the last of two equal keys, and raises a
`RecursionError` for deep nesting and a `ValueError` for a long integer. Here
all of these raise the same error, and so does a number too large for a float.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from nnplug.errors import ModelFileError
from nnplug.untrusted import printable

__all__ = ["canonical_json", "read_json"]

LONGEST_INTEGER = 40
"""Digits: enough for a seed of 128 bits."""

DEEPEST = 16
"""Lists and objects within one another; what nnplug writes has fewer."""

# A text, perhaps without an end, or a bracket. Nothing is scanned twice.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)


def canonical_json(value: Any) -> str:
    """Write a value in its one canonical form: sorted keys, no spaces.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def read_json(data: bytes) -> Any:
    """Read strict JSON.

    Raises
    ------
    ModelFileError
        With what is wrong; the caller adds the file.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFileError(f"its JSON is not UTF-8 at byte {error.start}") from None
    _check_depth(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except json.JSONDecodeError as error:
        raise ModelFileError(
            f"its JSON is malformed at character {error.pos}: {error.msg}"
        ) from None


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the reader, which recurses, sees it."""
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise ModelFileError(f"its JSON is nested deeper than {DEEPEST} levels")
        elif token[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ModelFileError(f'its JSON has the key "{printable(name)}" twice in one object')
        made[name] = value
    return made


def _constant(text: str) -> NoReturn:
    raise ModelFileError(f"its JSON holds {text}, which is not a number in JSON")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > LONGEST_INTEGER:
        raise ModelFileError(
            f"its JSON holds a whole number of {len(text.lstrip('-'))} digits; "
            f"{LONGEST_INTEGER} are the most"
        )
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ModelFileError(f"its JSON holds {printable(text, 30)}, too large for a number")
    return number
