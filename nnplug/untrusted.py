"""Untrusted input: small files, the values in them, and text to be shown."""

from __future__ import annotations

import errno
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnplug.errors import ModelFileError

__all__ = [
    "Shape",
    "clean",
    "escaped",
    "fits",
    "is_number",
    "need",
    "printable",
    "read_small",
    "shown",
    "take_flag",
    "take_list",
    "take_mapping",
    "take_names",
    "take_number",
    "take_text",
    "take_width",
    "why_unreadable",
]

LARGEST_WIDTH = 1 << 30

Shape = type | tuple[type, ...] | list["Shape"] | Mapping[str, "Shape"]
"""What a value must be: a type or one of several, `[shape]` for a list of such values,
`{key: shape}` for a mapping with some of these keys, `{"*": shape}` for one with any keys."""


def escaped(text: str) -> str:
    r"""Escape characters that a terminal may obey, or that change the direction of writing.

    Examples
    --------
    >>> print(escaped("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def printable(text: str, most: int = 80) -> str:
    """Bring text from a file to one line that no terminal takes for a command.

    Control characters, line ends and marks that turn the direction of writing
    are escaped, and a long text is cut.
    """
    safe = escaped(text)
    return safe if len(safe) <= most else safe[: most - 3] + "..."


def why_unreadable(error: Exception) -> str:
    """Say why a parser refused text; for very long numbers, Python only tells programmers."""
    said = str(error)
    if "set_int_max_str_digits" in said:
        return "a whole number in it has too many digits; 19 are the most"
    return said


def clean(text: object) -> str:
    """Make text safe for HTML: escaped, and without characters that pages may not have.

    Examples
    --------
    >>> print(clean("<b>"))
    &lt;b&gt;
    """
    from html import escape  # noqa: PLC0415  # the command line imports this module for its help

    kept = (letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
            for letter in str(text))  # fmt: skip
    return escape("".join(kept), quote=True)


def read_small(path: str | os.PathLike[str], most: int, *, follow: bool = True) -> bytes:
    """Read a regular file that is not too large.

    It never waits: neither for a process that writes to a pipe, nor for the end
    of a device that has none.

    Parameters
    ----------
    most : int
        The most bytes that it may have.
    follow : bool, optional
        Whether a symbolic link is followed.

    Raises
    ------
    OSError
        If it is another kind of file or too large; `strerror` says so.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow and Path(path).is_symlink():
        raise OSError(errno.ELOOP, "it is a link, and links are not followed here")
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes; {most:,} are the most")
        return file.read(most)


def fits(value: Any, shape: Shape) -> str:
    """Find where a value does not have a shape, as a path of keys; an empty text if it has.

    Examples
    --------
    >>> fits({"epochs": 3, "final": {"loss": "x"}}, {"epochs": int, "final": {"*": float}})
    'final.loss'
    >>> fits({"epochs": 3}, {"epochs": int, "final": {"*": float}})
    ''
    """
    return _misfit(value, shape, "") or ""


def _misfit(value: Any, shape: Shape, place: str) -> str | None:
    if isinstance(shape, type | tuple):
        wanted = shape if isinstance(shape, tuple) else (shape,)
        # Whole numbers count as numbers; truth values do not.
        if float in wanted:
            wanted += (int,)
        if isinstance(value, wanted) and (
            not isinstance(value, bool) or bool in wanted or object in wanted
        ):
            return None
        return place or "the whole"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return place or "the whole"
        parts = [(f"{place}[{k}]", one, shape[0]) for k, one in enumerate(value)]
    else:
        if not isinstance(value, dict):
            return place or "the whole"
        anything: Shape = object
        others = shape.get("*", anything)
        parts = [
            (f"{place}.{key}".lstrip("."), one, shape.get(key, others))
            for key, one in value.items()
        ]
    misfits = (_misfit(one, wanted_there, where) for where, one, wanted_there in parts)
    return next((misfit for misfit in misfits if misfit), None)


# --- values of a model file, each checked -----------------------------------------------


def need(condition: bool, otherwise: str) -> None:
    """Refuse the file unless a condition holds.

    Raises
    ------
    ModelFileError
        With the reason; the caller says in which file.
    """
    if not condition:
        raise ModelFileError(otherwise)


def shown(value: object) -> str:
    """Write what a file holds, for a message: short, in quotes, without control characters."""
    return f'"{printable(str(value), 60)}"'


def take_mapping(
    value: object, keys: set[str], what: str, *, may_have: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Take a JSON object that has all of some keys, and no others but those it may have."""
    if not isinstance(value, dict):
        raise ModelFileError(f"{what} is not a JSON object")
    for missing in sorted(keys - set(value)):
        raise ModelFileError(f'{what} has no "{missing}"')
    for extra in sorted(set(value) - keys - may_have):
        raise ModelFileError(f"{what} has {shown(extra)}, which nnplug does not write")
    return value


def take_list(value: object, what: str) -> list[Any]:
    """Take a list."""
    if not isinstance(value, list):
        raise ModelFileError(f"{what} is not a list")
    return value


def take_names(value: object, what: str, *, distinct: bool = True) -> tuple[str, ...]:
    """Take a list of texts, by default of different ones.

    Parameters
    ----------
    what : str
        In the plural.
    """
    if not isinstance(value, list):
        raise ModelFileError(f"{what} are not a list")
    need(all(isinstance(name, str) for name in value), f"{what} are not all text")
    if distinct and len(set(value)) != len(value):
        double = next(name for name in value if value.count(name) > 1)
        raise ModelFileError(f"{what} include {shown(double)} twice")
    return tuple(value)


def take_text(value: object, what: str) -> str:
    """Take a text."""
    if not isinstance(value, str):
        raise ModelFileError(f"{what} is not text")
    return value


def take_flag(value: object, what: str) -> bool:
    """Take a truth value."""
    if not isinstance(value, bool):
        raise ModelFileError(f"{what} is not a truth value")
    return value


def take_number(value: object, what: str) -> float:
    """Take a finite number."""
    if not is_number(value):
        raise ModelFileError(f"{what} is not a finite number")
    assert isinstance(value, int | float)  # for the type checker
    return float(value)


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number, and not a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # a whole number may have any number of digits
        return False


def take_width(value: object, what: str, least: int = 1) -> int:
    """Take a number of units, inputs or parameters."""
    whole = not isinstance(value, bool)
    if not (whole and isinstance(value, int) and least <= value <= LARGEST_WIDTH):
        raise ModelFileError(
            f"the width of {what} is not a whole number from {least} to {LARGEST_WIDTH:,}"
        )
    return value
