"""Write more_parts.json: activations and losses that PyTorch lacks, as Keras and Optax have them.

Run by hand, from the repository's root, where Keras 3, JAX and Optax are installed:

    KERAS_BACKEND=jax python -m tests.reference.make_more_parts

Everything is float64. Losses are not reduced: each has the value of each
element or row, and the derivative of that value by the first argument of
nnplug's part, which for a log link is the logarithm of theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("more_parts.json")

# Away from kinks, at which JAX shares the derivative between both sides.
POINTS = [0.0, 1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.75, 1.5, 2.0, 3.0, 4.5, 6.0, 12.5]
SCORES = [-x for x in POINTS[:0:-1]] + POINTS
BINARY = [(0.0, 1.0, 1.0)[at % 3] for at in range(len(SCORES))]
# Keras clips a prediction and a target at 1e-7, and mape's target too.
POSITIVE = [(0.2, 1.0, 7.0, 2.5)[at % 4] for at in range(len(SCORES))]

ROWS = [
    [1.0, 2.0, 3.0, 4.5],
    [-0.3, 0.7, 0.1, -2.5],
    [-5.0, -5.5, -6.0, -7.0],
    [30.0, 0.0, -30.0, 1.5],
    [0.2, 0.3, 0.4, 0.7],
]
OTHERS = [
    [2.0, 1.0, 0.5, 4.0],
    [-0.3, 0.7, 0.1, -2.5],
    [5.0, 5.0, 6.0, 7.5],
    [3.0, 0.1, 3.0, -1.0],
    [-0.7, 0.2, 0.0, 0.1],
]
# Dice is of the sigmoid of the second row; Optax smooths both sides by twice what it is told.
MASKS = [[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
LABELS = [0, 3, 1, 2, 1]
ONE_HOT = np.eye(4)[LABELS].tolist()

Function = Callable[[Any, Any], Any]
losses = keras.losses

ELEMENTWISE: list[tuple[str, str, dict[str, float], str, Function]] = [
    ("mape", "keras", {}, "positive",
     lambda p, t: losses.mean_absolute_percentage_error(t[:, None], p[:, None])),
    ("msle", "keras", {}, "positive",
     lambda z, t: losses.mean_squared_logarithmic_error(t[:, None], jnp.exp(z)[:, None])),
    ("poisson_nll", "keras", {}, "positive",
     lambda z, t: losses.poisson(t[:, None], jnp.exp(z)[:, None])),
    ("hinge", "keras", {}, "binary", lambda z, t: losses.hinge(t[:, None], z[:, None])),
    ("hinge", "optax", {}, "binary", lambda z, t: optax.losses.hinge_loss(z, 2 * t - 1)),
    ("squared_hinge", "keras", {}, "binary",
     lambda z, t: losses.squared_hinge(t[:, None], z[:, None])),
    ("binary_focal", "optax", {"gamma": 2.0, "alpha": 0.25}, "binary",
     lambda z, t: optax.losses.sigmoid_focal_loss(z, t, alpha=0.25, gamma=2.0)),
    ("binary_focal", "keras", {"gamma": 1.5, "alpha": 0.7}, "binary",
     lambda z, t: losses.binary_focal_crossentropy(
         t[:, None], z[:, None], from_logits=True, apply_class_balancing=True, alpha=0.7,
         gamma=1.5)),
]  # fmt: skip

ROW_WISE: list[tuple[str, str, str, Function]] = [
    ("cosine_distance", "optax", "others", optax.losses.cosine_distance),
    ("multiclass_hinge", "optax", "one_hot",
     lambda z, y: optax.losses.multiclass_hinge_loss(z, y.argmax(axis=-1))),
    ("categorical_hinge", "keras", "one_hot", lambda z, y: losses.categorical_hinge(y, z)),
]  # fmt: skip


def with_derivative(function: Function, x: Any, target: Any) -> dict[str, Any]:
    """Give the value and the derivative of its sum."""
    point, against = jnp.asarray(x, jnp.float64), jnp.asarray(target)
    value = function(point, against)
    slope = jax.grad(lambda at: jnp.sum(function(at, against)))(point)
    assert value.dtype == slope.dtype == np.float64, (value.dtype, slope.dtype)
    return {"value": value.tolist(), "derivative": slope.tolist()}


def dice_of_sigmoid(z: Any, mask: Any) -> Any:
    """Compute Optax's dice loss of all elements together."""
    return optax.losses.dice_loss(
        z[None, :, None], mask[None, :, None], smooth=0.5, reduction="none"
    ).sum()


def main() -> None:
    """Write the file."""
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    # On JAX, Keras takes means in float32. Here they are of one column, and that is itself.
    sys.modules[losses.hinge.__module__].ops.mean = jnp.squeeze
    targets: dict[str, list[Any]] = {
        "binary": BINARY,
        "positive": POSITIVE,
        "others": OTHERS,
        "one_hot": ONE_HOT,
    }
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_more_parts.py",
            "keras": keras.__version__,
            "jax": jax.__version__,
            "optax": optax.__version__,
            "scores": SCORES,
            "binary": BINARY,
            "positive": POSITIVE,
            "exponential": with_derivative(
                lambda x, _: keras.activations.exponential(x), SCORES, 0
            ),
            "losses": [
                {
                    "name": name,
                    "from": source,
                    "options": options,
                    "against": against,
                    **with_derivative(function, SCORES, targets[against]),
                }
                for name, source, options, against, function in ELEMENTWISE
            ],
            "rows": ROWS,
            "others": OTHERS,
            "one_hot": ONE_HOT,
            "row_losses": [
                {
                    "name": name,
                    "from": source,
                    "against": against,
                    **with_derivative(function, ROWS, targets[against]),
                }
                for name, source, against, function in ROW_WISE
            ],
            "masks": MASKS,
            "dice": [with_derivative(dice_of_sigmoid, ROWS[1], mask) for mask in MASKS],
        },
    )
    print(f"{len(SCORES)} scores, {len(ROWS)} rows")


if __name__ == "__main__":
    main()
