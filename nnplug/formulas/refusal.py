"""Calling what an author wrote, and the errors for what a formula cannot do.

Each error has the author's file and line, the reason, and what to write instead.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from nnplug.errors import FormulaError, PartError

__all__ = [
    "EXPRESSIONS",
    "NotAnArray",
    "UnsupportedError",
    "author_line",
    "call_author",
    "instead_of",
    "is_authors",
    "refuse",
    "refuse_function",
]

_OURS = tuple(str(Path(__file__).parents[1] / name) for name in ("formulas", "parts", "special.py"))
_NUMPY = str(Path(np.__file__).parent)


class UnsupportedError(FormulaError):
    """A formula uses a function that nnplug cannot differentiate, but that may work on arrays."""


def refuse(what: str, reason: str, way_out: str) -> FormulaError:
    """Make the error for something that a formula cannot do, with the author's line."""
    return FormulaError(_message(what, reason, way_out))


def refuse_function(name: str, instead: str) -> FormulaError:
    """Make the error for a function that formulas cannot use.

    Parameters
    ----------
    name : str
        The name that NumPy or SciPy gives it.
    instead : str
        The way out for this function; empty if there is none.
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
    """Find the innermost line of an author's code that is running.

    Returns
    -------
    str
        `"file.py:12: "`, or an empty string outside an author's code.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_authors(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}: "
        frame = frame.f_back
    return ""


def is_authors(filename: str) -> bool:
    """Whether a file is the author's: not one of nnplug, NumPy or SciPy, which it calls."""
    scipy = getattr(sys.modules.get("scipy"), "__file__", None)
    scipy_root = (str(Path(scipy).parent),) if scipy else ()
    return not filename.startswith((*_OURS, _NUMPY, *scipy_root, "<__array_function__"))


# --- calling -----------------------------------------------------------------------------


