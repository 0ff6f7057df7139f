"""Generators are derived from seed, purpose and place; each of them makes a stream of its own."""

import numpy as np
import pytest

from nnplug.randomness import derive_generator


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 8}, {"purpose": "split"}, {"epoch": 3}, {"step": 4},
        {"epoch": 5, "step": 2},  # the two are not added up
    ],
)  # fmt: skip
def test_each_of_them_makes_another_stream(other):
    place = {"seed": 7, "purpose": "shuffle", "epoch": 2, "step": 5}
    first = derive_generator(**place).random(1000)
    np.testing.assert_array_equal(derive_generator(**place).random(1000), first)
    second = derive_generator(**(place | other)).random(1000)
    assert not np.isin(second, first).any()
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15  # some 5 deviations
