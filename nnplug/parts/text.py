"""The text form of a part: `name`, `name:key=value,key=value`, `package/name`.

One form everywhere: on the command line, in Python, in a configuration and
in a saved model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nnplug.errors import OptionError

__all__ = ["PartText", "normalise_name", "parse_part"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class PartText:
    """What a part's text form says.

    Attributes
    ----------
    name : str
        The part's normalised name.
    package : str or None
        The package it must come from, when qualified.
    options : dict of str to str
        The options as written.
    """

    name: str
    package: str | None = None
    options: dict[str, str] = field(default_factory=dict)


def normalise_name(name: str) -> str:
    """Ignore case and take `-` for `_`, as every look-up by name does."""
    return name.strip().lower().replace("-", "_")


def is_part_name(name: str) -> bool:
    """Whether a name is snake_case and starts with a letter."""
    return _NAME.fullmatch(name) is not None


def parse_part(text: str) -> PartText:
    """Read a part's text form.

    Raises
    ------
    OptionError
        If it is malformed; the message shows the right form.

    Examples
    --------
    >>> parse_part("Leaky-ReLU:slope=0.2")
    PartText(name='leaky_relu', package=None, options={'slope': '0.2'})
    """
    qualified, colon, listed = text.partition(":")
    package, slash, name = qualified.rpartition("/")
    name = normalise_name(name)
    if not is_part_name(name) or (slash and not package.strip()):
        raise OptionError(
            f"{text!r} is not the name of a part.\n"
            "Write name, name:key=value,key=value or package/name."
        )
    options: dict[str, str] = {}
    for item in listed.split(",") if colon else ():
        key, equals, value = item.partition("=")
        key = normalise_name(key)
        if not equals or not key or not value.strip():
            raise OptionError(
                f"{text!r}: the option {item!r} is not of the form key=value.\n"
                f"Write for example {name}:key=0.1."
            )
        if key in options:
            raise OptionError(f"{text!r}: the option {key!r} is given twice.")
        options[key] = value.strip()
    return PartText(name, package.strip() or None, options)
