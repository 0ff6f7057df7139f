"""The built-in initializers: the weights of a layer before the first step."""

from __future__ import annotations

import numpy as np

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
def zeros(generator: Generator, fan_in: int, fan_out: int) -> FloatArray:
    """Zero everywhere: every unit of a layer then learns the same."""
    return np.zeros((fan_in, fan_out))


@hookimpl
def register_initializers(register: object) -> None:
    """Register every initializer of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
