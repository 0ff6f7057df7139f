"""The only place that writes to the terminal: escaped, in colour, and folded to its width.

Names, values, messages and docstrings come from files and plugins. A terminal
obeys control characters in a text, so they are never written raw.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TextIO, cast

import click

from nnplug.layout import cells, fold
from nnplug.untrusted import escaped

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "binary_stdout",
    "colours",
    "console",
    "echo",
    "field",
    "forgive_encoding",
    "print_json",
    "safe",
    "style",
    "width",
]

_MARK = f"<{secrets.token_hex(8)}:"
"""Stands before a style of our own; no data can contain it, since it is random."""

_STYLES = re.compile(rf"{_MARK}([0-9;]*)>")
_USUAL = 80
_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}


def safe(text: str) -> str:
    r"""Escape a text except its line ends and tabs; see `nnplug.untrusted.escaped`.

    Examples
    --------
    >>> print(safe("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    if text.isprintable():
        return text
    return "\n".join(
        "\t".join(map(escaped, line.split("\t"))) for line in text.split("\n")
    )  # few lines have anything to escape


def style(text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """Give a text a style, which `echo` turns into the terminal's codes or leaves out."""
    codes = [1] * bold + [2] * dim + ([_CODES[fg]] if fg else [])
    return f"{_MARK}{';'.join(map(str, codes))}>{text}{_MARK}0>" if codes else text


def echo(
    text: object = "", *, err: bool = False, whole: bool = False, hanging: str | None = None
) -> None:
    """Write lines to stdout, or to stderr.

    A terminal would break long lines inside words, so there they are folded
    between words; files and pipes get them unchanged.

    Parameters
    ----------
    whole : bool, optional
        Whether lines are left unfolded on a terminal too.
    hanging : str, optional
        What the rest of a folded line begins with; by default as many spaces
        as the line itself.
    """
    stream = sys.stderr if err else sys.stdout
    coloured = colours(stream)
    shown = safe(str(text))
    if not whole and stream.isatty():
        room = width(err=err)
        shown = "\n".join(_folded(line, room, hanging) for line in shown.split("\n"))
    shown = _STYLES.sub(lambda found: f"\x1b[{found[1]}m" if coloured else "", shown)
    click.echo(shown, err=err, color=coloured)


def _folded(line: str, room: int, hanging: str | None) -> str:
    if _visible(line) <= room:
        return line
    bare = line.lstrip(" ")
    indent = line[: len(line) - len(bare)]
    hanging = indent if hanging is None else hanging
    return fold(bare, room, indent=indent, hanging=hanging, breaking="names", size=_visible)


def _visible(text: str) -> int:
    return cells(_STYLES.sub("", text))


def print_json(value: Any) -> None:
    """Write a value as JSON, unfolded, so that it is valid JSON on a terminal too."""
    import json

    echo(json.dumps(value, indent=2), whole=True)


def width(*, err: bool = False) -> int:
    """Return the terminal's width: COLUMNS if it is set, and 80 without a terminal."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        found = os.get_terminal_size((sys.stderr if err else sys.stdout).fileno()).columns
    except (OSError, ValueError, AttributeError):  # it is a file, or not a stream of the system
        found = 0
    return found or _USUAL


def field(name: str, text: str, *, room: int = 11, indent: str = "  ") -> None:
    """Write a name and a text side by side; nothing if the text is empty."""
    if text:
        head = f"{indent}{name:{room}}  "
        rest = " " * len(head)
        first, *others = safe(text).split("\n")
        lines = [fold(first, width(), indent=head, hanging=rest, breaking="all")]
        lines += [fold(line, width(), indent=rest, breaking="all") for line in others]
        echo("\n".join(lines))


def forgive_encoding() -> None:
    """Let stdout and stderr replace characters that their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="replace")


def colours(stream: TextIO) -> bool:
    """Whether a stream gets colours: a terminal does; NO_COLOR and FORCE_COLOR override that."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(*, err: bool = False) -> Console:
    """Make rich's console, for tables and progress; its texts must be `safe`."""
    from rich.console import Console

    coloured = colours(sys.stderr if err else sys.stdout)
    return Console(
        stderr=err,
        highlight=False,
        markup=False,
        emoji=False,
        color_system="standard" if coloured else None,
    )


class _Writes(Protocol):
    def write(self, data: bytes, /) -> int: ...


class _Escaping:
    """Escapes bytes of UTF-8 for a terminal."""

    def __init__(self, stream: _Writes) -> None:
        self.stream = stream

    def write(self, data: bytes | bytearray | memoryview) -> int:
        self.stream.write(safe(bytes(data).decode("utf-8", "surrogatepass")).encode())
        return len(data)


def binary_stdout() -> BinaryIO:
    """Return stdout for bytes: unchanged to files and pipes, escaped on a terminal."""
    stream = sys.stdout.buffer
    return cast(BinaryIO, _Escaping(stream)) if sys.stdout.isatty() else stream
