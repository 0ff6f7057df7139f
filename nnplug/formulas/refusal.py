"""The error for what a formula cannot do, with the author's line."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import numpy as np

from nnplug.errors import FormulaError

__all__ = ["UnsupportedError", "author_line", "is_authors", "refuse", "refuse_function"]

_OURS = tuple(str(Path(__file__).parents[1] / each) for each in ("formulas", "parts", "special.py"))
_NUMPY = str(Path(np.__file__).parent)


class UnsupportedError(FormulaError):
    """A formula uses a function that has no derivative here; it may work on arrays."""


def refuse(what: str, reason: str, way_out: str) -> FormulaError:
    """Make the error for something that a formula cannot do, with its place."""
    return FormulaError(_message(what, reason, way_out))


def refuse_function(name: str, instead: str) -> FormulaError:
    """Make the error for a function that formulas cannot use.

    Parameters
    ----------
    name : str
        NumPy's or SciPy's.
    instead : str
        The way out, where there is one for this function.
    """
    way_out = instead or (
        "build it from arithmetic, comparisons, np.where, np.maximum, np.clip, exponentials, "
        "logarithms, np.tanh and the like, sums over axis=-1, and nnplug.special"
    )
    what, reason = f"`{name}` is not supported", "nnplug has no derivative for it"
    return UnsupportedError(_message(what, reason, way_out))


def _message(what: str, reason: str, way_out: str) -> str:
    stop = "" if way_out.endswith((".", "?")) else "."
    return f"{author_line()}{what}: {reason}.\nWay out: {way_out}{stop}"


def author_line() -> str:
    """Find the innermost line of an author's code that is being run.

    Returns
    -------
    str
        `"file.py:12: "`, or an empty string outside any author's code.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_authors(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}: "
        frame = frame.f_back
    return ""


def is_authors(filename: str) -> bool:
    """Whether a file is none of those that stand between an author's line and the error."""
    scipy = getattr(sys.modules.get("scipy"), "__file__", None)
    scipy_root = (str(Path(scipy).parent),) if scipy else ()
    return not filename.startswith((*_OURS, _NUMPY, *scipy_root, "<__array_function__"))
