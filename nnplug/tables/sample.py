"""A uniform sample of numbers that come in chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnplug.randomness import derive_generator

__all__ = ["SAMPLE", "Sample"]

Float64Array = npt.NDArray[np.float64]

SAMPLE = 1_000_000
"""Numbers of a column that are kept, if it comes in chunks and has more.

A quantile of a uniform sample of n numbers is one of all numbers whose share is off by at
most √(ln(2/p) / 2n) with probability 1 - p (Dvoretzky, Kiefer & Wolfowitz, 1956; Massart,
1990): by 0.0027 with p = 10⁻⁶, for all quantiles of a column at once.
"""


class Sample:
    """Numbers that come in chunks: all of them, or of very many a uniform sample.

    A single chunk is kept whole, without a copy. Which numbers of several chunks are in
    the sample depends on their order, and not on where one chunk ends.
    """

    def __init__(self) -> None:
        self._chunks: list[Float64Array] = []
        self._count = 0
        self._ranks: list[Float64Array] = []
        self._random: np.random.Generator | None = None

    def add(self, values: Float64Array) -> None:
        """Add numbers, (n,)."""
        self._chunks.append(values)
        self._count += len(values)
        if self._count > SAMPLE and len(self._chunks) > 1:
            self._random = self._random or derive_generator(0, "sample of a column")
            # Every number has a random rank; the smallest ranks are the sample.
            for chunk in self._chunks[len(self._ranks) :]:
                self._ranks.append(self._random.random(len(chunk)))
            if sum(map(len, self._chunks)) > SAMPLE + SAMPLE // 2:
                self._keep_smallest()

    def _keep_smallest(self) -> None:
        values, ranks = np.concatenate(self._chunks), np.concatenate(self._ranks)
        kept = np.argpartition(ranks, SAMPLE)[:SAMPLE]
        self._chunks, self._ranks = [values[kept]], [ranks[kept]]

    @property
    def values(self) -> Float64Array:
        """The sample, (n,), in no order."""
        if self._ranks and sum(map(len, self._chunks)) > SAMPLE:
            self._keep_smallest()
        if len(self._chunks) > 1:
            self._chunks = [np.concatenate(self._chunks)]
            self._ranks = [np.concatenate(self._ranks)] if self._ranks else []
        return self._chunks[0] if self._chunks else np.zeros(0)
