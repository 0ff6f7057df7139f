"""Plain values as TOML, which Python reads (`tomllib`) and does not write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["toml_line", "toml_table", "toml_value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def toml_value(value: Any) -> str:
    r"""Write a text, number or truth value, or a list or mapping of such values.

    Numbers come back equal to the bit.

    Raises
    ------
    TypeError
        If the value is anything else.

    Examples
    --------
    >>> print(toml_value([True, 1, 1e-05, 'say "hi"']))
    [true, 1, 1e-05, "say \"hi\""]
    >>> print(toml_value({"day": "%d.%m.%Y", "the year": ["n/a", "?"]}))
    {day = "%d.%m.%Y", "the year" = ["n/a", "?"]}
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return f'"{"".join(map(_escaped, value))}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(toml_line(key, inner) for key, inner in value.items())}}}"
    raise TypeError(f"{value!r} is not text, number, truth value, list or mapping.")


def toml_line(key: str, value: Any) -> str:
    """Write `key = value`."""
    return f"{key if _BARE.fullmatch(key) else toml_value(key)} = {toml_value(value)}"


def toml_table(name: str, values: Mapping[str, Any]) -> list[str]:
    """Write the lines of a table: a header, then its keys."""
    return [f"[{name}]", *(toml_line(key, value) for key, value in values.items())]


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\u{code:04x}"
    if 0xD800 <= code <= 0xDFFF:
        raise TypeError("A path or text that is not Unicode cannot be written as TOML.")
    return character
