"""The part of a page's address after #, which says all that is on the screen."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["in_one_line", "read_screen"]

_OWN = ("points", "edits", "epoch", "step", "axes", "fixed")
"""What is not a setting of a network, and stands in JSON."""

_PAGE = ("hide", "panel")
"""What only the page needs to know."""


def in_one_line(text: str) -> str:
    r"""Leave out line breaks, with the blanks around them, and what stands before #.

    Examples
    --------
    >>> in_one_line("data=moons\n  &hidden=[5,3]")
    'data=moons&hidden=[5,3]'
    """
    return re.sub(r"\s*\n\s*", "", text.rpartition("#")[2]).strip()


def read_screen(text: str) -> dict[str, Any]:
    """Read a screen as the page does (`page/address.js`).

    Parameters
    ----------
    text : str
        What follows # in the address, in one line or several.

    Returns
    -------
    dict
        What the page asks of its session's command `open`.

    Examples
    --------
    >>> read_screen("#data=moons:size=60&hidden=[5,3]&epoch=4&hide=loss")
    {'settings': [{'hidden': [5, 3]}], 'data': 'moons:size=60', 'epoch': 4}
    """
    settings: list[Any] = [{}]
    found: dict[str, Any] = {"settings": settings}
    for name, value in parse_qsl(in_one_line(text), keep_blank_values=True):
        if name == "data":
            found["data"] = value
        elif name == "race":
            settings[1:] = [_plain(value)]
        elif name in _OWN:
            found[name] = _plain(value)
        elif name not in _PAGE:
            settings[0][name] = _plain(value)
    return found


def _plain(text: str) -> Any:
    """Read JSON, or take the text as it is."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _no_number(name: str) -> float:
    """Refuse NaN and Infinity, which Python reads but JSON does not have."""
    raise ValueError(name)
