"""What to write instead of functions that formulas cannot use, and why they cannot."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EXPRESSIONS", "instead_of"]

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
"""Formulas in x, or in a and b, that give the same numbers; a test holds that they do."""

_WIDTH = (
    "keep the width: an activation gives as many columns as it is given, a loss one error for each "
    "element or row, and only the layers change the width, with hidden="
)
_ORDER = (
    "use np.sort(x, axis=-1), or np.max or np.min over axis=-1: places in the order are no numbers "
    "that have a derivative"
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
    **dict.fromkeys(
        ("polygamma", "beta", "gammainc", "gammaincc", "betainc", "zeta"),
        _GAMMA,
    ),
}  # fmt: skip


def instead_of(name: str) -> str:
    """Say what to write instead of a function; an empty string if nothing is known."""
    expression = EXPRESSIONS.get(name)
    return f"write {expression}" if expression else _SENTENCES.get(name, "")
