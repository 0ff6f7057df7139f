"""The built-in recipes."""

from __future__ import annotations

from typing import Any

from nnplug.hookspecs import hookimpl
from nnplug.parts import Facts, Part, recipe


@recipe
def notebook(facts: Facts) -> dict[str, Any]:
    """The notebook that nnplug began as: gradient descent on two sigmoid units.

    Full-batch steps on the mean squared error, from the weights of NumPy's
    legacy generator. The dataset `xor` comes with it.
    """
    return {
        "hidden": (2,),
        "activation": "sigmoid",
        "loss": "mse",
        "optimizer": "sgd:learning_rate=1.0",
        "initializer": "legacy_uniform",
        "epochs": 10_000,
        "batch_size": "full",
        "metrics": (),
        "log_every": 1000,
    }


@recipe(aliases=("sklearn",))
def scikit_learn(facts: Facts) -> dict[str, Any]:
    """The defaults of scikit-learn's MLPClassifier and MLPRegressor (version 1.9).

    One hidden layer of 100 relu units, Adam at 0.001, batches of 200 rows or
    fewer, at most 200 epochs, alpha 0.0001. scikit-learn divides alpha by the
    rows of a batch, so l2 is alpha divided by them.

    Differs from scikit-learn in what a recipe does not say: nnplug holds out a
    fifth of the rows and stops by their loss, scikit-learn by the training loss.

    Examples
    --------
    >>> scikit_learn.settings(Facts(rows=50, inputs=4, outputs=1, task="regression"))["l2"]
    2e-06
    """
    rows = min(200, facts.rows)
    return {
        "hidden": (100,),
        "activation": "relu",
        "optimizer": "adam:learning_rate=0.001",
        "initializer": "glorot_uniform",
        "batch_size": rows,
        "epochs": 200,
        "patience": 10,
        "min_delta": 1e-4,
        "l2": 1e-4 / rows,
    }


@hookimpl
def register_recipes(register: object) -> None:
    """Register every recipe of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
