"""The error for what a formula cannot do, with the author's line."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import numpy as np

from nnplug.errors import FormulaError

__all__ = ["refuse"]


def refuse(what: str, reason: str, way_out: str) -> FormulaError:
    """Make the error for something that a formula cannot do, with its place."""
    place = author_line()
    stop = "" if way_out.endswith((".", "?")) else "."
    return FormulaError(f"{place}{what}: {reason}.\nWay out: {way_out}{stop}")


def author_line() -> str:
    """Find the innermost line of the formula that is being traced.

    Returns
    -------
    str
        `"file.py:12: "`, or an empty string outside any author's code.
    """
    here = str(Path(__file__).parent)
    numpy_root = str(Path(np.__file__).parent)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        inside = filename.startswith((here, numpy_root, "<__array_function__"))
        if not inside:
            return f"{filename}:{frame.f_lineno}: "
        frame = frame.f_back
    return ""
