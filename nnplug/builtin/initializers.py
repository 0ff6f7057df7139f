"""The built-in initializers: the weights of a layer before the first step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from nnplug.errors import OptionError
from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, initializer
from nnplug.types import FloatArray

Generator = np.random.Generator


@initializer
def uniform(
    generator: Generator, fan_in: int, fan_out: int, *, low: float = -1.0, high: float = 1.0
) -> FloatArray:
    """Uniform on [low, high)."""
    return generator.uniform(low, high, (fan_in, fan_out))


@initializer(legacy=True)
def legacy_uniform(
    generator: Generator, fan_in: int, fan_out: int, *, low: float = -1.0, high: float = 1.0
) -> FloatArray:
    """Uniform on [low, high), drawn as after `numpy.random.seed(seed)`.

    For repeating, to the bit, a run that was written for NumPy's old
    interface; `uniform` is the same distribution from a derived generator.
    """
    return generator.uniform(low, high, (fan_in, fan_out))


@initializer(aliases=("xavier_uniform",))
def glorot_uniform(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Uniform on ±√(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010, AISTATS, eq. 16)."""
    limit = np.sqrt(6 / (fan_in + fan_out))
    return generator.uniform(-limit, limit, (fan_in, fan_out))


@initializer(aliases=("xavier_normal",))
def glorot_normal(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot & Bengio, 2010, AISTATS, eq. 12).

    Not truncated, as in PyTorch (Keras truncates at two deviations).
    """
    return generator.normal(0, np.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))


@initializer(aliases=("kaiming_uniform",))
def he_uniform(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Uniform on ±√(6 / fan_in) (He et al., 2015, arXiv:1502.01852, eq. 10)."""
    limit = np.sqrt(6 / fan_in)
    return generator.uniform(-limit, limit, (fan_in, fan_out))


