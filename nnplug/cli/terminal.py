"""The one place that writes to the terminal: what data may not do there, and in which colours.

Names, values, messages and docstrings come from files and plugins. A terminal
obeys the control characters in a text, so none of them is ever written raw.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import sys
from typing import TYPE_CHECKING, BinaryIO, Protocol, TextIO, cast

import click

from nnplug.untrusted import escaped

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["binary_stdout", "colours", "console", "echo", "forgive_encoding", "safe", "style"]

_MARK = f"<{secrets.token_hex(8)} "
"""Before a style of our own; no data can know it."""

_STYLES = re.compile(rf"{_MARK}([0-9;]*)>")
_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}


def safe(text: str) -> str:
    r"""Escape a text, but for ends of lines and tabs; see `nnplug.untrusted.escaped`.

    Examples
    --------
    >>> print(safe("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    if text.isprintable():
        return text
    return "\n".join(
        "\t".join(map(escaped, line.split("\t"))) for line in text.split("\n")
    )  # few lines hold anything that is to be escaped


def style(text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """Give a text a style, which `echo` turns into the terminal's codes, or leaves out."""
    codes = [1] * bold + [2] * dim + ([_CODES[fg]] if fg else [])
    return f"{_MARK}{';'.join(map(str, codes))}>{text}{_MARK}0>" if codes else text


def echo(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a line to stdout, or to stderr."""
    coloured = colours(sys.stderr if err else sys.stdout)
    shown = _STYLES.sub(lambda found: f"\x1b[{found[1]}m" if coloured else "", safe(str(text)))
    click.echo(shown, err=err, nl=nl, color=coloured)


def forgive_encoding() -> None:
    """Let stdout and stderr replace the characters that their encoding has not."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="replace")


def colours(stream: TextIO) -> bool:
    """Whether a stream gets colours: a terminal does, unless NO_COLOR or FORCE_COLOR say else."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(*, err: bool = False) -> Console:
    """Make rich's console, for tables and progress; its texts have to be `safe`."""
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
    """Bytes of UTF-8 for a terminal."""

    def __init__(self, stream: _Writes) -> None:
        self.stream = stream

    def write(self, data: bytes | bytearray | memoryview) -> int:
        self.stream.write(safe(bytes(data).decode("utf-8", "surrogatepass")).encode())
        return len(data)


def binary_stdout() -> BinaryIO:
    """Give stdout for bytes: as they are into files and pipes, escaped on a terminal."""
    stream = sys.stdout.buffer
    return cast(BinaryIO, _Escaping(stream)) if sys.stdout.isatty() else stream