def call_author(name: str, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
    """Call a part's function.

    Every call of an author's code goes through here, except those of hooks.
    Ctrl-C and errors pass through; their traceback shows the author's line.

    Parameters
    ----------
    name : str
        The part's kind and name, for the message.

    Raises
    ------
    PartError
        If it calls `sys.exit`, which would end an unfinished run; with status 0
        it would even look finished.
    """
    try:
        return function(*arguments, **options)
    except SystemExit as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise PartError(
            f"{name}: {frame.filename}:{frame.lineno}: it calls sys.exit({error.code!r}), and a "
            "part may not end the program.\nWay out: raise an error in its place."
        ) from error


# --- what a symbol is not --------------------------------------------------------------


class NotAnArray:
    """What an array can do and a symbol cannot: each is refused, with another way to write it."""

    __slots__ = ()

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise refuse(
            "an array is made from an argument, as `np.asarray` and `np.vectorize` do",
            "the argument stands for an array already",
            "leave the conversion out and apply NumPy's functions to the argument itself",
        )

    def __bool__(self) -> bool:
        raise refuse(
            "a branch (`if`, `and`, `or`, `not`, `min()` or `max()`) on an array's value",
            "a formula is one expression for all elements at once",
            "use np.where(condition, a, b), np.logical_and, np.maximum or np.minimum",
        )

    def __float__(self) -> float:
        raise refuse(
            "an array is turned into a number, as `math.exp` and `float()` do",
            "the formula must work on whole arrays",
            "use NumPy's function of the same name, such as np.exp, or one of nnplug.special, "
            "such as erf or lgamma",
        )

    __int__ = __index__ = __complex__ = __float__

    def __iter__(self) -> Iterator[Any]:
        raise refuse(
            "a loop over an array's elements",
            "a formula works on whole arrays",
            "write the arithmetic on the array itself, or reduce it with np.sum",
        )

    def __len__(self) -> int:
        raise refuse(
            "`len()` of an array",
            "the number of rows is not part of a formula",
            "use np.mean in place of a sum divided by a length",
        )

    def __getitem__(self, key: Any) -> Any:
        raise refuse(
            "indexing an array, as `x[:, 0]` and `x[:, ::2]` do",
            "a formula works on whole arrays, and an activation keeps its input's width, which "
            "only a layer may change",
            "use np.where to choose elements, np.take_along_axis to choose by label, or a "
            "reduction over axis=-1",
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        raise refuse(
            "assigning to elements of an array",
            "a formula returns new values and leaves its inputs as they are",
            "use np.where(condition, new, old)",
        )

    def __getattr__(self, name: str) -> Any:
        # NumPy probes for protocols with underscored names; those must stay absent.
        if name.startswith("_"):
            raise AttributeError(name)
        reason, way_out = _ATTRIBUTES.get(
            name,
            (
                "it is not supported",
                instead_of(name) or "use NumPy functions such as np.sum(x, axis=-1, keepdims=True)",
            ),
        )
        raise refuse(f"`.{name}` of an array", reason, way_out)


_ATTRIBUTES = {
    "dtype": (
        "a formula keeps the dtype it is given",
        "leave it out; plain numbers take any dtype",
    ),
    "size": (
        "a formula is traced before any array exists",
        "use np.mean in place of a sum divided by a size",
    ),
    "astype": ("a formula keeps the dtype it is given", "leave the conversion out"),
    "copy": ("a formula changes no array", "use the argument itself"),
    "sort": ("a formula changes no array", "use np.sort(x, axis=-1)"),
}
"""The reason and the way out for attributes that authors often use."""


# --- what to write instead --------------------------------------------------------------

EXPRESSIONS: Mapping[str, str] = {
    # NumPy's
    "fix": "np.trunc(x)",
    "signbit": "x < 0",
    "deg2rad": "x * (np.pi / 180)",
    "radians": "x * (np.pi / 180)",
    "rad2deg": "x * (180 / np.pi)",
    "degrees": "x * (180 / np.pi)",
    "nan_to_num": "np.where(x != x, 0.0, x)",
    "ptp": "np.max(x, axis=-1, keepdims=True) - np.min(x, axis=-1, keepdims=True)",
    # SciPy's
    "expit": "nnplug.special.sigmoid(x)",
    "log_expit": "nnplug.special.log_sigmoid(x)",
    "logit": "np.log(x / (1 - x))",
    "logsumexp": "nnplug.special.log_sum_exp(x)",
    "ndtr": "0.5 * nnplug.special.erfc(-x / np.sqrt(2.0))",
    "gammaln": "nnplug.special.lgamma(x)",
    "loggamma": "nnplug.special.lgamma(x)",
    "gamma": "np.exp(nnplug.special.lgamma(x))",
    "factorial": "np.exp(nnplug.special.lgamma(x + 1))",
    "psi": "nnplug.special.digamma(x)",
    "betaln": "nnplug.special.lgamma(a) + nnplug.special.lgamma(b) - nnplug.special.lgamma(a + b)",
    "entr": "np.where(x > 0, -x * np.log(np.where(x > 0, x, 1.0)), 0.0)",
    "xlogy": "np.where(a == 0, 0.0, a * np.log(np.where(a == 0, 1.0, b)))",
    "xlog1py": "np.where(a == 0, 0.0, a * np.log1p(np.where(a == 0, 0.0, b)))",
    "rel_entr": "np.where(a > 0, a * np.log(np.where(a > 0, a, 1.0) / b), 0.0)",
    "exprel": "np.where(x == 0, 1.0, np.expm1(x) / np.where(x == 0, 1.0, x))",
    "huber": "np.where(abs(b) <= a, 0.5 * b**2, a * (abs(b) - 0.5 * a))",
    "pseudo_huber": "a**2 * (np.sqrt(1 + (b / a) ** 2) - 1)",
    # nobody's, or nnplug's own
    "relu": "np.maximum(x, 0)",
    "sigmoid": "nnplug.special.sigmoid(x)",
    "log_sigmoid": "nnplug.special.log_sigmoid(x)",
    "softplus": "nnplug.special.softplus(x)",
    "softmax": "nnplug.special.softmax(x)",
    "log_softmax": "nnplug.special.log_softmax(x)",
    "log_sum_exp": "nnplug.special.log_sum_exp(x)",
    "erf": "nnplug.special.erf(x)",
    "erfc": "nnplug.special.erfc(x)",
    "lgamma": "nnplug.special.lgamma(x)",
    "digamma": "nnplug.special.digamma(x)",
    "trigamma": "nnplug.special.trigamma(x)",
}
"""Formulas in x, or in a and b, that give the same numbers; a test compares them."""

_WIDTH = (
    "keep the width: an activation gives as many columns as it is given, a loss one error for each "
    "element or row, and only the layers change the width, with hidden="
)
_ORDER = (
    "use np.sort(x, axis=-1), or np.max or np.min over axis=-1: positions in an order have no "
    "derivative"
)
_ROW = (
    "use np.sum, np.mean, np.max or np.min over axis=-1, keepdims=True, which see the whole row, "
    "or np.cumsum or np.flip over axis=-1"
)
_CHOICE = "use np.where(condition, a, b), one within another"
_MATRIX = "use `@` and .T, in an optimizer of matrices"
_GAMMA = (
    "use nnplug.special's lgamma, digamma or trigamma; a term of a loss that does not depend on "
    "the prediction changes no step, and may be left out"
)

_SENTENCES: Mapping[str, str] = {
    **dict.fromkeys(
        ("split", "array_split", "hsplit", "vsplit", "concatenate", "stack", "hstack", "vstack",
         "column_stack", "repeat", "tile", "pad", "reshape", "ravel", "flatten", "squeeze",
         "delete", "insert", "append", "take", "compress", "resize"),
        _WIDTH,
    ),
    **dict.fromkeys(
        ("argsort", "partition", "argpartition", "argmax", "argmin", "median", "nanmedian",
         "percentile", "quantile", "unique", "searchsorted"),
        _ORDER,
    ),
    **dict.fromkeys(
        ("cumprod", "diff", "gradient", "roll", "fliplr", "prod", "average",
         "convolve", "interp", "nansum", "nanmean", "nanmax", "nanmin", "trapezoid", "any", "all",
         "count_nonzero"),
        _ROW,
    ),
    **dict.fromkeys(("select", "piecewise", "choose"), _CHOICE),
    **dict.fromkeys(
        ("einsum", "tensordot", "inner", "outer", "vdot", "kron", "trace", "inv", "pinv", "solve",
         "det", "svd", "qr", "eigh", "eig", "cholesky", "matrix_power"),
        _MATRIX,
    ),
    **dict.fromkeys(("stop_gradient", "detach"), "use nnplug.special.stop_gradient(x)"),
    **dict.fromkeys(
        ("polygamma", "beta", "gammainc", "gammaincc", "betainc", "zeta"),
        _GAMMA,
    ),
}  # fmt: skip


def instead_of(name: str) -> str:
    """Say what to write instead of a function; an empty string if nothing is known."""
    expression = EXPRESSIONS.get(name)
    return f"write {expression}" if expression else _SENTENCES.get(name, "")
