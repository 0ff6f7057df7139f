"""What inputs contribute to an output sums to it, through every part: kinks, steps, rows."""

from __future__ import annotations

import nnplug
import numpy as np
import pytest
from nnplug.models.attributions import attribute
from nnplug.network.network import Network
from packaged import PARTS


@pytest.mark.parametrize("name", PARTS)
def test_contributions_sum_to_the_difference(name):
    registry = nnplug.Registry()
    network = Network.of(
        3, [registry.get("layer", "dense:8"), PARTS[name]], 2,
        output_activation=registry.get("activation", "identity"), dtype=np.float64,
    )  # fmt: skip
    network.initialize(registry.get("initializer", "glorot_uniform"), 1)
    rows, baseline = np.random.default_rng(0).normal(size=(6, 3)), np.full(3, 0.1)
    found, outputs, base = attribute(network, rows, baseline, lambda z, _: z)
    *_, (_, own) = network.forward(rows)
    np.testing.assert_allclose(outputs, own, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), outputs - base, rtol=1e-10, atol=1e-10)