@initializer(aliases=("kaiming_normal",))
def he_normal(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Normal with variance 2 / fan_in (He et al., 2015, arXiv:1502.01852, eq. 10)."""
    return generator.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out))


@initializer
def lecun_normal(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Normal with variance 1 / fan_in (LeCun et al., 1998, Efficient BackProp, eq. 16)."""
    return generator.normal(0, np.sqrt(1 / fan_in), (fan_in, fan_out))


@initializer
def lecun_uniform(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Uniform on ±√(3 / fan_in), of variance 1 / fan_in (LeCun et al., 1998, Efficient BackProp).

    Equation 16 of the paper gives the deviation, for a normal or a uniform distribution.
    """
    limit = np.sqrt(3 / fan_in)
    return generator.uniform(-limit, limit, (fan_in, fan_out))


@initializer(aliases=("torch_linear_default",))
def torch_linear(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Uniform on ±1 / √fan_in: the weights of PyTorch's `Linear`.

    PyTorch reaches it as he_uniform for a leaky_relu of slope √5. Its biases
    are drawn from the same interval; here they start at 0.
    """
    limit = 1 / np.sqrt(fan_in)
    return generator.uniform(-limit, limit, (fan_in, fan_out))


@initializer(aliases=("random_normal",), ranges={"std": "[0, inf)"})
def normal(
    generator: Generator, fan_in: int, fan_out: int, *, mean: float = 0.0, std: float = 0.05
) -> FloatArray:
    """Normal with a mean and a standard deviation, whatever the layer's size.

    The default deviation is Keras's; PyTorch's is 1, JAX's 0.01.

    Parameters
    ----------
    std : float
        At least 0.
    """
    return generator.normal(mean, std, (fan_in, fan_out))


@initializer(aliases=("trunc_normal",), ranges={"std": "[0, inf)", "cut": "[0.1, inf)"})
def truncated_normal(
    generator: Generator,
    fan_in: int,
    fan_out: int,
    *,
    mean: float = 0.0,
    std: float = 0.05,
    cut: float = 2.0,
) -> FloatArray:
    """Normal, with values further than `cut` deviations from the mean drawn again.

    As in Keras and JAX, `std` is the deviation before truncation; with a cut at
    2 the weights have 0.88 of it. Differs from PyTorch, whose `a` and `b` are
    the bounds themselves, by default -2 and 2, not in deviations.

    Parameters
    ----------
    std : float
        At least 0.
    cut : float
        In standard deviations, at least 0.1.
    """
    return mean + std * _cut_normal(generator, (fan_in, fan_out), cut)


@initializer(ranges={"scale": "(0, inf)"})
def variance_scaling(
    generator: Generator,
    fan_in: int,
    fan_out: int,
    *,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
) -> FloatArray:
    """Weights of variance scale / n, with n the layer's inputs, its outputs, or their mean.

    The family that glorot (1, fan_avg), he (2, fan_in) and lecun (1, fan_in)
    belong to, as Keras and JAX spell it. He et al. (2015, arXiv:1502.01852,
    eq. 10 and 14) derive the first two modes.

    Parameters
    ----------
    scale : float
        Above 0; the square of PyTorch's `gain`.
    mode : str
        `fan_in`, `fan_out`, `fan_avg` (their mean) or `fan_geo_avg` (the root of
        their product).
    distribution : str
        `truncated_normal`, cut at two deviations and widened to keep the
        variance; `normal` or `uniform`.

    Examples
    --------
    >>> weight = variance_scaling(np.random.default_rng(0), 100, 400, distribution="normal")
    >>> round(100 * float(weight.var()), 2)
    1.0
    """
    sizes = {
        "fan_in": fan_in,
        "fan_out": fan_out,
        "fan_avg": (fan_in + fan_out) / 2,
        "fan_geo_avg": math.sqrt(fan_in * fan_out),
    }
    known = ("truncated_normal", "normal", "uniform")
    _choose("variance_scaling", "mode", mode, sizes)
    _choose("variance_scaling", "distribution", distribution, known)
    deviation, shape = math.sqrt(scale / sizes[mode]), (fan_in, fan_out)
    if distribution == "uniform":
        limit = math.sqrt(3) * deviation
        return generator.uniform(-limit, limit, shape)
    if distribution == "normal":
        return generator.normal(0, deviation, shape)
    return deviation / _DEVIATION_CUT_AT_2 * _cut_normal(generator, shape, 2.0)


@initializer(ranges={"gain": "[0, inf)"})
def orthogonal(generator: Generator, fan_in: int, fan_out: int, *, gain: float = 1.0) -> FloatArray:
    """A random orthogonal matrix (Saxe et al., 2014, arXiv:1312.6120, section 3).

    Its columns, or its rows if there are fewer of them, are orthogonal to each
    other and as long as `gain`; all directions are equally likely.

    Parameters
    ----------
    gain : float
        At least 0.

    Examples
    --------
    >>> weight = orthogonal(np.random.default_rng(0), 5, 2, gain=3.0)
    >>> bool(np.allclose(weight.T @ weight, 9 * np.eye(2)))
    True
    """
    return gain * _orthonormal(generator, fan_in, fan_out)


@initializer
def lsuv(generator: Generator, fan_in: int, fan_out: int, inputs: FloatArray) -> FloatArray:
    """Layer-sequential unit variance (Mishkin & Matas, 2016, arXiv:1511.06422, Algorithm 1).

    Orthogonal weights, divided by the standard deviation of what the layer
    gives for the first rows. The paper divides again until that is within a
    tolerance of 1; before a layer's activation once is enough.
    """
    weight = _orthonormal(generator, fan_in, fan_out)
    deviation = np.std(inputs @ weight)
    return weight / deviation if deviation > 0 else weight


@initializer(ranges={"sparsity": "[0, 1]", "std": "[0, inf)"})
def sparse(
    generator: Generator, fan_in: int, fan_out: int, *, sparsity: float = 0.1, std: float = 0.01
) -> FloatArray:
    """Normal, with the same number of zeros among the incoming weights of each unit.

    Martens (2010, ICML, Deep learning via Hessian-free optimization, section
    5), who keeps 15 weights. Differs from PyTorch's `sparse_`, which counts the
    zeros among the outgoing weights of each input.

    Parameters
    ----------
    sparsity : float
        From 0 to 1: the share of zeros, rounded up to whole weights.
    std : float
        At least 0, of the others.

    Examples
    --------
    >>> (sparse(np.random.default_rng(0), 4, 3, sparsity=0.5) == 0).sum(axis=0).tolist()
    [2, 2, 2]
    """
    weight = generator.normal(0, std, (fan_in, fan_out))
    order = generator.random((fan_in, fan_out)).argsort(axis=0).argsort(axis=0)
    return np.where(order < math.ceil(sparsity * fan_in), 0.0, weight)


@initializer(aliases=("eye",))
def identity(generator: Generator, fan_in: int, fan_out: int, *, gain: float = 1.0) -> FloatArray:
    """The identity matrix: the layer passes on as many inputs as it has units.

    Parameters
    ----------
    gain : float
        The number on the diagonal.

    Examples
    --------
    >>> identity(np.random.default_rng(0), 2, 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    return gain * np.eye(fan_in, fan_out)


@initializer
def constant(generator: Generator, fan_in: int, fan_out: int, *, value: float = 0.0) -> FloatArray:
    """The same number everywhere: every unit of a layer then learns the same."""
    return np.full((fan_in, fan_out), value)


@initializer
def ones(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """One everywhere: every unit of a layer then learns the same."""
    return np.ones((fan_in, fan_out))


@initializer
def zeros(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Zero everywhere: every unit of a layer then learns the same."""
    return np.zeros((fan_in, fan_out))


_DEVIATION_CUT_AT_2 = 0.87962566103423978
"""The deviation of a standard normal distribution cut at ±2: √(1 - 4·φ(2) / erf(√2))."""


def _cut_normal(generator: Generator, shape: tuple[int, int], cut: float) -> FloatArray:
    """Draw from a standard normal distribution within ±cut."""
    drawn = generator.standard_normal(shape)
    while (outside := abs(drawn) > cut).any():
        drawn[outside] = generator.standard_normal(np.count_nonzero(outside))
    return drawn


@initializer(ranges={"points": "[1, 1000]"})
def data_driven(
    generator: Generator, fan_in: int, fan_out: int, inputs: FloatArray, *, points: int = 5
) -> tuple[FloatArray, FloatArray]:
    """Weights and biases from the data, as RealMLP (Holzmüller et al., 2024, arXiv:2407.04491).

    Normal weights, scaled so that each unit's sums have deviation 1 over the rows. Its bias
    is minus a random mean of its sums for `points` rows, so a kink at 0 is where the data
    is. Read from pytabkit 1.7.3 (`weight_init_mode="std"`, `bias_init_mode="he+5"`), not
    from the paper; differs from it in that at most 1,024 rows are looked at.

    Parameters
    ----------
    points : int
        Rows for the bias of a unit. Their shares in the mean are uniform on the simplex.
    """
    weights = generator.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
    sums = inputs @ weights
    deviations = np.std(sums, axis=0)
    scale = np.where(deviations > 0, deviations, 1.0)
    weights, sums = weights / scale, sums / scale
    shares = generator.standard_exponential((points, fan_out))
    rows = generator.integers(len(sums), size=(points, fan_out))
    chosen = sums[rows, np.arange(fan_out)]
    return weights, -np.sum(chosen * shares, axis=0) / np.sum(shares, axis=0)


def _orthonormal(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Draw orthonormal columns, or rows if they are the shorter side."""
    long, short = max(fan_in, fan_out), min(fan_in, fan_out)
    columns, r = np.linalg.qr(generator.standard_normal((long, short)))
    columns = columns * np.copysign(1.0, np.diag(r))  # as likely in every direction
    return columns if fan_in >= fan_out else columns.T


def _choose(name: str, option: str, value: str, known: Iterable[str]) -> None:
    """Refuse a word that an option does not know."""
    if value not in known:
        raise OptionError(f"initializer {name!r}: {option}={value}: there are {', '.join(known)}.")


@hookimpl
def register_initializers(register: object) -> None:
    """Register every initializer of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
