"""What nobody vouches for: small files, the values in them, and text for people."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Shape", "clean", "escaped", "fits", "read_small", "why_unreadable"]

Shape = type | tuple[type, ...] | list["Shape"] | Mapping[str, "Shape"]
"""What a value has to be: a type or one of several, `[shape]` for a list of such values,
`{key: shape}` for a mapping that has some of these keys, and `{"*": shape}` with any keys."""


def escaped(text: str) -> str:
    r"""Escape each character that a terminal may obey or that turns the direction of writing.

    Examples
    --------
    >>> print(escaped("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def why_unreadable(error: Exception) -> str:
    """Say why a parser refused text; of a very long number Python only tells programmers."""
    said = str(error)
    if "set_int_max_str_digits" in said:
        return "a whole number in it has too many digits; 19 are the most"
    return said


def clean(text: object) -> str:
    """Make text safe for HTML: escaped, and without signs that no page may hold.

    Examples
    --------
    >>> print(clean("<b>"))
    &lt;b&gt;
    """
    from html import escape  # noqa: PLC0415  # the command line imports this module for its help

    kept = (each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
            for each in str(text))  # fmt: skip
    return escape("".join(kept), quote=True)


def read_small(path: str | os.PathLike[str], most: int, *, follow: bool = True) -> bytes:
    """Read a regular file that is not too large.

    Nothing waits here: not for whoever writes to a pipe, nor for the end of a
    device that has none.

    Parameters
    ----------
    most : int
        Bytes that it may have.
    follow : bool, optional
        Whether a path that is a symbolic link is followed.

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
    """Say where a value is not of a shape, as a path of keys; an empty text if it is.

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
    return next((each for each in misfits if each), None)
