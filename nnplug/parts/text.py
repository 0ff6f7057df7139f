"""The text form of a part: `name`, `name:key=value,key=value`, `package/name`.

One form everywhere: on the command line, in Python, in a configuration and
in a saved model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nnplug.errors import OptionError

__all__ = [
    "LayerText",
    "PartText",
    "normalise_name",
    "parse_layers",
    "parse_name",
    "parse_part",
    "split_list",
    "write_option",
    "write_part",
]

DEEPEST = 16
"""How deep layers may hold layers."""

_OPTION = re.compile(r"\s*\w+\s*=")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LAYER_TOKEN = re.compile(r"[\[\]]|[^\s\[\]]+")


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
    inner : str or None
        What stands in brackets after it: the text of the part that it holds.
    """

    name: str
    package: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    inner: str | None = None


def normalise_name(name: str) -> str:
    """Ignore case and take `-` for `_`, as every look-up by name does."""
    return name.strip().lower().replace("-", "_")


def is_part_name(name: str) -> bool:
    """Whether a name is snake_case and starts with a letter."""
    return _NAME.fullmatch(name) is not None


def parse_part(text: str, first: str | None = None) -> PartText:
    """Read a part's text form.

    Parameters
    ----------
    first : str, optional
        The option that may be given by its value alone, as in `dense:64`.

    Raises
    ------
    OptionError
        If it is malformed; the message shows the right form.

    Examples
    --------
    >>> parse_part("Leaky-ReLU:slope=0.2")
    PartText(name='leaky_relu', package=None, options={'slope': '0.2'}, inner=None)
    """
    inner = None
    if text.rstrip().endswith("]") and "[" in text:
        text, _, inner = text.rstrip()[:-1].partition("[")
    qualified, colon, listed = text.partition(":")
    package, slash, name = qualified.rpartition("/")
    name = normalise_name(name)
    if not is_part_name(name) or (slash and not package.strip()):
        raise OptionError(
            f"{text!r} is not the name of a part.\n"
            "Write name, name:key=value,key=value or package/name."
        )
    options: dict[str, str] = {}
    for place, item in enumerate(listed.split(",") if colon else ()):
        key, equals, value = item.partition("=")
        key = normalise_name(key)
        if first and place == 0 and item and not equals:  # its value alone
            key, equals, value = first, "=", item
        if not equals or not key or not value.strip():
            raise OptionError(
                f"{text!r}: the option {item!r} is not of the form key=value.\n"
                f"Write for example {name}:key=0.1."
            )
        if key in options:
            raise OptionError(f"{text!r}: the option {key!r} is given twice.")
        options[key] = value.strip()
    return PartText(name, package.strip() or None, options, inner)


def parse_name(text: str) -> PartText:
    """Read a part's name and package, whatever stands after them.

    Raises
    ------
    OptionError
        If there is no name.
    """
    return parse_part(text.partition("[")[0].partition(":")[0])


@dataclass(frozen=True)
class LayerText:
    """What the text form of a network says of one layer.

    Attributes
    ----------
    text : str
        Name and options, as written.
    inner : tuple of LayerText or None
        What stands in brackets after it; None: there are none.
    """

    text: str
    inner: tuple[LayerText, ...] | None = None


def parse_layers(text: str) -> tuple[LayerText, ...]:
    """Read the text form of a network: layers with spaces between, and brackets around some.

    Raises
    ------
    OptionError
        If a bracket has no other.

    Examples
    --------
    >>> parse_layers("dense:8 residual[relu]")[1]
    LayerText(text='residual', inner=(LayerText(text='relu', inner=None),))
    """
    rows: list[list[LayerText]] = [[]]  # of the whole, and of each bracket that is open
    for token in _LAYER_TOKEN.findall(text):
        if token == "]":
            if len(rows) == 1:
                raise OptionError(f"{_short(text)}: a ] without a [ before it.")
            inner = tuple(rows.pop())
            rows[-1][-1] = LayerText(rows[-1][-1].text, inner)
        elif token == "[":
            if not rows[-1] or rows[-1][-1].inner is not None:
                raise OptionError(f"{_short(text)}: a [ without the name of a layer before it.")
            if len(rows) > DEEPEST:
                raise OptionError(f"{_short(text)}: brackets more than {DEEPEST} deep.")
            rows.append([])
        else:
            rows[-1].append(LayerText(token))
    if len(rows) > 1:
        raise OptionError(f"{_short(text)}: a [ without a ] after it.")
    return tuple(rows[0])


def write_part(name: str, options: Mapping[str, object], inner: Iterable[str] = ()) -> str:
    """Write a part's text form.

    Parameters
    ----------
    inner : iterable of str
        The text forms of the parts that it holds.

    Examples
    --------
    >>> write_part("dense", {"units": 64}), write_part("residual", {}, ["dense:64", "relu"])
    ('dense:units=64', 'residual[dense:64 relu]')
    """
    listed = ",".join(f"{key}={write_option(value)}" for key, value in options.items())
    held = " ".join(inner)
    return name + (f":{listed}" if listed else "") + (f"[{held}]" if held else "")


def write_option(value: object) -> str:
    """Write an option's value, which reads back equal to the bit."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) or hasattr(value, "schedule"):
        return str(value)
    return repr(float(value)) if isinstance(value, float) else repr(value)


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}...")


def split_list(text: str) -> list[str]:
    """Split a list at its commas, but for those between options of one part or in brackets.

    Examples
    --------
    >>> split_list("relu,elu:alpha=0.5,selu")
    ['relu', 'elu:alpha=0.5', 'selu']
    >>> split_list("adam:beta1=0.8,beta2=0.9,sgd")
    ['adam:beta1=0.8,beta2=0.9', 'sgd']
    """
    found: list[str] = []
    depth, piece = 0, ""
    for letter in f"{text},":
        depth += (letter in "[(") - (letter in "])")
        if letter != "," or depth > 0:
            piece += letter
            continue
        if found and _OPTION.match(piece):
            found[-1] += f",{piece}"
        elif piece.strip():
            found.append(piece.strip())
        piece = ""
    return found
