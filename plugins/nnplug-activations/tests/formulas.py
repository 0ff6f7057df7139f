"""The formulas as their papers print them, in mpmath, for a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import (
    acos,
    asinh,
    atan,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    expm1,
    log,
    log1p,
    mpf,
    pi,
    sign,
    sin,
    sqrt,
    tanh,
)

Number = Any
Formula = Callable[[Number], Number]


def sigmoid(x: Number) -> Number:
    return 1 / (1 + exp(-x))


def softplus(x: Number) -> Number:
    return log1p(exp(x))


def normal(x: Number) -> Number:
    return erfc(-x / sqrt(mpf(2))) / 2


def gelu(x: Number) -> Number:
    return x * normal(x)


def clip(x: Number, low: Number, high: Number) -> Number:
    return min(max(x, mpf(low)), mpf(high))


def relu(x: Number) -> Number:
    return max(x, mpf(0))


def cauchy_gate(x: Number) -> Number:
    return acos(-x / sqrt(1 + x * x)) / pi  # 1/2 + arctan(x)/π


def _hosc(x: Number) -> Number:
    return tanh(2 * sin(x))


def _rational_tanh(x: Number) -> Number:
    u = abs(x * mpf(2 / 3))
    return mpf(1.7159) * sign(x) * (1 - 1 / (1 + u + u**2 + mpf(1.41645) * u**4))


def _firm(x: Number) -> Number:
    if abs(x) > 1:
        return x
    return sign(x) * 2 * max(abs(x) - mpf(0.5), mpf(0))


def _pade(x: Number) -> Number:
    above = (0.02996348, 0.61690165, 2.37539147, 3.06608078, 1.52474449, 0.25281987)
    below = (0.0, 1.19160814, 4.40811795, 0.91111034, 0.34885983)
    top = sum((mpf(a) * x**k for k, a in enumerate(above)), mpf(0))
    return top / (1 + abs(sum((mpf(b) * x**k for k, b in enumerate(below)), mpf(0))))


def _xielu(x: Number) -> Number:
    p, n = mpf(0.8), mpf(0.8)
    return (p * x * x if x > 0 else n * (exp(x) - 1 - x)) + x / 2


def _smooth_step(x: Number) -> Number:
    if abs(x) >= 0.5:
        return mpf(x > 0)
    return -2 * x**3 + mpf(3) / 2 * x + mpf(1) / 2


def _elu(x: Number) -> Number:
    return expm1(x) if x < 0 else x


def _entmoid15(x: Number) -> Number:
    near = clip(x, -2, 2)
    return ((sqrt(8 - near**2) + near) / 4) ** 2


FORMULAS: dict[str, Formula] = {
    # elementary
    "step": lambda x: mpf(x >= 0),
    "absolute": abs,
    "cube": lambda x: x**3,
    "ncu": lambda x: x - x**3,
    "squ": lambda x: x**2 + x,
    "bent_identity": lambda x: (sqrt(x**2 + 1) - 1) / 2 + x,
    "arctan": atan,
    "arcsinh": asinh,
    "symlog": lambda x: sign(x) * log1p(abs(x)),
    "seagull": lambda x: log1p(x**2),
    "logcosh": lambda x: log(cosh(x)),
    # rectified
    "threshold": relu,
    "thresholded_relu": lambda x: x if x > 1 else mpf(0),
    "relu_squared": lambda x: relu(x) ** 2,
    "repu": lambda x: relu(x) ** 3,
    "bipolar_relu": relu,  # the first unit
    "shifted_relu": lambda x: max(x, mpf(-1)),
    "displaced_relu": lambda x: max(x, mpf(-0.05)),
    "smelu": lambda x: (x + 2) ** 2 / 8 if abs(x) <= 2 else relu(x),
    "hard_mish": lambda x: x / 2 * min(mpf(2), relu(x + 2)),
    "nlrelu": lambda x: log1p(relu(x)),
    "squareplus": lambda x: (x + sqrt(x**2 + 4)) / 2,
    "sqrt_softplus": lambda x: sqrt(softplus(x)),
    # shrinkage
    "hard_shrink": lambda x: x if abs(x) > 0.5 else mpf(0),
    "soft_shrink": lambda x: sign(x) * relu(abs(x) - mpf(0.5)),
    "shrink": lambda x: x if abs(x) > 0.5 else mpf(0),
    "firm_shrink": _firm,
    "garrote_shrink": lambda x: x - mpf(0.25) / x if abs(x) > 0.5 else mpf(0),
    "tanh_shrink": lambda x: x - tanh(x),
    # gated linear
    "quick_gelu": lambda x: x * sigmoid(mpf(1.702) * x),
    "swish_beta": lambda x: x * sigmoid(x),
    "eswish": lambda x: mpf(1.375) * x * sigmoid(x),
    "elish": lambda x: _elu(x) * sigmoid(x),
    "hard_elish": lambda x: _elu(x) * clip((x + 1) / 2, 0, 1),
    "flatten_t_swish": lambda x: relu(x) * sigmoid(x) + mpf(-0.2),
    "aria2": lambda x: x * (1 + exp(-2 * x)) ** mpf(-1.5),
    "clipped_gelu": lambda x: clip(gelu(x), -10, 10),
    "sgelu": lambda x: x * erf(x / sqrt(mpf(2))),
    "atlu": lambda x: x * cauchy_gate(x),
    "golu": lambda x: x * exp(-exp(-x)),
    # mish-like
    "lisht": lambda x: x * tanh(x),
    "tanhexp": lambda x: x * tanh(exp(x)),
    "logish": lambda x: x * log1p(sigmoid(x)),
    "smish": lambda x: x * tanh(log1p(sigmoid(x))),
    "phish": lambda x: x * tanh(gelu(x)),
    "serf": lambda x: x * erf(softplus(x)),
    "gish": lambda x: x * log(1 - expm1(-exp(x))),
    "colu": lambda x: x / (1 - x * exp(-(x + exp(x)))),
    "tanhsoft": lambda x: tanh(mpf(0.6) * exp(x)) * x,
    "eis": lambda x: x * softplus(x) / sqrt(1 + x**2),
    # sigmoidal
    "hard_sigmoid_02": lambda x: clip(mpf(0.2) * x + mpf(0.5), 0, 1),
    "scaled_tanh": lambda x: mpf(1.7159) * tanh(mpf(2 / 3) * x),
    "rational_tanh": _rational_tanh,
    "rectified_tanh": lambda x: relu(tanh(x)),
    "penalized_tanh": lambda x: tanh(x) if x > 0 else tanh(x) / 4,
    "isru": lambda x: x / sqrt(1 + x**2),
    "sqnl": lambda x: x - x * abs(x) / 4 if abs(x) <= 2 else sign(x),
    "soft_clipping": lambda x: 2 * log((1 + exp(x / 2)) / (1 + exp((x - 1) / 2))),
    "smooth_step": _smooth_step,
    "laplace": lambda x: normal((x - mpf(0.5**0.5)) / mpf(0.28209479177387814)),
    "probit": normal,
    "log_log": lambda x: exp(-exp(-x)),
    "complementary_log_log": lambda x: -expm1(-exp(x)),
    "dsilu": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    # radial
    "gaussian": lambda x: exp(-(x**2)),
    "super_gaussian": lambda x: exp(-(x**2) / 2) ** 2,
    "laplacian": lambda x: exp(-abs(x)),
    "inverse_quadratic": lambda x: 1 / (1 + x**2),
    "inverse_multiquadric": lambda x: 1 / sqrt(1 + x**2),
    # periodic
    "sine": sin,
    "cosine": cos,
    "snake": lambda x: x + sin(x) ** 2,
    "gcu": lambda x: x * cos(x),
    "finer": lambda x: sin((abs(x) + 1) * x),
    "spder": lambda x: sin(x) * sqrt(abs(x)),
    "hosc": _hosc,
    "exp_sin": lambda x: exp(-sin(x)),
    "sinc": lambda x: sin(x) / x,
    # exponential
    "isrlu": lambda x: x if x >= 0 else x / sqrt(1 + x**2),
    "elu_plus_one": lambda x: x + 1 if x > 0 else exp(x),
    "polu": lambda x: x if x >= 0 else (1 - x) ** -2 - 1,
    "serlu": lambda x: mpf(1.07862) * (x if x >= 0 else mpf(2.90427) * x * exp(x)),
    "mpelu": _elu,
    "pelu": _elu,
    "ptelu": lambda x: x if x >= 0 else tanh(x),
    "xielu": _xielu,
    "soft_exponential": lambda x: x,
    # sparse, of one number
    "sparse_plus": lambda x: (x + 1) ** 2 / 4 if abs(x) < 1 else relu(x),
    "sparse_sigmoid": lambda x: clip((x + 1) / 2, 0, 1),
    "entmoid15": _entmoid15,
    # stochastic, outside training
    "rrelu": lambda x: x if x >= 0 else x * mpf((1 / 8 + 1 / 3) / 2),
    "elastic_relu": relu,
    "noisy_relu": relu,
    "rt_relu": relu,
    "probact": relu,
    "gumbel_sigmoid": sigmoid,
    # trainable
    "star_relu": lambda x: mpf(0.8944) * relu(x) ** 2 + mpf(-0.4472),
    "frelu": relu,
    "shilu": relu,
    "arelu": lambda x: x * (1 + sigmoid(mpf(2))) if x >= 0 else x * mpf(0.9),
    "lelelu": lambda x: x if x >= 0 else x * mpf(0.01),
    "srelu": lambda x: x if x > 0 else mpf(0.2) * x,
    "apl": lambda x: relu(x) + mpf(0.2) * relu(-x),
    "slaf": lambda x: x,
    "pade": _pade,
    # trainable and smooth
    "learned_swish": lambda x: x * sigmoid(x),
    "learned_snake": lambda x: x + sin(x) ** 2,
    "acon_c": lambda x: x * sigmoid(x),
    "smu": lambda x: (mpf(1.25) * x + mpf(0.75) * x * erf(mpf(0.75) * x)) / 2,
    "smu1": lambda x: (mpf(1.25) * x + sqrt((mpf(0.75) * x) ** 2 + 1)) / 2,
    "xatlu": lambda x: x * cauchy_gate(x),
    "xgelu": gelu,
    "xsilu": lambda x: x * sigmoid(x),
    "sinlu": lambda x: (x + sin(x)) * sigmoid(x),
    "erfact": lambda x: x * erf(mpf(0.75) * exp(mpf(0.75) * x)),
    "pserf": lambda x: x * erf(mpf(1.25) * softplus(mpf(0.85) * x)),
    "srs": lambda x: x / (x / 2 + exp(-x / 3)),
    "cauchy": lambda x: x / (x**2 + 1) + 1 / (x**2 + 1),
    "dyt": lambda x: tanh(x / 2),
    "derf": lambda x: erf(x / 2),
    "apa": sigmoid,
    "aglu": lambda x: x * sigmoid(x),
}
"""Each part that takes one number, with its options and numbers as they start."""

BY_ERF = {
    *("clipped_gelu", "sgelu", "phish", "serf", "probit", "laplace", "smu", "xgelu", "pserf"),
}
"""Formulas whose small tails are erfc's own, so that few digits suffice; erf is slow with many."""
