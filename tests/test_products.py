"""Matrix products within a compiled step: loops, and NumPy's BLAS by its address."""

from __future__ import annotations

import numpy as np
import pytest

from nnplug.engines.numba import binder
from nnplug.engines.numba.blas import find_blas
from nnplug.engines.numba.compiler import compiler
from nnplug.network.network import Network
from nnplug.plans import Regularization
from nnplug.plugins.registry import Registry
from nnplug.training import Steps
from tests.engines import ENGINES

WIDTHS = (70, 90, 65, 1)
ORDER = np.random.default_rng(1).permutation(400)


def steps(engine, batch, dtype, widths=WIDTHS, **options):
    registry = Registry()
    network = Network(
        widths[0],
        widths[1:-1],
        widths[-1],
        activations=[registry.get("activation", "tanh")] * (len(widths) - 2),
        output_activation=registry.get("activation", "identity"),
        dtype=dtype,
    )
    network.initialize(registry.get("initializer", "glorot_uniform"), 0)
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(400, widths[0])).astype(dtype)
    targets = np.sin(inputs[:, : widths[-1]])
    loss, optimizer = registry.get("loss", "mse"), registry.get("optimizer", "momentum")
    return Steps(
        network, loss, optimizer, inputs, targets, batch, engine=ENGINES[engine], **options
    )


def taken(made, batch):
    count = len(ORDER) // batch
    losses = np.empty(count)
    assert made.run_many(ORDER, np.full(count, 0.05), losses) == count
    return made.network.parameters, losses


# With 20 rows BLAS is given the transposed product; (70, 90) and (90, 65) are
# too large for loops with either, (65, 1) is a matrix and a column.
@pytest.mark.parametrize(("batch", "dtype"), [(20, np.float32), (200, np.float64)])
@pytest.mark.parametrize("widths", [WIDTHS, (70, 300, 1), (300, 70, 3)], ids=str)
def test_a_step_that_calls_blas_is_numpys_step(widths, dtype, batch):
    made = steps("numba", batch, dtype, widths)
    assert made.bound(batch).many is not None
    found, losses = taken(made, batch)
    wanted, before = taken(steps("numpy", batch, dtype, widths), batch)
    tolerance = 3e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance / 10)
    np.testing.assert_allclose(losses, before, rtol=tolerance)


@pytest.mark.parametrize("part", [0.25, 1.0], ids=["a short batch", "as long"])
def test_a_shorter_last_batch_needs_nothing_compiled_and_is_numpys_step(part):
    last = round(part * 196)
    made, wanted = (steps(engine, 196, np.float64) for engine in ("numba", "numpy"))
    compiled = compiler().compiled
    assert made.bound(last).many is not None
    assert compiler().compiled == compiled
    for one in (made, wanted):
        assert np.isfinite(one.run(ORDER[:last]))
    np.testing.assert_allclose(
        made.network.parameters, wanted.network.parameters, rtol=1e-12, atol=1e-13
    )


def test_penalties_are_squares_by_blas():
    options = {"regularization": Regularization(l2=0.1)}
    made = steps("numba", 200, np.float64, **options)
    assert made.bound(200).many is not None
    found, _ = taken(made, 200)
    wanted, _ = taken(steps("numpy", 200, np.float64, **options), 200)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_without_a_blas_that_is_found_large_products_stay_numpys(monkeypatch):
    monkeypatch.setattr(binder, "find_blas", lambda: None)
    made = steps("numba", 200, np.float64)
    assert made.bound(200).many is None
    found, _ = taken(made, 200)
    wanted, _ = taken(steps("numpy", 200, np.float64), 200)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_the_functions_are_those_of_numpys_library():
    blas = find_blas()
    assert blas is not None
    assert blas.bits in (32, 64)
    assert len(set(blas.addresses.values())) == 6


def test_a_very_deep_network_is_one_function_of_many_calls():
    for width in (8, 40):  # small products in a large program are BLAS's too
        widths = (12, *(width,) * 48, 3)
        made = steps("numba", 20, np.float64, widths)
        assert made.bound(20).many is not None
        found, _ = taken(made, 20)
        wanted, _ = taken(steps("numpy", 20, np.float64, widths), 20)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)
