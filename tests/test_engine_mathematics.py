"""The functions that compiled loops use, against 60-digit arithmetic."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from nnplug.engines.numba.mathematics import NAMES, Bits, functions

INTEGER = {"float32": np.int32, "float64": np.int64}
POINTS = 400
SMALL = 10.0 ** np.linspace(-30, 0, POINTS)


def made(dtype):
    """The functions as plain Python, on NumPy's scalars."""
    real = getattr(np, dtype)
    bits = Bits(
        of=lambda number: number.view(INTEGER[dtype]), number=lambda whole: whole.view(real)
    )
    return functions(dtype, bits, lambda function: function)


def points(name, dtype):
    single = dtype == "float32"
    low, high = (-103.9, 88.7) if single else (-745.0, 709.7)
    chosen = {
        "exp": np.concatenate([np.linspace(low, high, POINTS), np.linspace(-2, 2, POINTS)]),
        "expm1": np.concatenate([np.linspace(-50, high, POINTS), SMALL, -SMALL]),
        "log": np.concatenate(
            [10.0 ** np.linspace(-44 if single else -322, 38, POINTS), np.linspace(0.5, 2, POINTS)]
        ),
        "log1p": np.concatenate([SMALL, -SMALL[:-1] * 0.99, 10.0 ** np.linspace(0, 38, POINTS)]),
        "tanh": np.concatenate([np.linspace(-30, 30, POINTS), SMALL, -SMALL]),
    }[name]
    return chosen.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_within_4_units_in_the_last_place(name, dtype):
    function, exact = made(dtype)[name], getattr(mpmath, name)
    # The bits of what a selection did not choose may overflow on the way.
    with np.errstate(all="ignore"), mpmath.workdps(60):
        for x in points(name, dtype):
            true = exact(mpmath.mpf(float(x)))
            unit = np.spacing(np.abs(np.array(float(true)).astype(dtype)))
            error = abs(mpmath.mpf(float(function(x))) - true) / mpmath.mpf(float(unit))
            assert error <= 4, (name, float(x), float(error))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "x", "wanted"),
    [
        ("exp", np.inf, np.inf),
        ("exp", 1000.0, np.inf),
        ("exp", -np.inf, 0.0),
        ("exp", -1000.0, 0.0),
        ("expm1", np.inf, np.inf),
        ("expm1", -np.inf, -1.0),
        ("log", 0.0, -np.inf),
        ("log", -0.0, -np.inf),
        ("log", np.inf, np.inf),
        ("log", -1.0, np.nan),
        ("log", -np.inf, np.nan),
        ("log1p", -1.0, -np.inf),
        ("log1p", np.inf, np.inf),
        ("log1p", -2.0, np.nan),
        ("log1p", 0.0, 0.0),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        *((name, np.nan, np.nan) for name in NAMES),
    ],
)
def test_at_the_ends(name, x, wanted, dtype):
    with np.errstate(all="ignore"):
        found = made(dtype)[name](np.dtype(dtype).type(x))
    np.testing.assert_equal(float(found), wanted)
    assert found.dtype == dtype
