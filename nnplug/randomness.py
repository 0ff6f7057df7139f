"""Derived random numbers: no generator's state is ever kept.

Every generator is made from the run's seed, a purpose and a position in the run.
So a run that is stopped and resumed draws the same numbers as one that is not,
and no generator has to be saved.
"""

from __future__ import annotations

import zlib
from typing import Any, cast

import numpy as np

__all__ = ["derive_generator", "legacy_generator", "member_seed"]


def derive_generator(seed: int, purpose: str, epoch: int = 0, step: int = 0) -> np.random.Generator:
    """Make the generator of one purpose at one place of a run.

    Parameters
    ----------
    seed : int
        The run's seed, at least 0.
    purpose : str
        The purpose of the numbers, such as `"shuffle"`; different purposes
        give independent streams.
    epoch, step : int
        The position in the run, both at least 0.

    Returns
    -------
    numpy.random.Generator
        Explicitly a PCG64, whose stream NumPy keeps stable.
    """
    entropy = (seed, zlib.crc32(purpose.encode()), epoch, step)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def member_seed(seed: int, member: int) -> int:
    """Return the seed of one member of a model, counted from 0; the first has the run's own.

    The members of runs whose seeds are neighbours have nothing in common: they
    would have if the members' seeds were neighbours too.
    """
    if member == 0:
        return seed
    # Initializers that repeat the old interface take 32 bits.
    return int(derive_generator(seed, "member", member).integers(2**32))


def legacy_generator(seed: int) -> np.random.Generator:
    """Make a generator with the stream of `numpy.random.seed(seed)`.

    Its `uniform` draws the same numbers as `numpy.random.uniform` after that
    seed, so that runs written for the old interface can be repeated.
    """
    bits = np.random.MT19937()
    # The legacy seeding differs from SeedSequence's; its state carries over.
    bits.state = cast(Any, np.random.RandomState(seed).get_state(legacy=False))
    return np.random.Generator(bits)
